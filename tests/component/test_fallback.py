"""The second channel: told there, and marked so, what the first does not take; and that it is back."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from alert_router.delivery.outcome import STOPPED_S
from alert_router.discord.client import DiscordChannel
from alert_router.domain import rate_limits
from alert_router.domain.model import FALLBACK
from alert_router.services.fallback import FAILURES, Fallback
from alert_router.store.card_state import MAIN_IS_BACK, MAIN_IS_DOWN
from testbed.factories import API_DOWN, DISK_FULL, SECRET, at, make_signal
from testbed.fakes.discord import Message, RateLimits, faults
from testbed.router_harness import CHANNEL, RouterHarness

AFTER_S = 120.0
OTHER = SecretStr(f"http://discord.test/api/webhooks/2/{SECRET}")


class TwoChannels:
    """A router with a fallback: both deliveries and the turn that joins them, second by second."""

    def __init__(self, harness: RouterHarness, *, channel_id: str = "200") -> None:
        self.harness = harness
        harness.discord.webhook("2", SECRET, channel_id)
        self.other = harness.another_delivery(
            DiscordChannel(harness.http, OTHER), name=FALLBACK, rate_limiter=harness.rate_limiter
        )
        self.fallback = self.starting()

    def starting(self) -> Fallback:
        harness = self.harness
        return Fallback(
            CHANNEL,
            FALLBACK,
            after_s=AFTER_S,
            started_at=harness.clock.time() - timedelta(seconds=AFTER_S),
            is_stopped=lambda: harness.delivery.stopped is not None,
            writer=harness.writer,
            wake=lambda: None,
            clock=harness.clock.time,
        )

    def live(self, seconds: float, *, step_s: float = 5.0) -> None:
        for _ in range(int(seconds / step_s)):
            self.harness.deliver()
            self.harness.run(self.fallback.run_once())
            self.harness.deliver(self.other)
            self.harness.clock.move(step_s)

    def told(self) -> list[Message]:
        return self.harness.discord.messages("2")

    def asked_of_the_first(self) -> int:
        return sum(
            one.webhook_id == "1" and one.operation == "create" for one in self.harness.discord.requests
        )


@pytest.fixture
def two(harness: RouterHarness) -> TwoChannels:
    return TwoChannels(harness)


def storm(count: int, **changes: Any) -> list[Any]:
    return [
        make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}, **changes) for n in range(count)
    ]


def test_a_channel_that_works_needs_no_other(two: TwoChannels) -> None:
    two.harness.accept(make_signal())
    two.live(600, step_s=30)
    two.harness.accept(make_signal(ends_at=at(5)))
    two.live(600, step_s=30)

    assert two.told() == []


def test_what_a_stopped_channel_does_not_take_is_told_at_once_and_marked(two: TwoChannels) -> None:
    two.harness.discord.delete_webhook("1")
    two.harness.accept(make_signal())

    two.live(10)

    [message] = two.told()
    assert MAIN_IS_DOWN in str(message.embeds)
    assert "ApiDown" in message.embeds[0]["title"]
    assert two.asked_of_the_first() == 1


def test_the_other_channel_follows_what_happens_and_then_leads_back(two: TwoChannels) -> None:
    two.harness.discord.delete_webhook("1")
    two.harness.accept(make_signal())
    two.live(10)
    two.harness.accept(make_signal(annotations={"summary": "worse"}))
    two.live(10)
    worse = str(two.told()[0].embeds)

    two.harness.discord.revive_webhook("1")
    two.live(150)
    back = str(two.told()[0].embeds)
    two.harness.accept(make_signal(ends_at=at(5)))
    two.live(60)

    assert "worse" in worse
    assert MAIN_IS_DOWN in worse
    assert MAIN_IS_BACK in back
    assert MAIN_IS_DOWN not in back
    assert len(two.told()) == 1
    assert str(two.told()[0].embeds) == back
    [first] = two.harness.discord.messages("1")
    assert "🟢" in first.embeds[0]["title"]


def test_a_card_that_fails_so_often_takes_the_other_way(two: TwoChannels) -> None:
    two.harness.discord.faults.next(faults.status(500), times=FAILURES, webhook_id="1")
    two.harness.accept(make_signal())

    two.live(14, step_s=1)
    early = len(two.told())
    two.live(10, step_s=1)

    assert (early, len(two.told())) == (0, 1)


@pytest.mark.parametrize(
    "fault",
    [faults.limited("shared", seconds=3000), faults.limited("user", seconds=3000)],
    ids=["its channel is limited", "its webhook is limited"],
)
def test_what_waits_too_long_takes_the_other_way_though_nothing_has_failed(
    two: TwoChannels, fault: faults.Fault
) -> None:
    two.harness.discord.faults.next(fault, webhook_id="1")
    two.harness.accept(make_signal())
    two.harness.accept(make_signal(DISK_FULL))

    two.live(AFTER_S - 10)
    early = len(two.told())
    two.live(30)

    assert (early, len(two.told())) == (0, 2)


def test_after_a_restart_the_first_channel_has_its_chance(two: TwoChannels) -> None:
    two.harness.discord.faults.next(faults.status(500), webhook_id="1")
    two.harness.accept(make_signal())
    two.harness.deliver()
    two.harness.clock.move(86400)
    two.fallback = Fallback(
        CHANNEL,
        FALLBACK,
        after_s=AFTER_S,
        started_at=two.harness.clock.time(),
        is_stopped=lambda: False,
        writer=two.harness.writer,
        wake=lambda: None,
        clock=two.harness.clock.time,
    )

    two.harness.run(two.fallback.run_once())
    two.harness.deliver(two.other)
    two.live(300)

    assert two.told() == []
    assert len(two.harness.discord.messages("1")) == 1


def test_what_the_first_channel_tells_after_all_is_not_told_in_the_other_as_news(two: TwoChannels) -> None:
    """Both were away; the first came back before the second had said anything."""
    two.harness.discord.delete_webhook("1")
    two.harness.discord.delete_webhook("2")
    two.harness.accept(make_signal())
    two.live(30)

    two.harness.discord.revive_webhook("1")
    two.live(120)
    two.harness.discord.revive_webhook("2")
    two.live(300)

    assert two.told() == []
    assert {card.state for card in two.harness.cards()} == {"delivered"}


def test_a_storm_before_a_stopped_channel_is_a_digest_in_the_other_and_leads_back_too(
    two: TwoChannels,
) -> None:
    two.harness.discord.delete_webhook("1")
    two.harness.accept(*storm(100))
    two.live(20)
    during = [str(message.embeds) for message in two.told()]

    two.harness.accept(*storm(100, annotations={"summary": "worse"}))
    two.live(60)
    two.harness.discord.revive_webhook("1")
    two.live(240)
    back = [str(message.embeds) for message in two.told()]
    two.harness.accept(*storm(100, ends_at=at(5)))
    two.live(300)

    assert len(during) == len(back) == 1
    assert MAIN_IS_DOWN in during[0]
    assert "100 alerts firing" in during[0]
    assert MAIN_IS_BACK in back[0]
    assert "100 alerts" in two.told()[0].embeds[0]["title"]
    assert len(two.told()) == 1
    [digest] = two.harness.discord.messages("1")
    assert "The storm is over" in digest.embeds[0]["title"]
    assert two.harness.ledger().balanced


def test_a_severity_that_rises_pings_in_the_other_channel_as_well(two: TwoChannels) -> None:
    two.harness.discord.delete_webhook("1")
    two.harness.accept(make_signal({**API_DOWN, "severity": "warning"}))
    two.live(10)

    two.harness.accept(
        make_signal({**API_DOWN, "severity": "critical"}, group_labels={"alertname": "ApiDown"})
    )
    two.live(10)

    old, new = two.told()
    assert f"/{new.id}" in str(old.embeds) or "continued" in old.embeds[0]["title"]
    assert "🔴" in new.embeds[0]["title"]


def test_two_webhooks_of_one_channel_share_its_pace(harness: RouterHarness) -> None:
    harness.discord.rates.limits = RateLimits(webhook_requests=0)
    two = TwoChannels(harness, channel_id="100")
    for delivery in (harness.delivery, two.other):
        harness.run(delivery.prepare())
    harness.accept(*storm(20))
    harness.deliver()
    harness.discord.delete_webhook("1")
    harness.accept(*storm(20, annotations={"summary": "worse"}))

    two.live(50, step_s=10)

    assert harness.discord.limited == 0
    asked = sum(one.operation != "webhook" for one in harness.discord.requests)
    assert asked == rate_limits.CHANNEL_REQUESTS - rate_limits.CHANNEL_REQUESTS // rate_limits.RESERVED_SHARE


def test_a_copy_of_a_card_that_was_renewed_unseen_is_closed_like_any_other(two: TwoChannels) -> None:
    """The webhook is mended while the severity rises: the main channel tells the new card only."""
    group, harness = {"alertname": "ApiDown"}, two.harness
    warning, critical = ({**API_DOWN, "severity": severity} for severity in ("warning", "critical"))
    harness.discord.delete_webhook("1")
    harness.accept(make_signal(warning, group_labels=group))
    two.live(10)

    harness.discord.revive_webhook("1")
    harness.delivery = harness.another_delivery()
    harness.accept(make_signal(critical, group_labels=group))
    two.live(120)

    [copy] = two.told()
    assert MAIN_IS_BACK in str(copy.embeds)
    assert MAIN_IS_DOWN not in str(copy.embeds)


def test_a_change_just_when_the_main_channel_is_back_leaves_no_copy_that_denies_it(two: TwoChannels) -> None:
    harness = two.harness
    harness.discord.delete_webhook("1")
    harness.accept(make_signal())
    two.live(10)
    harness.discord.revive_webhook("1")
    harness.delivery = harness.another_delivery()
    harness.clock.move(STOPPED_S)
    harness.deliver()

    harness.run(two.fallback.run_once())
    harness.accept(make_signal(annotations={"summary": "worse"}))
    harness.deliver(two.other)
    two.live(60)

    assert len(harness.discord.messages("1")) == 1
    assert MAIN_IS_BACK in str(two.told()[0].embeds)


def test_a_router_that_started_by_a_clock_that_was_ahead_takes_the_other_way_all_the_same(
    harness: RouterHarness,
) -> None:
    harness.clock.wrong_by_s = 86_400
    two = TwoChannels(harness)
    harness.clock.wrong_by_s = 0
    harness.discord.faults.next(faults.limited("user", seconds=3000), webhook_id="1")
    harness.accept(make_signal())

    two.live(600, step_s=20)

    assert len(two.told()) == 1
