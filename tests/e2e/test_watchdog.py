"""A blind monitoring and a router that is down are both notified, with real Prometheus and Alertmanager."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from monitoring.scaled import write_scaled
from testbed import stack
from testbed.fakes.discord import RunningDiscord
from testbed.monitoring.listener import Listener, listening
from testbed.ports import free_port
from testbed.processes import Process, until
from testbed.running_router import RunningRouter

pytestmark = pytest.mark.e2e
SLACK = "/api/webhooks/1/token/slack"


@pytest.fixture
def router(
    tmp_path: Path, database_url: str, discord: RunningDiscord, start: Callable[[Process], Process]
) -> Iterator[RunningRouter]:
    port = free_port()
    environment = {
        "ALERT_ROUTER_DATABASE_URL": database_url,
        "DISCORD_WEBHOOK_URL": discord.webhook_url(),
        "ALERT_ROUTER_CHANNEL_PER_MINUTE": "100000",
        "ALERT_ROUTER_WATCHDOG_SECONDS": "4",
    }
    program = stack.router(tmp_path, port, environment)
    start(program)
    with closing(RunningRouter(program, stack.local(port))) as running_router:
        yield running_router


@pytest.fixture
def second_path() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def test_monitoring_blind_and_router_down_are_notified(
    router: RunningRouter,
    discord: RunningDiscord,
    second_path: Listener,
    start: Callable[[Process], Process],
    tmp_path: Path,
) -> None:
    port = free_port()
    paths = write_scaled(
        tmp_path / "config",
        factor=600,
        targets={"alert-router": router.url.removeprefix("http://")},
        alertmanagers=[f"127.0.0.1:{port}"],
        router_url=router.url,
        token=stack.TOKEN,
        meta=True,
        second_path_url=f"{second_path.url}{SLACK}",
    )
    alertmanager = start(stack.alertmanager(tmp_path, paths.alertmanager, port))
    start(stack.prometheus(tmp_path, paths.prometheus, free_port()))
    until(lambda: heartbeats(router) >= 2, "the heartbeat arrives", within_s=30)
    assert titles(discord) == []

    alertmanager.kill()
    until(
        lambda: titles(discord) == ["🔴 critical · MonitoringBlind"],
        "a card says that it is blind",
        within_s=30,
    )
    alertmanager.start()
    seeing = ["🟢 MonitoringBlind \u2013 resolved"]
    until(lambda: titles(discord) == seeing, "the card is resolved", within_s=30)
    assert "MonitoringBlind" not in str(second_path.requests)

    # On a slow machine a scrape of the router may have failed before.
    before = firing_notices(second_path)
    router.program.kill()
    until(lambda: firing_notices(second_path) > before, "the second path gets it", within_s=30)

    assert titles(discord) == seeing


def heartbeats(router: RunningRouter) -> float:
    return router.metric('alert_router_webhook_requests_total{code="200",source="alertmanager"}')


def titles(discord: RunningDiscord) -> list[str]:
    return [message.embeds[0]["title"] for message in discord.state.messages()]


def firing_notices(second_path: Listener) -> int:
    """Messages by the second path that the router is down; Alertmanager colours them by their status."""
    bodies = [str(request.body) for request in second_path.requests if request.path == SLACK]
    return sum("alert-router is down" in body and "'color': 'danger'" in body for body in bodies)
