"""Whatever clients do: a critical card is sent within seconds, and SIGTERM ends the router within seconds."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime

import pytest

from testbed import webhook_alerts
from testbed.fakes.discord import RunningDiscord
from testbed.hostile import Target
from testbed.processes import until
from testbed.running_router import RunningRouter

BEGAN = datetime(2026, 11, 22, 10, tzinfo=UTC)
MARGIN_S = 3.0
"""Of a machine that runs other tests beside this one."""
PAST_FILE_LIMIT = 1_100
HEAVY = "/alerts?" + "&".join(rf'match=a%3D~"(x%7C\pL%7B{n}%7D.*)%2B"' for n in range(100, 150))
TEXT = "/alerts?q=" + "%25" * 900
Attack = Callable[[Target], AbstractContextManager[object]]


@contextmanager
def everything(target: Target) -> Iterator[None]:
    with ExitStack() as attacks:
        for attack in ATTACKS.values():
            if attack is not everything:
                attacks.enter_context(attack(target))
        yield


ATTACKS: dict[str, Attack] = {
    "silent connections": lambda target: target.silent(PAST_FILE_LIMIT),
    "headers byte by byte": lambda target: target.dripping(100, b"GET /alerts HTTP/1.1\r\nX: "),
    "bodies byte by byte": lambda target: target.dripping(
        100, b"POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n"
    ),
    "heavy regular expressions": lambda target: target.asking(HEAVY, 60),
    "heavy texts": lambda target: target.asking(TEXT, 60),
    "scrapes": lambda target: target.asking("/metrics", 60),
    "all at once": everything,
}


@pytest.mark.e2e
@pytest.mark.parametrize("attack", ATTACKS)
def test_critical_card_is_sent_whatever_clients_do(
    attack: str, router: RunningRouter, discord: RunningDiscord
) -> None:
    target = Target.of(router.url)

    with ATTACKS[attack](target):
        body = webhook_alerts.webhook("ApiDown", ["api-1"], starts_at=BEGAN, ends_at=None)
        accepted = router.post_webhook(body)
        until(lambda: bool(discord.state.creates), "the card is sent", within_s=2 + MARGIN_S)
        ready = router.client.get(f"{router.url}/-/ready").status_code
        os.kill(router.program.pid, signal.SIGTERM)
        until(lambda: not router.program.alive, "the router ends", within_s=5 + MARGIN_S)

    assert accepted.status_code == 200
    assert ready == 200
    assert "Traceback" not in router.program.log.read_text()


@pytest.mark.e2e
def test_server_limits_headers(router: RunningRouter) -> None:
    target = Target.of(router.url)
    start = b"GET /alerts HTTP/1.1\r\nHost: localhost\r\n"

    long = target.answer(start + b"X: " + b"y" * 40_000 + b"\r\n\r\n")
    many = target.answer(start + b"X: y\r\n" * 101 + b"\r\n")
    address = target.answer(b"GET /" + b"y" * 40_000 + b" HTTP/1.1\r\n\r\n")

    assert {answer.partition(b"\r\n")[0] for answer in (long, many, address)} == {
        b"HTTP/1.1 431 Request Header Fields Too Large"
    }


@pytest.mark.e2e
def test_silent_and_slow_connections_are_closed(router: RunningRouter) -> None:
    target = Target.of(router.url)

    with target.dripping(1, b"GET /alerts HTTP/1.1\r\nX: ") as [client]:
        answer = client.recv(1000)
    silent = target.answer(b"")

    assert answer.startswith(b"HTTP/1.1 408")
    assert silent.startswith(b"HTTP/1.1 408")


@pytest.mark.e2e
def test_client_that_hangs_up_leaves_no_traceback(router: RunningRouter) -> None:
    target = Target.of(router.url)

    for path in (HEAVY, TEXT, "/alerts", "/metrics"):
        with target.asking(path, 5):
            pass
        with target.connect() as client:
            client.sendall(b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")

    until(lambda: router.client.get(f"{router.url}/-/ready").is_success, "the router answers", within_s=20)
    assert "Traceback" not in router.program.log.read_text()
