"""One message for what several routes send to one channel, each by its own policy."""

from datetime import time, timedelta
from zoneinfo import ZoneInfo

from alert_router.domain import notify_routes
from alert_router.domain.notify_routes import Group
from alert_router.domain.notify_values import Action, Decision, Episode, Policy, Posted, Reason, Situation
from alert_router.domain.quiet_hours import QuietHours
from alert_router.domain.routes import RoutePolicy
from alert_router.domain.severity import Severity
from testbed.factories import at

NEVER = RoutePolicy(notify=Policy(renotify=None))
SOON = RoutePolicy(notify=Policy(renotify_after={Severity.WARNING: timedelta(minutes=5)}))
QUIET = RoutePolicy(quiet_hours=QuietHours(ZoneInfo("UTC"), from_=time(11), to=time(13)))
POSTED = Situation(episodes=(), current=Posted(at(0), revision=1, severity=Severity.WARNING))


def episode(
    id_: int, severity: Severity = Severity.WARNING, *, firing: bool = True, revision: int = 2
) -> Episode:
    return Episode(
        id_,
        series=f"series {id_}",
        identity=f"identity {id_}",
        severity=severity,
        firing=firing,
        suppressed=False,
        revision=revision,
        counts_since=at(0),
    )


def decide(situation: Situation, *groups: Group, minute: float = 1) -> Decision:
    return notify_routes.decide(situation, groups, at(minute))


def test_episodes_are_grouped_by_equal_policies() -> None:
    first, second, third = episode(1), episode(2), episode(3)

    groups = notify_routes.grouped(
        [(NEVER, first), (SOON, second), (RoutePolicy(notify=Policy(renotify=None)), third)]
    )

    assert groups == (Group(NEVER, (first, third)), Group(SOON, (second,)))


def test_soonest_group_says_when_to_ask_again() -> None:
    decision = decide(POSTED, Group(NEVER, (episode(1),)), Group(SOON, (episode(2),)))

    assert (decision.action, decision.reason, decision.due_at) == (Action.EDIT, Reason.WAITING, at(5))
    assert decision.news == (2, 1)


def test_message_mentions_the_worst_of_all_groups() -> None:
    groups = Group(SOON, (episode(1),)), Group(RoutePolicy(), (episode(2, Severity.CRITICAL),))

    decision = decide(POSTED, *groups, minute=6)

    assert (decision.action, decision.mention_of, decision.news) == (Action.CREATE, 2, (2, 1))


def test_quiet_hours_are_those_of_the_group() -> None:
    quiet, loud = Group(QUIET, (episode(1),)), Group(SOON, (episode(2),))

    assert decide(Situation(episodes=()), quiet).due_at == at(60)
    assert decide(Situation(episodes=()), quiet, loud).action is Action.CREATE


def test_resolution_is_announced_once_nothing_fires_in_any_group() -> None:
    asks = RoutePolicy(notify=Policy(notify_resolved=True))
    over, other = Group(asks, (episode(1, firing=False, revision=1),)), episode(2, revision=1)

    still_firing = decide(POSTED, over, Group(SOON, (other,)), minute=6)
    all_over = decide(POSTED, over, Group(SOON, (episode(2, firing=False, revision=1),)), minute=6)

    assert still_firing.action is Action.EDIT
    assert (all_over.action, all_over.reason) == (Action.CREATE, Reason.RESOLVED)


def test_channel_without_alerts_gets_no_message() -> None:
    assert decide(Situation(episodes=())).reason is Reason.NO_ALERTS
