"""Who was refused, within bounds that strangers cannot move."""

import logging

import pytest

from alert_router.services.sender_problems import MAX_NAMES, MAX_SENDERS, SenderProblems
from testbed.factories import Clock


@pytest.fixture
def problems(clock: Clock) -> SenderProblems:
    return SenderProblems(clock.time)


def test_refusals_of_the_last_hour_are_described(clock: Clock, problems: SenderProblems) -> None:
    problems.refused(401, "10.0.0.5")
    clock.move(1800)
    for _ in range(2):
        problems.refused(401, "10.0.0.5")
    first = problems.troubles()
    problems.refused(413, "10.0.0.7")
    both = problems.troubles()
    clock.move(1860)

    assert first == {"senders": "3 refused in the last hour: 401 from 10.0.0.5"}
    assert both == {"senders": "4 refused in the last hour: 401 from 10.0.0.5 (3), 413 from 10.0.0.7 (1)"}
    assert problems.troubles()["senders"].startswith("3 refused")
    clock.move(3600)
    assert problems.troubles() == {}


def test_refusals_are_forgotten_when_the_clock_is_set_back(clock: Clock, problems: SenderProblems) -> None:
    problems.refused(401, "10.0.0.5")
    clock.wrong_by_s = -7200

    assert problems.troubles() == {}


def test_addresses_are_bounded(problems: SenderProblems) -> None:
    for number in range(10 * MAX_SENDERS):
        problems.refused(401, f"10.0.{number // 256}.{number % 256}")

    text = problems.troubles()["senders"]
    assert text.startswith(f"{10 * MAX_SENDERS} refused")
    assert f"401 from other addresses ({9 * MAX_SENDERS})" in text
    assert len(text) < 300


def test_log_has_one_line_a_minute_and_status(
    clock: Clock, problems: SenderProblems, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for _ in range(50):
        problems.refused(401, "10.0.0.5")
        problems.refused(403, "10.0.0.6")
        clock.move(1.5)

    assert caplog.messages == [
        "refused a request with 401, the last from 10.0.0.5",
        "refused a request with 403, the last from 10.0.0.6",
        "refused 40 requests with 401, the last from 10.0.0.5",
        "refused 40 requests with 403, the last from 10.0.0.6",
    ]


def test_unknown_names_are_bounded_and_printable(problems: SenderProblems) -> None:
    for number in range(5 * MAX_NAMES):
        problems.unknown_name("channel", f"{number}\n\x1b[2J{'x' * 1000}", "its alerts go by the routes")

    troubles = problems.troubles()
    assert len(troubles) == MAX_NAMES
    assert all(text.isprintable() and len(text) < 200 for text in troubles.values())
