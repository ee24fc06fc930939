"""Real processes on loopback: Prometheus, Alertmanager, the router, and the fake Discord."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from testbed import real_parts, stack
from testbed.fakes.discord import DiscordState, RateLimits, RunningDiscord, running
from testbed.ports import free_port
from testbed.processes import Process
from testbed.running_router import RunningRouter


@pytest.fixture(scope="session", autouse=True)
def real_programs() -> None:
    real_parts.program("prometheus", package="prometheus")
    real_parts.program("prometheus-alertmanager", "alertmanager", package="prometheus-alertmanager")


@pytest.fixture
def discord() -> Iterator[RunningDiscord]:
    """Strict about every form rule, without rate limits: these tests are about other things."""
    with running(DiscordState(limits=RateLimits(enabled=False), auto_register=True)) as server:
        yield server


@pytest.fixture
def start() -> Iterator[Callable[[Process], Process]]:
    """Start a program and wait for it; it is stopped at the end of the test."""
    with ExitStack() as programs:

        def started(program: Process) -> Process:
            programs.callback(program.stop)
            program.start()
            program.wait_ready()
            return program

        yield started


@pytest.fixture
def router(
    tmp_path: Path, database_url: str, discord: RunningDiscord, start: Callable[[Process], Process]
) -> Iterator[RunningRouter]:
    """On either database."""
    port = free_port()
    program = stack.router(
        tmp_path,
        port,
        {
            "ALERT_ROUTER_DATABASE_URL": database_url,
            "DISCORD_WEBHOOK_URL": discord.webhook_url(),
            "ALERT_ROUTER_CHANNEL_PER_MINUTE": "100000",
            "ALERT_ROUTER_HOLD_SECONDS": "4",
        },
    )
    start(program)
    with closing(RunningRouter(program, stack.local(port))) as running_router:
        yield running_router
