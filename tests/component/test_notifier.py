"""When an incident gets a new message in a channel, from the webhook to Discord."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alert_router.config import IncidentRules
from alert_router.domain.model import ChannelName, Mentions, Signal
from alert_router.domain.notify_values import Policy
from alert_router.domain.quiet_hours import QuietHours
from alert_router.domain.routes import Escalation, RoutePolicy
from alert_router.domain.severity import Severity
from testbed.factories import API_DOWN, DISK_FULL, SECRET, Clock, make_signal
from testbed.fakes.discord import DiscordState, faults
from testbed.routed_harness import NIGHT, OPS, SHOP, RoutedHarness, configured, routed
from testbed.router_harness import is_held, until_idle

MINUTE, HOUR = 60.0, 3600.0
GROUP = {"job": "api"}
QUIET = QuietHours(ZoneInfo("Europe/Paris"), from_=time(22), to=time(7))
"""Each night; critical alerts pass."""


def alert(instance: str = "a", severity: str = "critical", **changes: Any) -> Signal:
    """Of one incident unless it has other group labels."""
    labels = {"alertname": "Down", "instance": instance, "severity": severity, **changes.pop("labels", {})}
    return make_signal(labels, **{"group_labels": GROUP, **changes})


def ended(signal: Signal, clock: Clock) -> Signal:
    return make_signal(
        signal.labels, starts_at=signal.starts_at, ends_at=clock.time(), group_labels=signal.group_labels
    )


@pytest.fixture
def discord(discord: DiscordState) -> DiscordState:
    for number in ("2", "3"):
        discord.webhook(number, SECRET, f"{number}00")
    return discord


@pytest.fixture
def router(database_url: str, clock: Clock, discord: DiscordState) -> Iterator[RoutedHarness]:
    with RoutedHarness.opened(database_url, clock, discord, configured()) as router:
        yield router
        assert router.balances()


def test_second_critical_alert_is_announced_within_a_minute(router: RoutedHarness) -> None:
    start = router.harness.clock.now
    router.harness.accept(alert("web-1"))
    router.live(20)

    router.harness.accept(alert("web-1"), alert("db-1"))
    router.live(10 * MINUTE)

    assert router.minutes(since=start) == [0, 1]
    assert router.reasons() == ["first", "new_alerts"]
    assert router.harness.decisions() == [
        ("create", "first"),
        ("edit", "announced"),
        ("edit", "waiting"),
        ("create", "new_alerts"),
        ("edit", "announced"),
    ]


def test_alert_that_joins_hours_later_is_announced_at_once(router: RoutedHarness) -> None:
    router.harness.accept(alert("web-1"))
    router.live(4 * HOUR, step_s=600)
    start = router.harness.clock.now

    router.harness.accept(alert("db-1"))
    router.live(0)

    assert router.minutes(since=start)[1:] == [0]
    newest = router.creates()[-1].payload
    assert "db-1" in json.dumps(newest)


def test_alert_that_fires_again_after_its_resolve_is_announced(router: RoutedHarness) -> None:
    clock, down = router.harness.clock, alert()
    router.harness.accept(down)
    router.live(2 * MINUTE)
    router.harness.accept(ended(down, clock))
    router.live(2 * MINUTE)

    router.harness.accept(alert(starts_at=clock.time()))
    router.live(0)

    assert router.reasons() == ["first", "fires_again"]


def test_episode_after_a_missed_resolve_is_announced(router: RoutedHarness) -> None:
    router.harness.accept(alert(severity="warning"))
    router.live(72 * HOUR, step_s=6 * HOUR)

    router.harness.accept(alert(severity="warning", starts_at=router.harness.clock.time()))
    router.live(0)

    assert router.harness.kinds() == ["opened", "superseded", "opened"]
    assert router.reasons() == ["first", "fires_again"]


def test_another_alertname_of_a_group_is_announced(router: RoutedHarness) -> None:
    """Alertmanager without group_by puts everything into one group."""
    router.harness.accept(make_signal(DISK_FULL, group_labels={}))
    router.live(5 * MINUTE)

    router.harness.accept(make_signal(API_DOWN, group_labels={}))
    router.live(0)

    assert router.reasons() == ["first", "worse"]


def test_severity_word_of_the_configuration_decides(router: RoutedHarness) -> None:
    router.harness.accept(alert("a", "P3"))
    router.live(MINUTE)

    router.harness.accept(alert("b", " Disaster "))
    router.live(0)

    assert router.reasons() == ["first", "worse"]
    assert [each.severity_rank for each in router.harness.alerts()] == [Severity.WARNING, Severity.CRITICAL]


def test_alert_without_severity_ranks_as_warning_and_gets_no_word(router: RoutedHarness) -> None:
    router.harness.accept(make_signal({"alertname": "Odd"}))

    assert (router.harness.alert().severity, router.harness.alert().severity_rank) == ("", Severity.WARNING)


def test_flapping_alert_makes_at_most_eight_messages_an_hour(router: RoutedHarness) -> None:
    clock = router.harness.clock
    start = clock.now
    for _ in range(20):
        down = alert(starts_at=clock.time())
        router.harness.accept(down)
        router.live(90, step_s=30)
        router.harness.accept(ended(down, clock))
        router.live(90, step_s=30)
    flapping = len(router.creates())

    router.harness.accept(alert(starts_at=clock.time()))
    last = clock.now
    router.live(15 * MINUTE, step_s=30)

    assert flapping <= 8
    assert any(request.at >= last for request in router.creates()), "what fires for good is announced"
    moments = router.minutes(since=start)
    assert all(sum(moment - 60 < other <= moment for other in moments) <= 8 for moment in moments)


def test_alert_in_a_new_pod_is_no_news(router: RoutedHarness) -> None:
    clock = router.harness.clock
    old = alert("a", labels={"pod": "api-1"})
    router.harness.accept(old)
    router.live(MINUTE)

    router.harness.accept(ended(old, clock), alert("a", labels={"pod": "api-2"}, starts_at=clock.time()))
    router.live(20 * MINUTE)

    assert router.reasons() == ["first"]
    assert router.harness.decisions()[-1] == ("edit", "same_trouble")


def test_acknowledged_incident_waits_the_longest(router: RoutedHarness) -> None:
    router.harness.accept(alert("a"))
    router.live(0)
    start = router.harness.clock.now
    router.harness.acknowledge()

    router.harness.accept(alert("b"))
    router.live(20 * MINUTE)

    assert router.minutes(since=start) == [0, 10]
    assert ("edit", "waiting_acknowledged") in router.harness.decisions()


def test_reminder_of_a_route(router: RoutedHarness) -> None:
    router.reload(
        configured(policy=RoutePolicy(notify=Policy(remind_every={Severity.CRITICAL: timedelta(hours=4)})))
    )
    start = router.harness.clock.now
    router.harness.accept(alert())

    router.live(13 * HOUR, step_s=300)

    assert router.minutes(since=start) == [0, 240, 480, 720]
    assert router.reasons() == ["first", *["reminder"] * 3]


def test_resolution_is_announced_where_the_route_asks_for_it(router: RoutedHarness) -> None:
    router.reload(configured(policy=RoutePolicy(notify=Policy(notify_resolved=True))))
    down = alert()
    router.harness.accept(down)
    router.live(2 * MINUTE)

    router.harness.accept(ended(down, router.harness.clock))
    router.live(MINUTE)

    assert router.reasons() == ["first", "resolved"]


def test_new_alert_between_rendering_and_posting_is_not_lost(router: RoutedHarness) -> None:
    router.harness.accept(alert("a"))
    discord = router.harness.discord
    discord.faults.next(faults.hold())

    async def join_meanwhile() -> None:
        sending = asyncio.ensure_future(until_idle(router.workers[OPS]))
        await asyncio.wait_for(is_held(router.harness), 20)
        await router.harness.accepting(alert("b"))
        discord.faults.release()
        await sending

    router.harness.run(join_meanwhile())
    router.live(2 * MINUTE)

    assert router.reasons() == ["first", "new_alerts"]


def test_refused_message_is_asked_for_once(router: RoutedHarness) -> None:
    router.harness.accept(alert())
    for _ in range(3):
        router.harness.discord.faults.next(faults.status(400), webhook_id="1")
    router.live(2 * HOUR, step_s=60)

    assert [(card.state, card.posted_at is not None) for card in router.harness.cards()] == [("dead", True)]
    assert router.reasons() == ["first"]


def test_quiet_hours_hold_and_catch_up_after_a_restart(
    database_url: str, clock: Clock, discord: DiscordState
) -> None:
    configuration = configured(policy=RoutePolicy(quiet_hours=QUIET))
    clock.now = datetime(2026, 9, 24, 21, 30, tzinfo=UTC).timestamp()  # 23:30 in Paris
    with RoutedHarness.opened(database_url, clock, discord, configuration) as router:
        over = alert("over", "warning", group_labels={"job": "other"}, starts_at=clock.time())
        router.harness.accept(alert("a", "warning"), over)
        router.live(HOUR, step_s=600)
        router.harness.accept(ended(over, clock))
        router.live(HOUR, step_s=600)
        held = router.creates(), router.harness.decisions(), [card.state for card in router.harness.cards()]
        assert router.balances()
        router.harness.accept(alert("b", group_labels={"job": "worse"}))
        router.live(0)
        passed = len(router.creates())

    with RoutedHarness.opened(database_url, clock, discord, configuration) as router:
        router.live(6 * HOUR, step_s=600)
        times = [datetime.fromtimestamp(each.at, ZoneInfo("Europe/Paris")) for each in router.creates()]
        reasons = router.reasons()
        assert router.balances()

    assert held == ([], [("none", "quiet_hours")], ["held", "held"])
    assert passed == 1
    assert [f"{moment:%H:%M}" for moment in times[1:]] == ["07:00", "07:00"]
    assert reasons == ["quiet_hours_over"]
    assert "🟢" in str(router.creates()[-1].payload), "in the present state"


def test_first_message_held_by_quiet_hours_is_sent_at_their_end(
    database_url: str, clock: Clock, discord: DiscordState
) -> None:
    clock.now = datetime(2026, 9, 25, 4, 30, tzinfo=UTC).timestamp()  # 6:30 in Paris
    configuration = configured(policy=RoutePolicy(quiet_hours=QUIET))
    with RoutedHarness.opened(database_url, clock, discord, configuration) as router:
        start = clock.now
        router.harness.accept(alert("a", "warning"))

        router.live(HOUR, step_s=60)

        assert router.minutes(since=start) == [30]
        assert [(card.state, card.generation) for card in router.harness.cards()] == [("delivered", 1)]


def test_alert_that_joins_in_quiet_hours_is_announced_at_their_end(
    database_url: str, clock: Clock, discord: DiscordState
) -> None:
    clock.now = datetime(2026, 9, 24, 19, 30, tzinfo=UTC).timestamp()
    configuration = configured(policy=RoutePolicy(quiet_hours=QUIET))
    with RoutedHarness.opened(database_url, clock, discord, configuration) as router:
        router.harness.accept(alert("a", "warning"))
        router.live(HOUR, step_s=600)
        router.harness.accept(alert("b", "warning"))
        router.live(12 * HOUR, step_s=600)
        times = [datetime.fromtimestamp(each.at, ZoneInfo("Europe/Paris")) for each in router.creates()]

    assert [f"{moment:%H:%M}" for moment in times] == ["21:30", "07:00"]


def escalating(after: timedelta = timedelta(minutes=15)) -> RoutePolicy:
    return RoutePolicy(
        notify=Policy(escalate_after=after), escalate_to=Escalation(NIGHT, Mentions(roles=("999",)))
    )


def test_unacknowledged_incident_is_escalated_once(router: RoutedHarness) -> None:
    router.reload(configured(routed({"team": "shop"}, SHOP, policy=escalating())))
    start = router.harness.clock.now
    router.harness.accept(alert("a", labels={"team": "shop"}))

    router.live(2 * HOUR, step_s=60)

    assert router.minutes(SHOP, since=start) == [0]
    assert router.minutes(NIGHT, since=start) == [15]
    card = router.harness.cards()[-1]
    assert (card.channel, card.escalates, card.reason, card.mention_of) == (NIGHT, SHOP, "escalation", 1)
    assert router.reasons(NIGHT) == ["escalation"]


def test_acknowledged_incident_is_not_escalated(router: RoutedHarness) -> None:
    router.reload(configured(policy=escalating()))
    router.harness.accept(alert())
    router.live(10 * MINUTE)

    router.harness.acknowledge()
    router.live(HOUR, step_s=60)

    assert router.creates(NIGHT) == []


def test_escalated_card_shows_the_end(router: RoutedHarness) -> None:
    router.reload(configured(policy=escalating()))
    down = alert()
    router.harness.accept(down)
    router.live(16 * MINUTE, step_s=60)

    router.harness.accept(ended(down, router.harness.clock))
    router.live(MINUTE)

    titles = [message.embeds[0]["title"] for message in router.harness.discord.messages("3")]
    assert [title[0] for title in titles] == ["🟢"]


def test_escalation_due_while_the_router_was_down_is_made_at_its_start(
    database_url: str, clock: Clock, discord: DiscordState
) -> None:
    configuration = configured(policy=escalating())
    with RoutedHarness.opened(database_url, clock, discord, configuration) as router:
        router.harness.accept(alert())
        router.live(MINUTE)
    clock.move(HOUR)

    with RoutedHarness.opened(database_url, clock, discord, configuration) as router:
        router.live(0)

    assert len(router.creates(NIGHT)) == 1


def test_alert_is_shown_in_every_channel_of_its_routes(router: RoutedHarness) -> None:
    router.reload(
        configured(routed({"team": "shop"}, SHOP, 0, continue_=True), routed({"team": "shop"}, OPS, 1))
    )

    router.harness.accept(alert("a", labels={"team": "shop"}), alert("b"))
    router.live(0)

    assert [each.channels for each in router.harness.alerts()] == ["|shop|discord|", "|discord|"]
    assert (len(router.creates()), len(router.creates(SHOP))) == (1, 1)
    assert router.harness.ledger(SHOP).wanted == router.harness.ledger(OPS).wanted == 1


def test_alert_is_news_only_in_its_own_channels(router: RoutedHarness) -> None:
    router.reload(configured(routed({"team": "shop"}, SHOP)))
    router.harness.accept(alert("a", labels={"team": "shop"}), alert("b"))
    router.live(5 * MINUTE)

    router.harness.accept(alert("c", labels={"team": "shop"}))
    router.live(0)

    assert (len(router.creates()), len(router.creates(SHOP))) == (1, 2)


def test_alerts_of_one_channel_follow_the_policies_of_their_routes(router: RoutedHarness) -> None:
    """One route never announces anew; the other one's alerts must not wait for it."""
    never = RoutePolicy(notify=Policy(renotify=None))
    router.reload(configured(routed({"team": "lazy"}, OPS, policy=never)))
    router.harness.accept(alert("a", labels={"team": "lazy"}))
    router.live(5 * MINUTE)

    router.harness.accept(alert("b", labels={"team": "lazy"}))
    router.live(HOUR, step_s=60)
    lazy = router.reasons()
    router.harness.accept(alert("c", "warning"))
    router.live(31 * MINUTE, step_s=60)

    assert lazy == ["first"]
    assert router.reasons() == ["first", "new_alerts"]


def test_sender_may_name_the_channel(router: RoutedHarness) -> None:
    router.harness.accept(alert("a", sent_to="shop"))
    router.live(2 * MINUTE)
    router.harness.accept(alert("a", sent_to="night"))
    router.live(0)

    assert router.harness.alert().channels == "|shop|night|"
    assert [len(router.creates(name)) for name in (OPS, SHOP, NIGHT)] == [0, 1, 1]


def test_unknown_channel_of_a_sender_is_left_to_the_routes(router: RoutedHarness) -> None:
    router.harness.accept(alert("a", sent_to="nowhere"))

    assert router.harness.alert().channels == "|discord|"


def test_group_by_of_the_configuration_makes_the_incidents(
    database_url: str, clock: Clock, discord: DiscordState
) -> None:
    configuration = configured(incidents=IncidentRules(group_by=("alertname", "cluster")))
    with RoutedHarness.opened(database_url, clock, discord, configuration) as router:
        router.harness.accept(
            alert("a", labels={"cluster": "eu"}), alert("b", labels={"cluster": "us"}), alert("c")
        )

        assert [incident.group_labels for incident in router.harness.incidents()] == [
            {"alertname": "Down", "cluster": "eu"},
            {"alertname": "Down", "cluster": "us"},
            {"alertname": "Down"},
        ]


def test_reload_routes_what_fires_anew(router: RoutedHarness) -> None:
    router.harness.accept(alert("a", labels={"team": "shop"}), alert("b"))
    router.live(2 * MINUTE)
    edits = len(router.harness.discord.edits)

    router.reload(configured(routed({"team": "shop"}, SHOP)))

    assert [each.channels for each in router.harness.alerts()] == ["|shop|", "|discord|"]
    assert (len(router.creates()), router.reasons(SHOP)) == (1, ["first"])
    assert len(router.harness.discord.edits) == edits + 1, "its old channel shows what is left"


def test_reload_without_changes_sends_nothing(router: RoutedHarness) -> None:
    router.harness.accept(alert("a"))
    router.live(2 * MINUTE)
    requests, decisions = len(router.harness.discord.requests), router.harness.decisions()

    router.reload(configured())

    assert (len(router.harness.discord.requests), router.harness.decisions()) == (requests, decisions)


def test_alert_that_moves_to_a_channel_with_a_card_is_announced_there(router: RoutedHarness) -> None:
    router.reload(configured(routed({"team": "shop"}, SHOP)))
    router.harness.accept(alert("a", labels={"team": "shop"}), alert("b", labels={"team": "data"}))
    router.live(5 * MINUTE)

    router.reload(configured(routed({"team": "shop"}, SHOP, 0), routed({"team": "data"}, SHOP, 1)))

    assert len(router.creates(SHOP)) == 2


def test_decision_from_before_the_clock_was_set_back_is_taken_again(router: RoutedHarness) -> None:
    clock = router.harness.clock
    clock.wrong_by_s = timedelta(days=10).total_seconds()
    router.harness.accept(alert("a"))
    router.live(20)
    router.harness.accept(alert("b"))
    router.live(0)

    clock.wrong_by_s = 0.0
    router.live(0)

    assert len(router.creates()) == 2


def test_repeat_asks_the_rule_nothing(router: RoutedHarness) -> None:
    router.harness.accept(alert())
    router.live(2 * MINUTE)
    before = router.harness.cards(), router.harness.decisions()

    router.harness.accept(alert())

    assert (router.harness.cards(), router.harness.decisions()) == before


@pytest.mark.parametrize("channel", [OPS, SHOP])
def test_ledger_shows_a_lost_card(router: RoutedHarness, channel: ChannelName) -> None:
    router.reload(configured(routed({"team": "shop"}, SHOP)))
    router.harness.accept(alert("a", labels={"team": "shop"}), alert("b"))
    balanced = router.balances()

    router.harness.lose_cards()
    missing = router.harness.ledger(channel)

    assert balanced
    assert (missing.wanted, missing.pending, missing.balanced) == (1, 0, False)
    router.harness.adopt()
