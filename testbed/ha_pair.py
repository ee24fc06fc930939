"""Two routers on one PostgreSQL, and a pair of Alertmanagers each of which tells both of them."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Self

import httpx
import yaml

from monitoring.scaled import write_scaled
from testbed import stack, webhook_alerts
from testbed.ports import free_port
from testbed.processes import Process
from testbed.running_router import RunningRouter

SEND_EVERY_S = 0.5
HOLD_S = 4.0


class Prometheus(threading.Thread):
    """Sends what fires and what has ended to every Alertmanager again and again, as Prometheus does."""

    def __init__(self, alertmanagers: Sequence[str]) -> None:
        super().__init__(name="Prometheus", daemon=True)
        self.wanted: dict[str, str] = {}
        """Each alert's status by its name."""
        self._began: dict[str, datetime] = {}
        self._ended: dict[str, datetime] = {}
        self._alertmanagers = alertmanagers
        self._stopping = threading.Event()

    def fire(self, name: str) -> None:
        self._began[name] = datetime.now(UTC)
        self.wanted[name] = "firing"

    def resolve(self, name: str) -> None:
        self._ended[name] = datetime.now(UTC)
        self.wanted[name] = "resolved"

    @property
    def firing(self) -> list[str]:
        return [name for name, status in self.wanted.items() if status == "firing"]

    def run(self) -> None:
        while not self._stopping.wait(SEND_EVERY_S):
            for url in self._alertmanagers:
                with suppress(httpx.HTTPError):  # this one is down; it is sent again
                    webhook_alerts.push_all([url], [self._known(name) for name in list(self.wanted)])

    def _known(self, name: str) -> webhook_alerts.Known:
        return webhook_alerts.Known(name, self._began[name], self._ended.get(name))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.join()


@dataclass(slots=True)
class Pair:
    """Started by the test, which also stops it."""

    routers: list[RunningRouter]
    alertmanagers: list[Process]
    urls: list[str]
    """Of the Alertmanagers."""
    router_kills: int = 0
    _down: list[Process] = field(default_factory=list)

    @classmethod
    def started(
        cls,
        folder: Path,
        database_url: str,
        webhook_url: str,
        start: Callable[[Process], Process],
    ) -> "Pair":
        router_ports, ports, gossip = ([free_port(), free_port()] for _ in range(3))
        urls = [stack.local(port) for port in ports]
        environment = {
            "ALERT_ROUTER_DATABASE_URL": database_url,
            "DISCORD_WEBHOOK_URL": webhook_url,
            "ALERTMANAGER_URL": ",".join(urls),
            "ALERT_ROUTER_RECONCILE_SECONDS": "2",
            "ALERT_ROUTER_CHANNEL_PER_MINUTE": "100000",
            "ALERT_ROUTER_HOLD_SECONDS": str(HOLD_S),
        }
        routers = []
        for number, port in enumerate(router_ports):
            own = folder / f"router-{number}"
            own.mkdir()
            program = start(stack.router(own, port, environment))
            routers.append(RunningRouter(program, stack.local(port)))
        config = _config(folder, [router.url for router in routers])
        alertmanagers = [
            stack.alertmanager(
                folder, config, ports[own], cluster_port=gossip[own], peer_port=gossip[1 - own]
            )
            for own in (0, 1)
        ]
        return cls(routers, [start(program) for program in alertmanagers], urls)

    @property
    def alive(self) -> RunningRouter:
        return next(router for router in self.routers if router.program.alive)

    def kill_one_of_each(self, chance: Random) -> None:
        """At moments of their own, within a second."""
        victims = [
            chance.choice([router.program for router in self.routers]),
            chance.choice(self.alertmanagers),
        ]
        chance.shuffle(victims)
        for victim in victims:
            threading.Event().wait(chance.uniform(0, 0.5))  # the moment is part of the story
            victim.kill()
        self.router_kills += 1
        self._down = victims

    def restart(self) -> None:
        for program in self._down:
            program.start()
        for program in self._down:
            program.wait_ready()
        self._down = []

    def history(self) -> dict[str, str]:
        return {alert["alertname"]: alert["status"] for alert in self.alive.alerts()}

    def times_in_history(self) -> Counter[str]:
        return Counter(alert["alertname"] for alert in self.alive.alerts())

    @property
    def all_delivered(self) -> bool:
        with suppress(httpx.HTTPError):
            return self.alive.all_delivered
        return False


@dataclass(slots=True)
class Lasting:
    """A condition that must have held for a while."""

    condition: Callable[[], bool]
    for_s: float
    _since: float | None = None

    def __call__(self) -> bool:
        if not self.condition():
            self._since = None
            return False
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since > self.for_s


def _config(folder: Path, router_urls: Sequence[str]) -> Path:
    """One receiver names both routers: Alertmanager sends to each, and again to one that was down."""
    paths = write_scaled(
        folder / "config",
        factor=3600,
        targets={},
        alertmanagers=[],
        router_url=router_urls[0],
        token=stack.TOKEN,
        group_interval_s=0.5,
    )
    document = yaml.safe_load(paths.alertmanager.read_text())
    for receiver in document["receivers"]:
        receiver["webhook_configs"] = [
            {**webhook, "url": webhook["url"].replace(router_urls[0], url)}
            for webhook in receiver.get("webhook_configs", ())
            for url in router_urls
        ]
    paths.alertmanager.write_text(yaml.safe_dump(document))
    return paths.alertmanager
