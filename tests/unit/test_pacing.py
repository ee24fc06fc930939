"""When the next request may go out: at most 30 a minute, and never before Discord said."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router import pacing
from alert_router.pacing import Pace, RateFacts


def sent(*moments: float) -> Pace:
    pace = Pace()
    for moment in moments:
        pace = pacing.sending(pace, moment)
    return pace


def facts(status: int = 200, **changes: Any) -> RateFacts:
    return replace(RateFacts(status), **changes)


def test_a_fresh_pace_is_ready_at_once() -> None:
    assert pacing.ready_at(Pace(), 1000.0) <= 1000.0


@pytest.mark.parametrize(
    ("count", "now", "ready"),
    [
        (29, 129.0, 0.0),
        (30, 129.0, 160.0),
        (30, 159.9, 160.0),
        (30, 160.0, 0.0),
        (31, 131.0, 161.0),
    ],
)
def test_thirty_requests_fill_a_minute(count: int, now: float, ready: float) -> None:
    pace = sent(*(100.0 + n for n in range(count)))

    assert pacing.ready_at(pace, now) == ready


@given(st.lists(st.floats(0, 20), min_size=31, max_size=80))
def test_no_minute_ever_holds_more_than_thirty(gaps: list[float]) -> None:
    pace, now = Pace(), 0.0
    moments: list[float] = []
    for gap in gaps:
        now = max(now + gap, pacing.ready_at(pace, now))
        pace = pacing.sending(pace, now)
        moments.append(now)

    # A hair of a second: the sum of two floats is rounded.
    assert all(later - first >= 60 - 1e-9 for first, later in zip(moments, moments[30:], strict=False))


def test_what_left_the_window_is_forgotten() -> None:
    pace = sent(0.0, 10.0, 65.0)

    assert pace.sent == (10.0, 65.0)


@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [
        pytest.param(facts(remaining=1, reset_after_s=2), 0, id="some remain"),
        pytest.param(facts(remaining=0, reset_after_s=1.5), 1.5, id="none remains"),
        pytest.param(facts(remaining=0), 0, id="none remains, until when is not said"),
        pytest.param(facts(500), 0, id="an error without rates"),
        pytest.param(facts(429, remaining=0, retry_after_s=0.3, reset_after_s=2), 2, id="its own limit"),
        pytest.param(facts(429, remaining=3, retry_after_s=42), 42, id="the channel's hidden limit"),
        pytest.param(facts(429, retry_after_s=3600), 3600, id="global, no rate headers"),
        pytest.param(facts(429), 60, id="Cloudflare"),
        pytest.param(facts(429, reset_after_s=5), 60, id="Cloudflare, with half of the headers"),
    ],
)
def test_an_answer_tells_how_long_to_wait(answer: RateFacts, wait_s: float) -> None:
    pace = pacing.answered(Pace(), answer, 100.0)

    assert pacing.ready_at(pace, 100.0) == (100 + wait_s)


def test_a_block_grows_until_an_hour_and_is_forgotten_by_the_first_real_answer() -> None:
    pace, waits = Pace(), []
    for _ in range(8):
        pace = pacing.answered(pace, facts(429), 0.0)
        waits.append(pacing.ready_at(pace, 0.0))

    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert pacing.answered(pace, facts(200), 4000.0).blocks == 0


@pytest.mark.parametrize("answer", [facts(200), facts(429, retry_after_s=1.0, remaining=0)])
def test_a_shorter_wait_never_cuts_a_longer_one(answer: RateFacts) -> None:
    pace = pacing.paused(Pace(), 300.0, 0.0)

    assert pacing.ready_at(pacing.answered(pace, answer, 10.0), 10.0) == 300.0
    assert pacing.ready_at(pacing.paused(pace, 5.0, 10.0), 10.0) == 300.0


def test_a_restarted_pace_still_counts_what_went_out() -> None:
    pace = Pace(sent=tuple(float(n) for n in range(-30, 0)))

    assert pacing.ready_at(pace, 0.0) == 30.0
