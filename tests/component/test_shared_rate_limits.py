"""One rate limit for a channel: for several routers, across restarts, with a reserve for critical cards."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest

from alert_router.delivery import DeliveryWorker
from alert_router.domain.model import Signal
from alert_router.domain.rate_limits import Capacity, RateInfo
from testbed.factories import API_DOWN, DISK_FULL, at, make_signal
from testbed.fakes.discord import RateLimits, faults
from testbed.router_harness import CHANNEL, RouterHarness, is_held, until_idle


def signals(labels: Mapping[str, str], count: int, *, ended_at: float | None = None) -> list[Signal]:
    """Each an incident of its own."""
    ends_at = None if ended_at is None else at(ended_at)
    return [
        make_signal({**labels, "n": str(n)}, ends_at=ends_at, group_labels={"n": f"{labels['alertname']}{n}"})
        for n in range(count)
    ]


def deliver_together(harness: RouterHarness, seconds: float, *deliveries: DeliveryWorker) -> None:
    """All at once, and again when the first of them wants to."""

    async def together() -> float:
        return min(await asyncio.gather(*[until_idle(worker) for worker in deliveries]))

    until = harness.clock.now + seconds
    while harness.clock.now < until:
        harness.clock.now += max(harness.run(together()), 0.1)


def test_two_routers_keep_every_limit(harness: RouterHarness) -> None:
    other = harness.another_delivery()
    harness.accept(*signals(DISK_FULL, 28))
    deliver_together(harness, 30, harness.delivery, other)

    harness.accept(*signals(DISK_FULL, 28, ended_at=5))
    deliver_together(harness, 180, harness.delivery, other)

    assert harness.discord.limited == 0
    assert len(harness.discord.creates) == 28
    assert all("resolved" in message.embeds[0]["title"] for message in harness.discord.messages())


def test_two_routers_use_the_whole_limit(harness: RouterHarness) -> None:
    other = harness.another_delivery()
    harness.accept(*signals(API_DOWN, 30))

    deliver_together(harness, 30, harness.delivery, other)

    assert len(harness.discord.creates) == 30
    assert harness.discord.limited == 0


def test_request_under_way_counts_in_the_minute(harness: RouterHarness) -> None:
    harness.discord.rates.limits = RateLimits(webhook_requests=0)
    harness.accept(*signals(API_DOWN, 29))
    harness.deliver()
    harness.discord.faults.next(faults.hold(), operation="create")
    harness.accept(*signals({**API_DOWN, "alertname": "AllDown"}, 2))

    async def ask_while_the_last_is_held() -> float:
        last = asyncio.ensure_future(harness.delivery.step())
        await is_held(harness)
        idle_s = await until_idle(harness.another_delivery())
        harness.discord.faults.release()
        await last
        return idle_s

    idle_s = harness.run(asyncio.wait_for(ask_while_the_last_is_held(), 20))

    assert idle_s > 0
    assert len(harness.discord.creates) == 30
    assert harness.discord.limited == 0


def test_restart_keeps_the_rate_limit(harness: RouterHarness) -> None:
    harness.discord.rates.limits = RateLimits(webhook_requests=0)
    harness.accept(*signals(API_DOWN, 30))
    harness.deliver()
    harness.accept(make_signal())

    restarted = harness.another_delivery()
    harness.run(restarted.prepare())
    idle_s = harness.deliver(restarted)

    assert idle_s == pytest.approx(60, abs=2)
    assert len(harness.discord.creates) == 30
    assert harness.discord.limited == 0


@pytest.mark.parametrize("scope", ["user", "shared", "global"])
def test_retry_after_applies_to_every_router(harness: RouterHarness, scope: str) -> None:
    harness.discord.faults.next(faults.limited(scope, seconds=40))  # type: ignore[arg-type] # of a table
    harness.accept(*signals(API_DOWN, 2))
    harness.deliver()

    idle_s = harness.deliver(harness.another_delivery())

    assert idle_s == pytest.approx(40, abs=1)
    assert harness.discord.rates.impatient == 0


def test_new_critical_card_uses_the_reserved_minute(harness: RouterHarness) -> None:
    harness.accept(*signals(DISK_FULL, 30))
    harness.deliver_for(30)
    used = len(harness.discord.creates)

    harness.accept(*signals(API_DOWN, 1))
    harness.deliver()

    assert used == 25
    assert "ApiDown" in harness.discord.messages()[-1].embeds[0]["title"]
    assert harness.discord.limited == 0


def test_new_critical_card_uses_the_reserved_window(harness: RouterHarness) -> None:
    harness.accept(*signals(DISK_FULL, 10))
    harness.deliver()

    harness.accept(*signals(API_DOWN, 1))
    harness.deliver()

    assert "ApiDown" in harness.discord.messages()[-1].embeds[0]["title"]
    assert harness.discord.limited == 0


@pytest.mark.parametrize("ahead", [timedelta(minutes=20), timedelta(days=10)], ids=str)
def test_quota_written_before_a_clock_step_blocks_nobody(harness: RouterHarness, ahead: timedelta) -> None:
    harness.clock.wrong_by_s = ahead.total_seconds()
    harness.discord.faults.next(faults.limited("user", seconds=5))
    harness.accept(*signals(API_DOWN, 1))
    harness.deliver()

    harness.clock.wrong_by_s = 0
    harness.clock.move(6)
    harness.deliver(harness.another_delivery())

    assert len(harness.discord.creates) == 1


def capacity(harness: RouterHarness) -> Capacity:
    return harness.ask(lambda conn: harness.rate_limiter.capacity(conn, CHANNEL, harness.clock.time()))


def test_edits_of_old_messages_have_their_own_limit(harness: RouterHarness) -> None:
    for _ in range(3):
        assert capacity(harness).old_edits
        harness.rate_limiter.record_request(CHANNEL, old_edit=True)

    assert capacity(harness) == Capacity(wait_s=0, old_edits=False)
    harness.clock.move(6)
    assert capacity(harness).old_edits


def test_old_edit_limit_delays_nothing_else(harness: RouterHarness) -> None:
    reply = RateInfo(429, retry_after_s=5, old_edits=True)

    harness.rate_limiter.record_response(CHANNEL, reply)

    assert capacity(harness) == Capacity(wait_s=0, old_edits=False)
