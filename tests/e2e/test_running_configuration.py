"""A running router takes a changed file at SIGHUP, survives a bad one, and sends tests for the command."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from testbed import stack
from testbed.commands import command
from testbed.fakes.discord import RunningDiscord
from testbed.ports import free_port
from testbed.processes import Process, until
from testbed.running_router import RunningRouter

pytestmark = pytest.mark.e2e
SUCCESSFUL = "alert_router_config_last_reload_successful"


@pytest.fixture
def file(tmp_path: Path, discord: RunningDiscord) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(routes(discord, channel="ops"))
    return path


def routes(discord: RunningDiscord, *, channel: str) -> str:
    return (
        f'channels:\n  ops: {{webhook_url: "{discord.webhook_url("1")}"}}\n'
        f'  shop: {{webhook_url: "{discord.webhook_url("2")}"}}\n'
        f"route: {{channel: {channel}}}\n"
    )


@pytest.fixture
def router(tmp_path: Path, file: Path, start: Callable[[Process], Process]) -> Iterator[RunningRouter]:
    port = free_port()
    program = stack.router(tmp_path, port, {"ALERT_ROUTER_CONFIG": str(file)})
    start(program)
    with closing(RunningRouter(program, stack.local(port))) as running:
        yield running


def send_test(router: RunningRouter) -> tuple[int, str]:
    listen = router.url.removeprefix("http://")
    environment = {"ALERT_ROUTER_LISTEN": listen, "ALERT_ROUTER_INGEST_TOKENS": stack.TOKEN}
    return command("sqlite://", "send-test", **environment)


def test_file_is_reloaded_at_sighup_and_a_bad_one_is_survived(
    router: RunningRouter, discord: RunningDiscord, file: Path
) -> None:
    status, output = send_test(router)
    assert (status, output.startswith("sent to ops: http")) == (0, True)
    until(lambda: len(discord.state.messages("1")) == 1, "the test is in ops", within_s=30)
    assert "TEST" in str(discord.state.messages("1")[0].embeds)

    file.write_text("route: {chanel: ops}\n")
    os.kill(router.program.pid, signal.SIGHUP)
    until(lambda: router.metric(SUCCESSFUL) == 0, "the bad file is refused", within_s=30)
    assert router.program.alive

    file.write_text(routes(discord, channel="shop"))
    os.kill(router.program.pid, signal.SIGHUP)
    until(lambda: router.metric(SUCCESSFUL) == 1, "the good file is in effect", within_s=30)
    assert send_test(router)[1].startswith("sent to shop: http")
    until(lambda: len(discord.state.messages("2")) >= 1, "a test is in shop", within_s=30)

    log = router.program.log.read_text()
    assert 'unknown key "chanel"; did you mean "channel"?' in log
    assert "configuration reloaded: routes: 1, were 1" in log
    assert "channels ops, shop; tokens 1;" in log
