"""When the next request may leave: so many in a window, and never before Discord allows it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.delivery import RateLimiter
from alert_router.domain import rate_limits
from alert_router.domain.model import ChannelName
from alert_router.domain.rate_limits import Bucket, Quota, RateInfo
from testbed.factories import Clock

MINUTE = Bucket(max_requests=30, window_s=60.0)
ONE, OTHER = ChannelName("one"), ChannelName("other")


def recorded(bucket: Bucket, *times: float) -> Bucket:
    for at in times:
        bucket = rate_limits.record(bucket, at)
    return bucket


def facts(status: int = 200, **changes: Any) -> RateInfo:
    return RateInfo(status, **changes)


def test_unused_bucket_is_ready() -> None:
    assert rate_limits.ready_at(MINUTE) <= 0.0


@pytest.mark.parametrize(("count", "ready"), [(29, 0.0), (30, 160.0), (31, 161.0)])
def test_thirty_requests_fill_a_minute(count: int, ready: float) -> None:
    bucket = recorded(MINUTE, *(100.0 + n for n in range(count)))

    assert rate_limits.ready_at(bucket) == ready


@given(st.lists(st.floats(0, 20), min_size=31, max_size=80))
def test_any_minute_holds_at_most_thirty_requests(gaps: list[float]) -> None:
    bucket, now = MINUTE, 0.0
    times: list[float] = []
    for gap in gaps:
        now = max(now + gap, rate_limits.ready_at(bucket))
        bucket = rate_limits.record(bucket, now)
        times.append(now)

    # The sum of two floats is rounded.
    assert all(later - first >= 60 - 1e-9 for first, later in zip(times, times[30:], strict=False))


def test_bucket_keeps_only_the_times_that_can_delay_a_request() -> None:
    assert recorded(Bucket(max_requests=2), 0.0, 10.0, 65.0).sent_at == (10.0, 65.0)


@pytest.mark.parametrize(
    ("reply", "wait_s"),
    [
        pytest.param(facts(remaining=1, reset_after_s=2), 0, id="some remain"),
        pytest.param(facts(remaining=0, reset_after_s=1.5), 1.5, id="none remains"),
        pytest.param(facts(remaining=0), 0, id="none remains, without a reset time"),
        pytest.param(facts(500), 0, id="an error without rates"),
        pytest.param(facts(429, remaining=0, retry_after_s=0.3, reset_after_s=2), 2, id="its own limit"),
        pytest.param(facts(429, remaining=3, retry_after_s=42), 42, id="the hidden limit of the channel"),
        pytest.param(facts(429, retry_after_s=3600, scope="global"), 3600, id="global, no rate headers"),
        pytest.param(facts(429, retry_after_s=7, scope="shared"), 7, id="shared"),
        pytest.param(facts(429), 60, id="Cloudflare"),
        pytest.param(facts(429, reset_after_s=5), 60, id="Cloudflare, with half of the headers"),
    ],
)
def test_reply_sets_the_wait(reply: RateInfo, wait_s: float) -> None:
    rate_limiter = RateLimiter(Clock())
    rate_limiter.register(ONE)

    rate_limiter.record_response(ONE, reply)

    assert rate_limiter.wait_s(ONE) == pytest.approx(wait_s, abs=1e-6)


@pytest.mark.parametrize(
    ("reply", "others_wait", "elsewhere_waits"),
    [
        (facts(429, retry_after_s=9, scope="user", remaining=0), False, False),
        (facts(429, retry_after_s=9, scope="shared"), True, False),
        (facts(429, retry_after_s=9, scope="global"), True, True),
        (facts(429), True, True),
    ],
)
def test_limit_applies_to_its_scope_only(reply: RateInfo, others_wait: bool, elsewhere_waits: bool) -> None:
    rate_limiter, elsewhere = RateLimiter(Clock()), ChannelName("elsewhere")
    rate_limiter.register(ONE, "100")
    rate_limiter.register(OTHER, "100")
    rate_limiter.register(elsewhere, "200")

    rate_limiter.record_response(ONE, reply)

    assert rate_limiter.wait_s(ONE) > 0
    assert (rate_limiter.wait_s(OTHER) > 0, rate_limiter.wait_s(elsewhere) > 0) == (
        others_wait,
        elsewhere_waits,
    )


def test_webhooks_of_one_discord_channel_share_its_limit() -> None:
    rate_limiter = RateLimiter(Clock())
    rate_limiter.register(ONE, "100")
    rate_limiter.register(OTHER, "100")

    for name in [ONE, OTHER] * 15:
        assert rate_limiter.wait_s(name) == 0
        rate_limiter.record_request(name)

    assert (
        rate_limiter.wait_s(ONE) == rate_limiter.wait_s(OTHER) == pytest.approx(rate_limits.CHANNEL_WINDOW_S)
    )


def test_requests_count_before_the_discord_channel_is_known() -> None:
    rate_limiter = RateLimiter(Clock())
    rate_limiter.register(ONE)
    for _ in range(30):
        rate_limiter.record_request(ONE)

    rate_limiter.register(ONE, "100")

    assert rate_limiter.wait_s(ONE) == pytest.approx(rate_limits.CHANNEL_WINDOW_S)


def test_window_is_at_least_discords_minute() -> None:
    assert rate_limits.CHANNEL_REQUESTS == 30
    assert rate_limits.CHANNEL_WINDOW_S >= 60


def test_block_doubles_up_to_an_hour_and_ends_with_a_real_reply() -> None:
    bucket, waits = Bucket(), []
    for _ in range(8):
        bucket = rate_limits.block(bucket, 0.0)
        waits.append(rate_limits.ready_at(bucket))

    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert rate_limits.unblock(bucket).blocks == 0


@pytest.mark.parametrize("status", [401, 403, 429])
def test_invalid_requests_pause_long_before_a_ban(status: int) -> None:
    clock = Clock()
    rate_limiter = RateLimiter(clock)
    rate_limiter.register(ONE)

    for _ in range(rate_limits.INVALID_REQUESTS):
        rate_limiter.record_response(ONE, facts(status, retry_after_s=0.0, remaining=1))

    assert 0 < rate_limiter.wait_s(ONE) <= rate_limits.INVALID_WINDOW_S
    assert rate_limits.INVALID_REQUESTS < 10_000


def test_shorter_pause_never_ends_a_longer_one() -> None:
    bucket = rate_limits.pause(Bucket(), 300.0, 0.0)

    assert rate_limits.ready_at(rate_limits.pause(bucket, 5.0, 10.0)) == 300.0


@pytest.mark.parametrize(
    ("reply", "quota"),
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
def test_reply_sets_the_quota_that_routers_share(reply: RateInfo, quota: Quota | None) -> None:
    assert rate_limits.quota(reply) == quota
