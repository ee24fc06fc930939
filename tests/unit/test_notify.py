"""The notify rule, line by line: when there is a new message, why (not), and when to ask again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alert_router.domain import notify, notify_news, notify_timing
from alert_router.domain.notify_values import (
    Action,
    Beginning,
    Decision,
    Episode,
    Policy,
    Posted,
    Quiet,
    Reason,
    Situation,
)
from alert_router.domain.severity import Severity

INFO, WARNING, ERROR, CRITICAL = Severity
CREATE, EDIT, NONE = Action.CREATE, Action.EDIT, Action.NONE
POLICY = Policy()


def at(minutes: float) -> datetime:
    return datetime(2026, 3, 2, 14, tzinfo=UTC) + timedelta(minutes=minutes)


def episode(severity: Severity = CRITICAL, *, minute: float = 0, number: int = 1, **changes: Any) -> Episode:
    """An episode that fires; its revision is its number unless it is among the changes."""
    blank = Episode(
        id=number,
        series=f"series-{number}",
        identity=f"trouble-{number}",
        severity=severity,
        firing=True,
        suppressed=False,
        revision=number,
        counts_since=at(minute),
    )
    return replace(blank, **changes)


def ended(severity: Severity = CRITICAL, *, minute: float = 1, **changes: Any) -> Episode:
    return episode(severity, firing=False, ended_at=at(minute), **changes)


def posted(minute: float = 0, severity: Severity | None = CRITICAL, *, revision: int = 1) -> Posted:
    return Posted(at(minute), revision, severity)


def situation(*episodes: Episode, cards: Sequence[Posted] = (), **changes: Any) -> Situation:
    current = cards[-1] if cards else None
    return Situation(episodes=episodes, current=current, recent=tuple(cards), **changes)


def decide(asked_at: float, where: Situation, policy: Policy = POLICY) -> Decision:
    return notify.decide(where, policy, at(asked_at))


def outcome(decision: Decision) -> tuple[Action, Reason]:
    return decision.action, decision.reason


# The first message.


@pytest.mark.parametrize("severity", Severity)
def test_first_message_is_made_whatever_the_severity(severity: Severity) -> None:
    decision = decide(0, situation(episode(severity)))

    assert decision == Decision(CREATE, Reason.FIRST, news=(1,), mention_of=1)


def test_incident_born_resolved_is_shown_once_and_mentions_nobody() -> None:
    decision = decide(1, situation(ended()))
    after = decide(2, situation(ended(), cards=[posted(1, None)]))

    assert decision == Decision(CREATE, Reason.FIRST)
    assert outcome(after) == (EDIT, Reason.OVER)


def test_route_that_renotifies_nothing_still_gets_the_first_message() -> None:
    policy = Policy(renotify=None)

    assert outcome(decide(0, situation(episode()), policy)) == (CREATE, Reason.FIRST)
    second = situation(episode(), episode(number=2), cards=[posted()])
    assert outcome(decide(99, second, policy)) == (EDIT, Reason.BELOW_RENOTIFY)


@pytest.mark.parametrize("alert", [episode(suppressed=True), ended(suppressed=True)])
def test_silenced_incident_gets_no_first_message(alert: Episode) -> None:
    assert decide(5, situation(alert)) == Decision(NONE, Reason.SUPPRESSED)


def test_incident_that_began_silenced_gets_its_message_when_the_silence_ends() -> None:
    heard = episode(revision=2, minute=60, beginning=Beginning.UNSUPPRESSED)

    assert outcome(decide(60, situation(heard))) == (CREATE, Reason.FIRST)


def test_incident_without_alerts_in_this_channel_gets_no_message() -> None:
    assert decide(0, situation()) == Decision(NONE, Reason.NO_ALERTS)


# A new message for what no message has announced.


@pytest.mark.parametrize(("severity", "wait"), [(CRITICAL, 1), (ERROR, 5), (WARNING, 30)], ids=str)
def test_second_alert_is_announced_when_the_wait_is_over(severity: Severity, wait: int) -> None:
    second = situation(episode(), episode(severity, number=2, minute=0.5), cards=[posted()])

    early = decide(0.5, second)

    assert early == Decision(EDIT, Reason.WAITING, due_at=at(wait), news=(2,))
    assert decide(wait, second) == Decision(CREATE, Reason.NEW_ALERTS, news=(2,), mention_of=2)


def test_alert_that_joins_after_the_wait_is_announced_at_once() -> None:
    second = situation(episode(), episode(number=2, minute=3), cards=[posted()])

    assert outcome(decide(3, second)) == (CREATE, Reason.NEW_ALERTS)


def test_info_is_never_announced_again() -> None:
    second = situation(episode(INFO), episode(INFO, number=2), cards=[posted(severity=INFO)])

    assert decide(600, second) == Decision(EDIT, Reason.BELOW_RENOTIFY, news=(2,))


def test_severity_without_a_wait_is_never_announced_again() -> None:
    policy = Policy(renotify=INFO, renotify_after={INFO: None})
    second = situation(episode(INFO), episode(WARNING, number=2), cards=[posted(severity=INFO)])

    assert decide(600, second, policy) == Decision(EDIT, Reason.NEVER_AGAIN, news=(2,))


def test_renotify_is_the_lowest_severity_that_is_announced() -> None:
    second = situation(episode(ERROR), episode(ERROR, number=2), cards=[posted(severity=ERROR)])

    assert outcome(decide(9, second, Policy(renotify=ERROR))) == (CREATE, Reason.NEW_ALERTS)
    assert outcome(decide(9, second, Policy(renotify=CRITICAL))) == (EDIT, Reason.BELOW_RENOTIFY)


def test_everything_announced_needs_no_message() -> None:
    assert decide(600, situation(episode(), cards=[posted()])) == Decision(EDIT, Reason.ANNOUNCED)


def test_alert_that_resolved_before_its_wait_was_over_needs_no_message() -> None:
    over = situation(episode(), ended(number=2), cards=[posted()])

    assert decide(9, over) == Decision(EDIT, Reason.ANNOUNCED)


def test_alerts_that_wait_share_one_message_and_the_worst_is_named_first() -> None:
    waiting = situation(
        episode(),
        episode(INFO, number=2),
        episode(WARNING, number=3),
        episode(CRITICAL, number=4),
        cards=[posted()],
    )

    decision = decide(1, waiting)

    assert (decision.action, decision.news, decision.mention_of) == (CREATE, (4, 3, 2), 4)


def test_enqueued_message_makes_another_one_unnecessary() -> None:
    second = situation(episode(), episode(number=2), cards=[posted()], pending=True)

    assert decide(9, second) == Decision(NONE, Reason.PENDING, news=(2,))


def test_alert_that_began_while_the_message_was_sent_is_not_announced() -> None:
    second = situation(episode(), episode(number=2, minute=1), cards=[posted(2, revision=1)])

    assert decide(2, second) == Decision(EDIT, Reason.WAITING, due_at=at(3), news=(2,))


@pytest.mark.parametrize(
    ("episodes", "reason"),
    [
        ([episode(revision=2, beginning=Beginning.REOPENED)], Reason.FIRES_AGAIN),
        ([ended(), episode(number=2, series="series-1")], Reason.FIRES_AGAIN),
        ([episode(revision=2, beginning=Beginning.UNSUPPRESSED)], Reason.UNSUPPRESSED),
        ([episode(), episode(number=2)], Reason.NEW_ALERTS),
    ],
    ids=["reopened", "another episode of it", "end of a silence", "another alert"],
)
def test_message_says_why_it_is_new(episodes: list[Episode], reason: Reason) -> None:
    assert outcome(decide(9, situation(*episodes, cards=[posted()]))) == (CREATE, reason)


def test_critical_that_fires_again_after_resolved_is_announced() -> None:
    again = situation(ended(minute=5), episode(number=2, series="series-1", minute=9), cards=[posted()])

    assert outcome(decide(9, again)) == (CREATE, Reason.FIRES_AGAIN)


def test_episode_after_a_missed_resolve_is_announced() -> None:
    superseded = situation(ended(minute=2880), episode(number=2, series="series-1"), cards=[posted()])

    assert outcome(decide(2880, superseded)) == (CREATE, Reason.FIRES_AGAIN)


# Worse than everything announced.


@pytest.mark.parametrize(("before", "after"), [(INFO, WARNING), (WARNING, ERROR), (ERROR, CRITICAL)])
def test_worse_alert_is_announced_at_once(before: Severity, after: Severity) -> None:
    worse = situation(episode(before), episode(after, number=2), cards=[posted(severity=before)])

    assert decide(0.1, worse) == Decision(CREATE, Reason.WORSE, news=(2,), mention_of=2)


def test_worse_alert_of_an_acknowledged_incident_is_announced_at_once() -> None:
    worse = situation(episode(ERROR), episode(number=2), cards=[posted(severity=ERROR)], acknowledged=True)

    assert outcome(decide(0.1, worse)) == (CREATE, Reason.WORSE)


def test_severity_of_the_flap_window_is_no_rise() -> None:
    cards = [posted(0, CRITICAL), posted(5, ERROR, revision=2)]
    again = situation(ended(), episode(ERROR, number=2), episode(number=3, minute=6), cards=cards)

    assert decide(6, again) == Decision(EDIT, Reason.WAITING, due_at=at(8), news=(3,))


def test_severity_from_before_the_flap_window_is_a_rise_again() -> None:
    cards = [posted(0, CRITICAL), posted(29.9, ERROR, revision=2)]
    again = situation(ended(), episode(ERROR, number=2), episode(number=3, minute=30), cards=cards)

    assert outcome(decide(30, again)) == (CREATE, Reason.WORSE)


def test_severity_of_an_old_current_card_is_no_rise() -> None:
    policy = Policy(renotify_after={CRITICAL: timedelta(hours=2)})
    second = situation(episode(), episode(number=2, minute=60), cards=[posted()])

    assert decide(60, second, policy).due_at == at(120)


# The wait grows.


@pytest.mark.parametrize(
    ("base", "creates", "acknowledged", "wait"),
    [
        (1, 0, False, 1),
        (1, 1, False, 1),
        (1, 2, False, 3),
        (1, 3, False, 10),
        (1, 4, False, 10),
        (5, 2, False, 15),
        (5, 3, False, 15),
        (30, 1, False, 30),
        (30, 5, False, 30),
        (1, 1, True, 10),
        (5, 1, True, 50),
        (30, 3, True, 300),
    ],
)
def test_wait_grows_with_the_messages_of_the_flap_window(
    base: int, creates: int, acknowledged: bool, wait: int
) -> None:
    span = notify_timing.renotify_wait(timedelta(minutes=base), creates, acknowledged=acknowledged)

    assert span == timedelta(minutes=wait)


@pytest.mark.parametrize(
    ("minutes", "due"), [([0], 1), ([0, 1], 4), ([0, 1, 4], 14), ([0, 25, 28], 31), ([10, 20, 28], 38)]
)
def test_critical_waits_longer_the_more_messages_there_were(minutes: list[float], due: float) -> None:
    cards = [posted(minute) for minute in minutes]
    flapping = situation(episode(revision=2, beginning=Beginning.REOPENED), cards=cards)

    assert decide(minutes[-1], flapping).due_at == at(due)
    assert outcome(decide(due, flapping)) == (CREATE, Reason.FIRES_AGAIN)


def test_acknowledged_incident_waits_longest_from_the_start() -> None:
    second = situation(episode(), episode(number=2), cards=[posted()], acknowledged=True)

    early = decide(1, second)

    assert early == Decision(EDIT, Reason.WAITING_ACKNOWLEDGED, due_at=at(10), news=(2,))
    assert outcome(decide(10, second)) == (CREATE, Reason.NEW_ALERTS)


def rising_flapper() -> list[Posted]:
    """As many messages as an incident can have: it rose three times, and flapped since."""
    rises = [posted(second / 60, severity) for second, severity in enumerate(Severity)]
    return rises + [posted(minute) for minute in (10.1, 20.1, 30.1, 40.1)]


def test_ninth_message_within_an_hour_waits_for_the_hour() -> None:
    flapping = situation(episode(revision=2), cards=rising_flapper())

    assert decide(50.2, flapping) == Decision(EDIT, Reason.HOURLY_LIMIT, due_at=at(60), news=(1,))
    assert decide(60, flapping).action is CREATE


@pytest.mark.parametrize(("severity", "limit"), [(WARNING, 6), (ERROR, 7), (CRITICAL, 8)])
def test_hour_keeps_a_message_for_each_severity_above(severity: Severity, limit: int) -> None:
    policy = Policy(renotify_after=dict.fromkeys(Severity, timedelta(seconds=1)))
    fewer, as_many = (
        situation(episode(severity, revision=2), cards=[posted(0, severity)] * count)
        for count in (limit - 1, limit)
    )

    assert decide(5, fewer, policy).action is CREATE
    assert decide(5, as_many, policy).reason is Reason.HOURLY_LIMIT


def test_hour_full_of_warnings_does_not_hold_back_a_critical() -> None:
    cards = [posted(0, WARNING)] * 6
    worse = situation(episode(WARNING), episode(number=2), cards=cards)

    assert outcome(decide(1, worse)) == (CREATE, Reason.WORSE)


# Silences.


def test_alert_that_fires_silenced_is_not_announced() -> None:
    second = situation(episode(), episode(number=2, suppressed=True), cards=[posted()])

    assert decide(600, second) == Decision(EDIT, Reason.ANNOUNCED)


def test_incident_that_is_silenced_after_its_first_message_is_edited_only() -> None:
    silenced = situation(episode(suppressed=True), cards=[posted()])

    assert decide(600, silenced) == Decision(EDIT, Reason.SUPPRESSED)


# Quiet hours.

NIGHT = Quiet(until=at(480), passes=CRITICAL)
MORNING = Quiet(passes=CRITICAL, ended_at=at(480))


@pytest.mark.parametrize("cards", [[], [posted(-60, WARNING)]], ids=["first message", "later message"])
def test_quiet_hours_hold_a_message_back_until_their_end(cards: list[Posted]) -> None:
    error = episode(ERROR, number=2)

    night = decide(10, situation(error, cards=cards, quiet=NIGHT))
    morning = decide(480, situation(error, cards=cards, quiet=MORNING))

    assert night == Decision(EDIT if cards else NONE, Reason.QUIET_HOURS, due_at=at(480), news=(2,))
    assert morning == Decision(CREATE, Reason.QUIET_HOURS_OVER, news=(2,), mention_of=2)


def test_quiet_hours_that_end_now_hold_nothing_back() -> None:
    assert decide(480, situation(episode(ERROR), quiet=NIGHT)).action is CREATE


def test_severity_that_passes_is_announced_in_quiet_hours() -> None:
    first = situation(episode(), quiet=NIGHT)
    later = situation(episode(ERROR), episode(number=2), cards=[posted(0, ERROR)], quiet=NIGHT)

    assert outcome(decide(10, first)) == (CREATE, Reason.FIRST)
    assert outcome(decide(10, later)) == (CREATE, Reason.WORSE)


def test_quiet_hours_without_an_exception_hold_everything_back() -> None:
    silent = Quiet(until=at(480))

    assert outcome(decide(10, situation(episode(), quiet=silent))) == (NONE, Reason.QUIET_HOURS)


def test_incident_that_came_and_went_in_quiet_hours_is_shown_once_without_mention() -> None:
    night = decide(60, situation(ended(ERROR), quiet=NIGHT))
    morning = decide(480, situation(ended(ERROR), quiet=MORNING))

    assert night == Decision(NONE, Reason.QUIET_HOURS, due_at=at(480))
    assert morning == Decision(CREATE, Reason.QUIET_HOURS_OVER)


def test_alert_that_began_after_the_quiet_hours_does_not_name_them() -> None:
    second = situation(episode(), episode(number=2, minute=490), cards=[posted()], quiet=MORNING)

    assert outcome(decide(490, second)) == (CREATE, Reason.NEW_ALERTS)


def test_reminder_waits_for_the_end_of_the_quiet_hours() -> None:
    policy = Policy(remind_every={ERROR: timedelta(hours=1)})
    firing = situation(episode(ERROR), cards=[posted(0, ERROR)], quiet=NIGHT)

    assert decide(60, firing, policy).due_at == at(480)


# The same trouble in a new pod.


def new_pod(minute: float, **changes: Any) -> Episode:
    return episode(number=2, identity="trouble-1", minute=minute, **changes)


@pytest.mark.parametrize(
    "old", [episode(), ended(minute=4.5), ended(minute=5.5)], ids=["fires", "just over", "over afterwards"]
)
def test_same_trouble_in_a_new_pod_is_no_news(old: Episode) -> None:
    moved = situation(old, new_pod(5), cards=[posted()])

    assert decide(600, moved) == Decision(EDIT, Reason.SAME_TROUBLE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ended(minute=4), new_pod(5)),
        (ended(minute=4.5), new_pod(5, series="series-1")),
        (episode(), episode(number=2, minute=5)),
        (episode(suppressed=True), new_pod(5)),
        (episode(revision=2), new_pod(5, revision=3)),
    ],
    ids=["over for the wait", "the same pod", "another trouble", "silenced", "not announced either"],
)
def test_new_pod_is_news_unless_its_trouble_is_announced(old: Episode, new: Episode) -> None:
    moved = situation(old, new, cards=[posted()])

    decision = decide(5, moved)

    assert decision.action is CREATE
    assert 2 in decision.news


def test_pod_after_pod_stays_the_same_trouble() -> None:
    pods = [
        ended(number=n, identity="trouble", minute=n * 5 + 4.5, counts_since=at(n * 5)) for n in range(1, 9)
    ]
    last = episode(number=9, identity="trouble", minute=45)

    assert outcome(decide(45, situation(*pods, last, cards=[posted(5)]))) == (EDIT, Reason.SAME_TROUBLE)


# Reminders, resolves, escalation.

REMINDING = Policy(remind_every={CRITICAL: timedelta(hours=4)})


def test_reminder_is_due_that_long_after_the_current_card() -> None:
    firing = situation(episode(), cards=[posted(5)])

    assert decide(10, firing, REMINDING) == Decision(EDIT, Reason.ANNOUNCED, due_at=at(245))
    assert decide(245, firing, REMINDING) == Decision(CREATE, Reason.REMINDER, mention_of=1)


@pytest.mark.parametrize(
    "where",
    [
        situation(episode(), cards=[posted()], acknowledged=True),
        situation(episode(suppressed=True), cards=[posted()]),
        situation(ended(), cards=[posted()]),
        situation(episode(ERROR), cards=[posted(severity=ERROR)]),
    ],
    ids=["acknowledged", "silenced", "resolved", "another severity"],
)
def test_no_reminder(where: Situation) -> None:
    decision = decide(245, where, REMINDING)

    assert (decision.action, decision.due_at) == (EDIT, None)


def test_reminders_obey_the_growing_wait_and_leave_room_for_news() -> None:
    policy = Policy(remind_every=dict.fromkeys(Severity, timedelta(seconds=10)))

    two = decide(1.1, situation(episode(), cards=[posted(0), posted(1)]), policy)
    five = decide(51, situation(episode(), cards=[posted(n) for n in (0, 10, 20, 30, 40)]), policy)

    assert two.due_at == at(4)
    assert five.due_at == at(60)


def test_resolve_is_an_edit_unless_the_route_asks_for_a_message() -> None:
    over = situation(ended(minute=9), cards=[posted()])

    assert decide(9, over) == Decision(EDIT, Reason.OVER)
    assert decide(9, over, Policy(notify_resolved=True)) == Decision(CREATE, Reason.RESOLVED)


def test_resolve_message_waits_its_minute_and_comes_once() -> None:
    policy = Policy(notify_resolved=True)
    over = situation(ended(minute=0.5), cards=[posted()])
    announced = situation(ended(minute=0.5), cards=[posted(), posted(1, None)])

    assert decide(0.5, over, policy) == Decision(EDIT, Reason.WAITING, due_at=at(1))
    assert decide(99, announced, policy) == Decision(EDIT, Reason.OVER)


ESCALATING = Policy(escalate_after=timedelta(minutes=15))


def escalate(
    asked_at: float, where: Situation, *, alarmed: float | None = 0, escalated: float | None = None
) -> Decision:
    return notify.decide_escalation(
        where,
        ESCALATING,
        at(asked_at),
        alarmed_at=None if alarmed is None else at(alarmed),
        escalated_at=None if escalated is None else at(escalated),
    )


def test_incident_nobody_acknowledged_is_escalated() -> None:
    firing = situation(episode(INFO), episode(ERROR, number=2))

    assert escalate(14, firing) == Decision(NONE, Reason.NOT_ESCALATED, due_at=at(15))
    assert escalate(15, firing) == Decision(CREATE, Reason.ESCALATION, mention_of=2)


@pytest.mark.parametrize(
    ("where", "times", "reason"),
    [
        (situation(episode(), acknowledged=True), {}, Reason.ACKNOWLEDGED),
        (situation(ended()), {}, Reason.NOT_ESCALATED),
        (situation(episode(suppressed=True)), {}, Reason.NOT_ESCALATED),
        (situation(episode(INFO)), {}, Reason.NOT_ESCALATED),
        (situation(episode()), {"alarmed": None}, Reason.NOT_ESCALATED),
        (situation(episode()), {"escalated": 15}, Reason.ESCALATED),
        (situation(episode(), pending=True), {}, Reason.PENDING),
    ],
)
def test_no_escalation(where: Situation, times: dict[str, float | None], reason: Reason) -> None:
    assert escalate(90, where, **times) == Decision(NONE, reason)


def test_incident_that_flaps_is_escalated_once_an_hour() -> None:
    assert escalate(60, situation(episode()), alarmed=40, escalated=15).due_at == at(75)
    assert escalate(75, situation(episode()), alarmed=40, escalated=15).action is CREATE


def test_escalation_obeys_quiet_hours_and_the_hourly_limit_of_its_channel() -> None:
    busy = situation(episode(), cards=[posted(minute) for minute in range(8)])

    assert escalate(15, situation(episode(ERROR), quiet=NIGHT)).due_at == at(480)
    assert escalate(15, busy).due_at == at(60)


def test_route_without_escalation_escalates_nothing() -> None:
    decision = notify.decide_escalation(
        situation(episode()), POLICY, at(90), alarmed_at=at(0), escalated_at=None
    )

    assert decision == Decision(NONE, Reason.NOT_ESCALATED)


# Clocks and words.


def test_card_from_ahead_of_the_clock_holds_nothing_back() -> None:
    stepped_back = situation(episode(), episode(number=2), cards=[posted(60)])

    assert outcome(decide(1, stepped_back)) == (CREATE, Reason.NEW_ALERTS)


def test_announcement_does_not_depend_on_the_clock() -> None:
    """Two routers whose clocks differ by seconds, or one that was set back."""
    earlier_by_clock = episode(number=2, minute=-1)

    assert decide(5, situation(episode(), earlier_by_clock, cards=[posted()])).news == (2,)


def test_every_reason_has_words_of_its_own() -> None:
    assert len({reason.words for reason in Reason}) == len(Reason)


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        (Decision(CREATE, Reason.FIRES_AGAIN), "New message: an alert fires again."),
        (Decision(EDIT, Reason.OVER), "No new message: nothing fires any more, so an edit suffices."),
        (
            Decision(EDIT, Reason.WAITING, due_at=at(1)),
            "No new message before 2026-03-02 14:01:00 UTC: the last message is too recent.",
        ),
    ],
)
def test_decision_explains_itself_in_one_sentence(decision: Decision, sentence: str) -> None:
    assert notify.explain(decision) == sentence


def test_worst_firing_episode_ignores_what_is_silenced_or_over() -> None:
    episodes = [ended(), episode(number=2, suppressed=True), episode(WARNING, number=3)]

    worst = notify_news.worst_firing(episodes)

    assert worst is not None
    assert worst.id == 3
