"""When the next request may go out: so many in a window, and never before Discord said."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.delivery import RateLimiter
from alert_router.domain import rate_limits
from alert_router.domain.model import ChannelName
from alert_router.domain.rate_limits import Bucket, Quota, RateFacts
from testbed.factories import Clock

MINUTE = Bucket(most=30, window_s=60.0)
ONE, OTHER = ChannelName("one"), ChannelName("other")


def counted(pace: Bucket, *moments: float) -> Bucket:
    for moment in moments:
        pace = rate_limits.counting(pace, moment)
    return pace


def facts(status: int = 200, **changes: Any) -> RateFacts:
    return RateFacts(status, **changes)


def test_a_fresh_pace_is_ready_at_once() -> None:
    assert rate_limits.ready_at(MINUTE, 1000.0) <= 1000.0


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
    pace = counted(MINUTE, *(100.0 + n for n in range(count)))

    assert rate_limits.ready_at(pace, now) == ready


@given(st.lists(st.floats(0, 20), min_size=31, max_size=80))
def test_no_minute_ever_holds_more_than_thirty(gaps: list[float]) -> None:
    pace, now = MINUTE, 0.0
    moments: list[float] = []
    for gap in gaps:
        now = max(now + gap, rate_limits.ready_at(pace, now))
        pace = rate_limits.counting(pace, now)
        moments.append(now)

    # A hair of a second: the sum of two floats is rounded.
    assert all(later - first >= 60 - 1e-9 for first, later in zip(moments, moments[30:], strict=False))


def test_what_left_the_window_is_forgotten() -> None:
    assert counted(MINUTE, 0.0, 10.0, 65.0).counted == (10.0, 65.0)


@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [
        pytest.param(facts(remaining=1, reset_after_s=2), 0, id="some remain"),
        pytest.param(facts(remaining=0, reset_after_s=1.5), 1.5, id="none remains"),
        pytest.param(facts(remaining=0), 0, id="none remains, until when is not said"),
        pytest.param(facts(500), 0, id="an error without rates"),
        pytest.param(facts(429, remaining=0, retry_after_s=0.3, reset_after_s=2), 2, id="its own limit"),
        pytest.param(facts(429, remaining=3, retry_after_s=42), 42, id="the hidden limit of the channel"),
        pytest.param(facts(429, retry_after_s=3600, scope="global"), 3600, id="global, no rate headers"),
        pytest.param(facts(429, retry_after_s=7, scope="shared"), 7, id="shared"),
        pytest.param(facts(429), 60, id="Cloudflare"),
        pytest.param(facts(429, reset_after_s=5), 60, id="Cloudflare, with half of the headers"),
    ],
)
def test_an_answer_tells_how_long_to_wait(answer: RateFacts, wait_s: float) -> None:
    rate_limiter = RateLimiter(Clock())
    rate_limiter.register(ONE)

    rate_limiter.answered(ONE, answer)

    assert rate_limiter.wait_s(ONE) == pytest.approx(wait_s, abs=1e-6)


@pytest.mark.parametrize(
    ("answer", "others_wait", "elsewhere_waits"),
    [
        (facts(429, retry_after_s=9, scope="user", remaining=0), False, False),
        (facts(429, retry_after_s=9, scope="shared"), True, False),
        (facts(429, retry_after_s=9, scope="global"), True, True),
        (facts(429), True, True),
    ],
)
def test_a_limit_stops_all_it_is_about_and_no_more(
    answer: RateFacts, others_wait: bool, elsewhere_waits: bool
) -> None:
    rate_limiter, elsewhere = RateLimiter(Clock()), ChannelName("elsewhere")
    rate_limiter.register(ONE, "100")
    rate_limiter.register(OTHER, "100")
    rate_limiter.register(elsewhere, "200")

    rate_limiter.answered(ONE, answer)

    assert rate_limiter.wait_s(ONE) > 0
    assert (rate_limiter.wait_s(OTHER) > 0, rate_limiter.wait_s(elsewhere) > 0) == (
        others_wait,
        elsewhere_waits,
    )


def test_webhooks_of_one_channel_share_its_thirty_a_minute() -> None:
    rate_limiter = RateLimiter(Clock())
    rate_limiter.register(ONE, "100")
    rate_limiter.register(OTHER, "100")

    for name in [ONE, OTHER] * 15:
        assert rate_limiter.wait_s(name) == 0
        rate_limiter.leaves(name)

    assert (
        rate_limiter.wait_s(ONE) == rate_limiter.wait_s(OTHER) == pytest.approx(rate_limits.CHANNEL_WINDOW_S)
    )


def test_what_was_counted_before_the_channel_was_known_still_counts() -> None:
    rate_limiter = RateLimiter(Clock())
    rate_limiter.register(ONE)
    for _ in range(30):
        rate_limiter.leaves(ONE)

    rate_limiter.register(ONE, "100")

    assert rate_limiter.wait_s(ONE) == pytest.approx(rate_limits.CHANNEL_WINDOW_S)


def test_edits_of_old_messages_have_a_limit_of_their_own() -> None:
    rate_limiter = RateLimiter(Clock())
    rate_limiter.register(ONE)

    for _ in range(3):
        assert rate_limiter.old_edit_wait_s(ONE) == 0
        rate_limiter.leaves(ONE, old_edit=True)

    assert rate_limiter.old_edit_wait_s(ONE) == pytest.approx(6)
    assert rate_limiter.wait_s(ONE) == 0


def test_the_limit_on_old_edits_stops_nothing_else() -> None:
    rate_limiter = RateLimiter(Clock())
    rate_limiter.register(ONE)

    rate_limiter.answered(ONE, facts(429, retry_after_s=5, old_edits=True))

    assert rate_limiter.wait_s(ONE) == 0
    assert rate_limiter.old_edit_wait_s(ONE) == pytest.approx(5)


def test_a_minute_of_ours_is_no_shorter_than_discords() -> None:
    assert rate_limits.CHANNEL_REQUESTS == 30
    assert rate_limits.CHANNEL_WINDOW_S >= 60


def test_a_block_grows_until_an_hour_and_is_forgotten_by_the_first_real_answer() -> None:
    pace, waits = Bucket(), []
    for _ in range(8):
        pace = rate_limits.blocked(pace, 0.0)
        waits.append(rate_limits.ready_at(pace, 0.0))

    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert rate_limits.unblocked(pace).blocks == 0


@pytest.mark.parametrize("status", [401, 403, 429])
def test_invalid_requests_stop_us_long_before_they_get_us_banned(status: int) -> None:
    clock = Clock()
    rate_limiter = RateLimiter(clock)
    rate_limiter.register(ONE)

    for _ in range(rate_limits.INVALID_REQUESTS):
        rate_limiter.answered(ONE, facts(status, retry_after_s=0.0, remaining=1))

    assert 0 < rate_limiter.wait_s(ONE) <= rate_limits.INVALID_WINDOW_S
    assert rate_limits.INVALID_REQUESTS < 10_000


def test_a_shorter_wait_never_cuts_a_longer_one() -> None:
    pace = rate_limits.paused(Bucket(), 300.0, 0.0)

    assert rate_limits.ready_at(rate_limits.paused(pace, 5.0, 10.0), 10.0) == 300.0


@pytest.mark.parametrize(
    ("answer", "allowance"),
    [
        (facts(remaining=3, reset_after_s=1.5), Quota(3, 1.5)),
        (facts(404, remaining=0, reset_after_s=1.5), Quota(0, 1.5)),
        (facts(429, remaining=3, retry_after_s=42), Quota(0, 42)),
        (facts(429), Quota(0, rate_limits.BLOCKED_S)),
        (facts(429, retry_after_s=5, old_edits=True), None),
        (facts(500), None),
        (facts(remaining=3), None),
    ],
)
def test_what_an_answer_grants_is_for_all_routers_to_know(answer: RateFacts, allowance: Quota | None) -> None:
    assert rate_limits.allowance(answer) == allowance


def test_webhooks_of_one_place_are_told_together() -> None:
    rate_limiter, elsewhere = RateLimiter(Clock()), ChannelName("elsewhere")
    rate_limiter.register(ONE, "100")
    rate_limiter.register(OTHER, "100")
    rate_limiter.register(elsewhere)

    assert (rate_limiter.together(ONE), rate_limiter.together(elsewhere)) == ([ONE, OTHER], [elsewhere])
