"""The real router on a free port, with a clock that the caller sets."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any

import httpx
import uvicorn

from alert_router.app import SYSTEM_CLOCKS, build, serve
from alert_router.cli.server import Server
from alert_router.settings import Settings

PAGE = {"accept": "text/html"}
DEADLINE_S = 60.0
STEP_S = 0.02


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class ServedRouter:
    """A running router and a client of it."""

    url: str
    clock: Clock
    http: httpx.Client
    database_url: str
    stop_within: Callable[[timedelta], bool]
    """Stops the server; whether it has stopped in this time."""

    def webhook(self, *alerts: dict[str, Any], group: dict[str, str]) -> None:
        body = {
            "version": "4",
            "groupLabels": group,
            "externalURL": "https://alertmanager.example.org",
            "alerts": alerts,
        }
        self.http.post("/webhooks/alertmanager", json=body).raise_for_status()

    def event(self, **fields: Any) -> int:
        response = self.http.post("/events", json={"occurred_at": self.clock.now.isoformat(), **fields})
        response.raise_for_status()
        return int(response.json()["id"])

    def settle(self) -> None:
        """Wait until every card is delivered."""
        until(lambda: 'alert_router_cards{state="pending"} 0.0' in self.http.get("/metrics").text)

    def summed(self) -> None:
        """Wait until the sums behind /insights know of the alerts."""
        until(lambda: "No alerts in this period" not in self.http.get("/insights", headers=PAGE).text)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        pause.wait(STEP_S)


def _stop(server: uvicorn.Server, thread: threading.Thread, limit: timedelta) -> bool:
    server.should_exit = True
    thread.join(limit.total_seconds())
    return not thread.is_alive()


@contextmanager
def serving(database: Path, clock: Clock) -> Iterator[ServedRouter]:
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        settings = Settings.model_validate({"database_url": f"sqlite:///{database}", "listen": address})
        service = build(settings, clocks=replace(SYSTEM_CLOCKS, now=clock), transport=None)
        config = uvicorn.Config(serve(service), log_config=None, access_log=False)
        server = Server(config, service.state["live"])
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            until(lambda: server.started or not thread.is_alive())
            with httpx.Client(base_url=f"http://{address}") as http:
                stop = partial(_stop, server, thread)
                yield ServedRouter(f"http://{address}", clock, http, f"sqlite:///{database}", stop)
        finally:
            server.should_exit = True
            thread.join()
