"""The fallback channel: copies of the cards that the main channel does not take, until it works again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr

from alert_router import config
from alert_router.config import Channel, Configuration
from alert_router.delivery.outcome import STOPPED_S
from alert_router.delivery.rendering import copy_note
from alert_router.discord.client import DiscordChannel
from alert_router.domain import matchers, rate_limits
from alert_router.domain.model import FALLBACK, ChannelName, Mentions
from alert_router.domain.routes import Route, RoutePolicy
from alert_router.domain.severity import Severity
from alert_router.services.fallback import FAILURES, Fallback
from testbed.factories import API_DOWN, DISK_FULL, SECRET, at, make_signal
from testbed.fakes.discord import Message, RateLimits, faults
from testbed.router_harness import CHANNEL, WEBHOOK, RouterHarness

AFTER_S = 120.0
MAIN_IS_DOWN = copy_note(CHANNEL, [CHANNEL], ended=False)
MAIN_IS_BACK = copy_note(CHANNEL, [CHANNEL], ended=True)
OTHER = SecretStr(f"http://discord.test/api/webhooks/2/{SECRET}")


class TwoChannels:
    """A router with a fallback: both deliveries and the turn that joins them, second by second."""

    def __init__(self, harness: RouterHarness, *, channel_id: str = "200") -> None:
        self.harness = harness
        harness.discord.webhook("2", SECRET, channel_id)
        harness.configuration.swap(config.single(WEBHOOK, fallback_webhook_url=OTHER, remind_every="none"))
        self.other = harness.another_delivery(
            DiscordChannel(harness.http, OTHER), name=FALLBACK, rate_limiter=harness.rate_limiter
        )
        self.fallback = self.starting()

    def starting(self, *, before_s: float = AFTER_S) -> Fallback:
        """before_s: how long ago."""
        harness = self.harness
        return Fallback(
            harness.configuration,
            after_s=AFTER_S,
            started_at=harness.clock.time() - timedelta(seconds=before_s),
            is_stopped=lambda name: name == CHANNEL and harness.delivery.stopped is not None,
            store=harness.store,
            writer=harness.writer,
            wake=lambda _names: None,
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
    two.fallback = two.starting(before_s=0)

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


def test_copy_announces_anew_what_joins_while_the_channel_is_stopped(two: TwoChannels) -> None:
    """The card of the stopped channel is not sent, so nothing else asks for a second message."""
    harness = two.harness
    harness.discord.delete_webhook("1")
    harness.accept(make_signal())
    two.live(10)
    harness.accept(make_signal({**API_DOWN, "instance": "api-2"}))
    two.live(30)
    early = len(two.copies())
    two.live(60)

    first, second = two.copies()
    assert early == 1
    assert "continued in a newer message" in first.embeds[0]["title"]
    assert "1 more" in second.content
    assert "api-2" in str(second.embeds)
    harness.discord.revive_webhook("1")
    two.live(150)
    assert len(two.copies()) == 2
    assert MAIN_IS_BACK in str(two.copies()[1].embeds)


class FourChannels:
    """Two channels with one fallback, which has alerts of its own; the fallback has a fallback in turn."""

    NAMES = ("ops", "shop", "data", "last")
    FALLBACKS: ClassVar = {"shop": "ops", "data": "ops", "ops": "last"}

    def __init__(self, harness: RouterHarness) -> None:
        self.harness = harness
        channels = {}
        for number, name in enumerate(self.NAMES, start=1):
            harness.discord.webhook(str(number), SECRET, f"{number}00")
            url = SecretStr(f"http://discord.test/api/webhooks/{number}/{SECRET}")
            fallback = self.FALLBACKS.get(name)
            channels[ChannelName(name)] = Channel(
                ChannelName(name), url, fallback=ChannelName(fallback) if fallback else None
            )
        root = RoutePolicy(mentions={Severity.CRITICAL: Mentions(roles=("1",))})
        route = Route(
            ChannelName("ops"),
            root,
            routes=tuple(
                Route(
                    ChannelName(name),
                    replace(root, mentions={Severity.CRITICAL: Mentions(roles=(role,))}),
                    (matchers.parse(f'team="{name}"'),),
                )
                for name, role in (("shop", "2"), ("data", "3"))
            ),
        )
        harness.configuration.swap(Configuration(channels=channels, route=route))
        self.workers = {
            name: harness.another_delivery(
                DiscordChannel.configured(harness.http, channel), name=name, rate_limiter=harness.rate_limiter
            )
            for name, channel in channels.items()
        }
        self.fallback = Fallback(
            harness.configuration,
            after_s=AFTER_S,
            started_at=harness.clock.time() - timedelta(seconds=AFTER_S),
            is_stopped=lambda name: self.workers[name].stopped is not None,
            store=harness.store,
            writer=harness.writer,
            wake=lambda _names: None,
            clock=harness.clock.time,
        )

    def live(self, seconds: float, *, step_s: float = 5.0) -> None:
        for _ in range(int(seconds / step_s)):
            for worker in self.workers.values():
                self.harness.deliver(worker)
            self.harness.run(self.fallback.run_once())
            self.harness.clock.move(step_s)

    def messages(self, name: str) -> list[Message]:
        return self.harness.discord.messages(str(self.NAMES.index(name) + 1))

    def fires(self, team: str, **changes: Any) -> None:
        """All teams' alerts are of one incident."""
        self.harness.accept(make_signal({**API_DOWN, "team": team, "instance": f"{team}-1"}, **changes))


def test_copies_of_several_channels_land_in_one_fallback(harness: RouterHarness) -> None:
    four = FourChannels(harness)
    harness.discord.delete_webhook("2")
    harness.discord.delete_webhook("3")

    for team in ("ops", "shop", "data"):
        four.fires(team)
    four.live(20)

    own, *copies = four.messages("ops")
    assert "ops-1" in str(own.embeds)
    assert "Sent here" not in str(own.embeds)
    for team, role, message in zip(("shop", "data"), "23", sorted(copies, key=_by_content), strict=True):
        assert f"Sent here because the channel {team} does not take it." in str(message.embeds)
        assert f"{team}-1" in str(message.embeds)
        assert "ops-1" not in str(message.embeds)
        assert f"<@&{role}>" in message.content
    harness.discord.revive_webhook("2")
    four.live(150)
    notes = str([message.embeds for message in four.messages("ops")])
    assert "The channel shop works again" in notes
    assert "Sent here because the channel data does not take it." in notes


def _by_content(message: Message) -> str:
    return message.content


def test_fallback_of_a_fallback_takes_copies_too(harness: RouterHarness) -> None:
    four = FourChannels(harness)
    harness.discord.delete_webhook("1")
    harness.discord.delete_webhook("2")

    four.fires("shop")
    four.live(20)

    [copy] = four.messages("last")
    assert "Sent here because the channel shop does not take it." in str(copy.embeds)
    assert "<@&2>" in copy.content
    harness.discord.revive_webhook("2")
    four.live(150)
    assert "The channel shop works again" in str(four.messages("last")[0].embeds)


def test_copy_for_a_removed_channel_says_so(harness: RouterHarness) -> None:
    four = FourChannels(harness)
    harness.discord.delete_webhook("2")
    four.fires("shop")
    four.live(20)

    current = harness.configuration.current
    left = {name: channel for name, channel in current.channels.items() if name != "shop"}
    harness.configuration.swap(replace(current, channels=left))
    del four.workers[ChannelName("shop")]
    four.live(20)

    assert "The channel shop is no longer configured" in str(four.messages("ops")[0].embeds)
