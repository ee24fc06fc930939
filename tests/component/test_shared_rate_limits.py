"""One pace for a channel, whoever uses it: several routers, a former life, what is new and critical."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest

from alert_router.delivery import Delivery
from alert_router.domain.model import Signal
from testbed.factories import API_DOWN, DISK_FULL, at, make_signal
from testbed.fakes.discord import RateLimits, faults
from testbed.router_harness import House, is_held, until_idle


def signals(labels: Mapping[str, str], count: int, *, ended_at: float | None = None) -> list[Signal]:
    """Each an incident of its own."""
    ends_at = None if ended_at is None else at(ended_at)
    return [
        make_signal({**labels, "n": str(n)}, ends_at=ends_at, group_labels={"n": f"{labels['alertname']}{n}"})
        for n in range(count)
    ]


def deliver_together(house: House, seconds: float, *deliveries: Delivery) -> None:
    """All at once, and again when the first of them wants to."""

    async def together() -> float:
        return min(await asyncio.gather(*[until_idle(one) for one in deliveries]))

    until = house.clock.now + seconds
    while house.clock.now < until:
        house.clock.now += max(house.run(together()), 0.1)


def test_two_routers_together_keep_within_every_limit(house: House) -> None:
    other = house.another_delivery()
    house.accept(*signals(DISK_FULL, 28))
    deliver_together(house, 30, house.delivery, other)

    house.accept(*signals(DISK_FULL, 28, ended_at=5))
    deliver_together(house, 180, house.delivery, other)

    assert house.discord.limited == 0
    assert len(house.discord.creates) == 28
    assert all("resolved" in message.embeds[0]["title"] for message in house.discord.messages())


def test_two_routers_lose_no_room_to_each_other(house: House) -> None:
    other = house.another_delivery()
    house.accept(*signals(API_DOWN, 30))

    deliver_together(house, 30, house.delivery, other)

    assert len(house.discord.creates) == 30
    assert house.discord.limited == 0


def test_a_request_under_way_takes_its_place_in_the_minute(house: House) -> None:
    house.discord.rates.limits = RateLimits(webhook_requests=0)
    house.accept(*signals(API_DOWN, 29))
    house.deliver()
    house.discord.faults.next(faults.hold(), operation="create")
    house.accept(*signals({**API_DOWN, "alertname": "AllDown"}, 2))

    async def ask_while_the_last_is_held() -> float:
        last = asyncio.ensure_future(house.delivery.step())
        await is_held(house)
        idle_s = await until_idle(house.another_delivery())
        house.discord.faults.release()
        await last
        return idle_s

    idle_s = house.run(asyncio.wait_for(ask_while_the_last_is_held(), 20))

    assert idle_s > 0
    assert len(house.discord.creates) == 30
    assert house.discord.limited == 0


def test_a_restart_keeps_the_pace(house: House) -> None:
    house.discord.rates.limits = RateLimits(webhook_requests=0)
    house.accept(*signals(API_DOWN, 30))
    house.deliver()
    house.accept(make_signal())

    restarted = house.another_delivery()
    house.run(restarted.prepare())
    idle_s = house.deliver(restarted)

    assert idle_s == pytest.approx(60, abs=2)
    assert len(house.discord.creates) == 30
    assert house.discord.limited == 0


@pytest.mark.parametrize("scope", ["user", "shared", "global"])
def test_what_discord_told_one_router_to_wait_holds_for_all_of_them(house: House, scope: str) -> None:
    house.discord.faults.next(faults.limited(scope, seconds=40))  # type: ignore[arg-type] # of a table
    house.accept(*signals(API_DOWN, 2))
    house.deliver()

    idle_s = house.deliver(house.another_delivery())

    assert idle_s == pytest.approx(40, abs=1)
    assert house.discord.rates.impatient == 0


def test_a_new_critical_alert_finds_room_in_a_minute_others_have_used_up(house: House) -> None:
    house.accept(*signals(DISK_FULL, 30))
    house.deliver_for(30)
    used = len(house.discord.creates)

    house.accept(*signals(API_DOWN, 1))
    house.deliver()

    assert used == 25
    assert "ApiDown" in house.discord.messages()[-1].embeds[0]["title"]
    assert house.discord.limited == 0


def test_a_new_critical_alert_finds_room_in_a_window_others_have_used_up(house: House) -> None:
    house.accept(*signals(DISK_FULL, 10))
    house.deliver()

    house.accept(*signals(API_DOWN, 1))
    house.deliver()

    assert "ApiDown" in house.discord.messages()[-1].embeds[0]["title"]
    assert house.discord.limited == 0


@pytest.mark.parametrize("ahead", [timedelta(minutes=20), timedelta(days=10)], ids=str)
def test_a_grant_written_before_the_clock_stepped_back_stops_nobody(house: House, ahead: timedelta) -> None:
    house.clock.wrong_by_s = ahead.total_seconds()
    house.discord.faults.next(faults.limited("user", seconds=5))
    house.accept(*signals(API_DOWN, 1))
    house.deliver()

    house.clock.wrong_by_s = 0
    house.clock.move(6)
    house.deliver(house.another_delivery())

    assert len(house.discord.creates) == 1
