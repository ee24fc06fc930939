"""The fallback channel: copies of the cards that the main channel does not take, until it works again."""

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

    def copies(self) -> list[Message]:
        return self.harness.discord.messages("2")

    def requests_to_main(self) -> int:
        return sum(
            request.webhook_id == "1" and request.operation == "create"
            for request in self.harness.discord.requests
        )


@pytest.fixture
def two(harness: RouterHarness) -> TwoChannels:
    return TwoChannels(harness)


def storm(count: int, **changes: Any) -> list[Any]:
    return [
        make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}, **changes) for n in range(count)
    ]


def test_working_channel_needs_no_fallback(two: TwoChannels) -> None:
    two.harness.accept(make_signal())
    two.live(600, step_s=30)
    two.harness.accept(make_signal(ends_at=at(5)))
    two.live(600, step_s=30)

    assert two.copies() == []


def test_stopped_channels_cards_are_copied_at_once_with_a_note(two: TwoChannels) -> None:
    two.harness.discord.delete_webhook("1")
    two.harness.accept(make_signal())

    two.live(10)

    [message] = two.copies()
    assert MAIN_IS_DOWN in str(message.embeds)
    assert "ApiDown" in message.embeds[0]["title"]
    assert two.requests_to_main() == 1


def test_fallback_follows_changes_then_points_back(two: TwoChannels) -> None:
    two.harness.discord.delete_webhook("1")
    two.harness.accept(make_signal())
    two.live(10)
    two.harness.accept(make_signal(annotations={"summary": "worse"}))
    two.live(10)
    worse = str(two.copies()[0].embeds)

    two.harness.discord.revive_webhook("1")
    two.live(150)
    back = str(two.copies()[0].embeds)
    two.harness.accept(make_signal(ends_at=at(5)))
    two.live(60)

    assert "worse" in worse
    assert MAIN_IS_DOWN in worse
    assert MAIN_IS_BACK in back
    assert MAIN_IS_DOWN not in back
    assert len(two.copies()) == 1
    assert str(two.copies()[0].embeds) == back
    [first] = two.harness.discord.messages("1")
    assert "🟢" in first.embeds[0]["title"]


def test_repeatedly_failing_card_is_copied(two: TwoChannels) -> None:
    two.harness.discord.faults.next(faults.status(500), times=FAILURES, webhook_id="1")
    two.harness.accept(make_signal())

    two.live(14, step_s=1)
    early = len(two.copies())
    two.live(10, step_s=1)

    assert (early, len(two.copies())) == (0, 1)


@pytest.mark.parametrize(
    "fault",
    [faults.limited("shared", seconds=3000), faults.limited("user", seconds=3000)],
    ids=["its channel is limited", "its webhook is limited"],
)
def test_card_waiting_too_long_is_copied(two: TwoChannels, fault: faults.Fault) -> None:
    two.harness.discord.faults.next(fault, webhook_id="1")
    two.harness.accept(make_signal())
    two.harness.accept(make_signal(DISK_FULL))

    two.live(AFTER_S - 10)
    early = len(two.copies())
    two.live(30)

    assert (early, len(two.copies())) == (0, 2)


def test_restart_gives_the_main_channel_its_chance(two: TwoChannels) -> None:
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

    assert two.copies() == []
    assert len(two.harness.discord.messages("1")) == 1


def test_copy_is_dropped_when_the_main_channel_delivers_first(two: TwoChannels) -> None:
    """Both were away; the first came back before the second had sent anything."""
    two.harness.discord.delete_webhook("1")
    two.harness.discord.delete_webhook("2")
    two.harness.accept(make_signal())
    two.live(30)

    two.harness.discord.revive_webhook("1")
    two.live(120)
    two.harness.discord.revive_webhook("2")
    two.live(300)

    assert two.copies() == []
    assert {card.state for card in two.harness.cards()} == {"delivered"}


def test_storm_is_a_digest_in_the_fallback_too(
    two: TwoChannels,
) -> None:
    two.harness.discord.delete_webhook("1")
    two.harness.accept(*storm(100))
    two.live(20)
    during = [str(message.embeds) for message in two.copies()]

    two.harness.accept(*storm(100, annotations={"summary": "worse"}))
    two.live(60)
    two.harness.discord.revive_webhook("1")
    two.live(240)
    back = [str(message.embeds) for message in two.copies()]
    two.harness.accept(*storm(100, ends_at=at(5)))
    two.live(300)

    assert len(during) == len(back) == 1
    assert MAIN_IS_DOWN in during[0]
    assert "100 alerts firing" in during[0]
    assert MAIN_IS_BACK in back[0]
    assert "100 alerts" in two.copies()[0].embeds[0]["title"]
    assert len(two.copies()) == 1
    [digest] = two.harness.discord.messages("1")
    assert "The storm is over" in digest.embeds[0]["title"]
    assert two.harness.ledger().balanced


def test_rising_severity_creates_a_new_copy(two: TwoChannels) -> None:
    two.harness.discord.delete_webhook("1")
    two.harness.accept(make_signal({**API_DOWN, "severity": "warning"}))
    two.live(10)

    two.harness.accept(
        make_signal({**API_DOWN, "severity": "critical"}, group_labels={"alertname": "ApiDown"})
    )
    two.live(10)

    old, new = two.copies()
    assert f"/{new.id}" in str(old.embeds) or "continued" in old.embeds[0]["title"]
    assert "🔴" in new.embeds[0]["title"]


def test_webhooks_of_one_discord_channel_share_its_rate(harness: RouterHarness) -> None:
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
    sent = sum(request.operation != "webhook" for request in harness.discord.requests)
    assert sent == rate_limits.CHANNEL_REQUESTS - rate_limits.CHANNEL_REQUESTS // rate_limits.RESERVED_SHARE


def test_copy_of_a_reused_card_is_ended(two: TwoChannels) -> None:
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

    [copy] = two.copies()
    assert MAIN_IS_BACK in str(copy.embeds)
    assert MAIN_IS_DOWN not in str(copy.embeds)


def test_change_at_recovery_leaves_no_contradicting_copy(two: TwoChannels) -> None:
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
    assert MAIN_IS_BACK in str(two.copies()[0].embeds)


def test_fallback_works_after_a_start_with_a_clock_ahead(
    harness: RouterHarness,
) -> None:
    harness.clock.wrong_by_s = 86_400
    two = TwoChannels(harness)
    harness.clock.wrong_by_s = 0
    harness.discord.faults.next(faults.limited("user", seconds=3000), webhook_id="1")
    harness.accept(make_signal())

    two.live(600, step_s=20)

    assert len(two.copies()) == 1
