"""A disk that is really full: senders hear 503 and keep what they have, and the second path says so."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from monitoring.scaled import write_scaled
from testbed import stack, webhook_alerts
from testbed.fakes.discord import RunningDiscord
from testbed.monitoring.listener import Listener, listening
from testbed.ports import free_port
from testbed.processes import Process, until
from testbed.running_router import RunningRouter

BEGAN = datetime(2026, 11, 22, 10, tzinfo=UTC)
DISK_BYTES = 4 * 1024 * 1024
FACTOR = 60.0
STORE_DOWN = "firing: alert-router cannot use its database"
MOUNT = f'mount -t tmpfs -o size={DISK_BYTES} tmpfs "$1" && shift && exec "$@"'
Start = Callable[[Process], Process]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """On a small disk of the router's own, mounted where only its process sees it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    return f"sqlite:///{disk / 'router.db'}"


@pytest.fixture
def router(
    tmp_path: Path, database_url: str, discord: RunningDiscord, start: Start
) -> Iterator[RunningRouter]:
    port = free_port()
    environment = {
        "ALERT_ROUTER_DATABASE_URL": database_url,
        "DISCORD_WEBHOOK_URL": discord.webhook_url(),
        "ALERT_ROUTER_CHANNEL_PER_MINUTE": "100000",
    }
    program = stack.router(tmp_path, port, environment)
    program.command = ["unshare", "-rm", "sh", "-c", MOUNT, "sh", str(tmp_path / "disk"), *program.command]
    start(program)
    with closing(RunningRouter(program, stack.local(port))) as running_router:
        yield running_router


@contextmanager
def full(router: RunningRouter, folder: Path) -> Iterator[None]:
    """Nothing is left of the disk; the process sees it under its own root."""
    filler = Path(f"/proc/{router.program.pid}/root{folder}/filler")
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    yield
    filler.unlink()


@pytest.fixture
def second_path(tmp_path: Path, router: RunningRouter, start: Start) -> Iterator[Listener]:
    """Of a real Prometheus and Alertmanager that watch the router."""
    ports = free_port(), free_port()
    with listening() as listener:
        paths = write_scaled(
            tmp_path / "monitoring",
            factor=FACTOR,
            targets={"alert-router": router.url.removeprefix("http://")},
            alertmanagers=[f"127.0.0.1:{ports[1]}"],
            router_url=router.url,
            token=stack.TOKEN,
            meta=True,
            second_path_url=listener.url,
        )
        start(stack.alertmanager(tmp_path, paths.alertmanager, ports[1]))
        start(stack.prometheus(tmp_path, paths.prometheus, ports[0]))
        yield listener


def send(router: RunningRouter, number: int) -> httpx.Response:
    names = [f"api-{number}-{instance}" for instance in range(200)]
    return router.post_webhook(webhook_alerts.webhook(f"Group{number}", names, starts_at=BEGAN, ends_at=None))


def ready(router: RunningRouter) -> bool:
    return router.client.get(f"{router.url}/-/ready").status_code == 200


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_full_disk_is_heard_by_the_second_path_and_costs_no_alert(
    router: RunningRouter, second_path: Listener, discord: RunningDiscord, tmp_path: Path
) -> None:
    accepted = send(router, 0).is_success

    with full(router, tmp_path / "disk"):
        sent = [send(router, number) for number in range(1, 6)]
        until(lambda: not ready(router), "the router is not ready", within_s=30)
        reasons = router.client.get(f"{router.url}/-/ready").json()["not_ready"]
        until(lambda: STORE_DOWN in str(second_path.requests), "it is heard", within_s=90)

    until(lambda: ready(router), "the router is ready again", within_s=60)
    refused = [number for number, answer in enumerate(sent, 1) if answer.status_code == 503]
    assert accepted
    assert refused
    assert {answer.status_code for answer in sent} <= {200, 503}
    assert "no space left" in reasons["database"]
    assert all(send(router, number).is_success for number in refused)
    until(lambda: len(discord.state.creates) >= 6, "all are in Discord", within_s=60)
