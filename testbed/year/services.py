"""The programs of the year: fakes of Paris and Discord, model service and router; all on free ports."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from testbed.fakes import discord
from testbed.fakes.discord import DiscordState
from testbed.fakes.paris import server
from testbed.fakes.paris.state import ParisState
from testbed.ports import free_port
from testbed.processes import Process
from testbed.stack import ROOT, TOKEN, backend, local
from testbed.year.clock import Clock

KEEP_MODELS = 200
"""All of them: former champions are evaluated again when the year is over."""


@dataclass(frozen=True, slots=True)
class Services:
    paris_url: str
    model_url: str
    router_url: str
    discord: DiscordState


@contextmanager
def running(folder: Path, clock: Clock, paris: ParisState) -> Iterator[Services]:
    ports = free_port(), free_port()
    with ExitStack() as stack:
        channel = stack.enter_context(discord.running(_channel()))
        programs = [_model(folder, ports[0]), _router(folder, ports[1], clock, channel.webhook_url())]
        paris_url = stack.enter_context(server.running(paris))
        _start(programs, stack)
        yield Services(paris_url, local(ports[0]), local(ports[1]), channel.state)


def _channel() -> DiscordState:
    state = DiscordState()
    state.webhook()
    return state


def _start(programs: Sequence[Process], stack: ExitStack) -> None:
    for program in programs:
        stack.callback(program.stop)
        program.start()
    for program in programs:
        program.wait_ready()


def _model(folder: Path, port: int) -> Process:
    """It starts without counts: all it knows comes through the pipeline."""
    empty = folder / "no-counts"
    empty.mkdir()
    (empty / "wide.csv").write_text("date\n")
    program = backend(folder, port, empty)
    program.environment = {**program.environment, "REGMODEL_KEEP_MODELS": str(KEEP_MODELS)}
    return program


def _router(folder: Path, port: int, clock: Clock, webhook_url: str) -> Process:
    return Process(
        name="alert-router",
        command=[sys.executable, "-m", "testbed.year.router"],
        ready_url=f"{local(port)}/-/ready",
        log=folder / "alert-router.log",
        environment={
            "YEAR_CLOCK": str(clock.path),
            "ALERT_ROUTER_LISTEN": f"127.0.0.1:{port}",
            "ALERT_ROUTER_DATABASE_URL": f"sqlite:///{folder / 'alert_router.db'}",
            "ALERT_ROUTER_INGEST_TOKENS": TOKEN,
            "DISCORD_WEBHOOK_URL": webhook_url,
            # A day passes in a second or two: what is due every four hours would come once a day.
            "ALERT_ROUTER_REMIND_EVERY": "none",
            # Nobody sends a watchdog here, which is a fact about this run and not about the year.
            "ALERT_ROUTER_WATCHDOG_SECONDS": "1000000000",
        },
        folder=ROOT,
    )
