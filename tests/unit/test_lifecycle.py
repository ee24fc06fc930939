"""The life of an alert: every row of the table, at its edges."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from alert_router.domain import lifecycle
from alert_router.domain.lifecycle import SignalKind, judge
from alert_router.domain.model import TIME_RESOLUTION, Alert, Rules, Signal, Status, TransitionKind
from testbed.factories import NOON, RULES, advancing, at, make_alert, make_signal

FIRING = make_alert(starts_at=at(0))
RESOLVED = make_alert(starts_at=at(0), ends_at=at(10))
HELD = replace(RESOLVED, held_until=at(12))
INSTANT = timedelta(microseconds=1)


def firing(minute: float, **changes: Any) -> Signal:
    return make_signal(starts_at=at(minute), **changes)


def resolved(start: float, end: float, **changes: Any) -> Signal:
    return make_signal(starts_at=at(start), ends_at=at(end), **changes)


@pytest.mark.parametrize(
    ("known", "signal", "verdict"),
    [
        pytest.param(None, firing(0), SignalKind.OPEN, id="nothing known, firing"),
        pytest.param(None, resolved(0, 5), SignalKind.OPEN_RESOLVED, id="nothing known, resolved"),
        pytest.param(FIRING, firing(0), SignalKind.REPEAT, id="open, firing again"),
        pytest.param(FIRING, firing(-1), SignalKind.REPEAT, id="open, firing with an earlier start"),
        pytest.param(FIRING, firing(0, annotations={}), SignalKind.UPDATE, id="open, saying something else"),
        pytest.param(FIRING, firing(1), SignalKind.SUPERSEDE, id="open, firing with a later start"),
        pytest.param(
            FIRING,
            make_signal(starts_at=at(0) + TIME_RESOLUTION),
            SignalKind.SUPERSEDE,
            id="open, an instant later",
        ),
        pytest.param(
            FIRING,
            make_signal(starts_at=at(0) + TIME_RESOLUTION - INSTANT),
            SignalKind.REPEAT,
            id="open, its start told more exactly",
        ),
        pytest.param(FIRING, resolved(0, 5), SignalKind.RESOLVE, id="open, resolved"),
        pytest.param(FIRING, resolved(-9, 5), SignalKind.RESOLVE, id="open, resolved with an earlier start"),
        pytest.param(FIRING, resolved(3, 5), SignalKind.RESOLVE, id="open, resolved with a later start"),
        pytest.param(FIRING, resolved(-9, 0), SignalKind.RESOLVE, id="open, resolved as it starts"),
        pytest.param(FIRING, resolved(-9, -1), SignalKind.LATE, id="open, resolve of an earlier episode"),
        pytest.param(RESOLVED, firing(0), SignalKind.HOLD, id="resolved, firing with its start"),
        pytest.param(RESOLVED, firing(-5), SignalKind.HOLD, id="resolved, firing with an earlier start"),
        pytest.param(RESOLVED, firing(5), SignalKind.HOLD, id="resolved, firing with a start within it"),
        pytest.param(RESOLVED, firing(10), SignalKind.HOLD, id="resolved, firing as it ended"),
        pytest.param(RESOLVED, firing(11), SignalKind.OPEN, id="resolved, firing after its end"),
        pytest.param(RESOLVED, resolved(0, 10), SignalKind.REPEAT, id="resolved, resolved again"),
        pytest.param(
            RESOLVED, resolved(0, 20), SignalKind.REPEAT, id="resolved, resolved again with another end"
        ),
        pytest.param(
            RESOLVED, resolved(11, 20), SignalKind.OPEN_RESOLVED, id="resolved, a later one unheard of"
        ),
        pytest.param(HELD, firing(0), SignalKind.HOLD, id="held, firing again"),
        pytest.param(HELD, resolved(0, 10), SignalKind.LATE, id="held, its resolve"),
        pytest.param(HELD, firing(11), SignalKind.OPEN, id="held, firing after its end"),
        pytest.param(
            RESOLVED,
            firing(0, may_be_late=False),
            SignalKind.LATE,
            id="resolved, late from one who has no replicas",
        ),
    ],
)
def test_what_a_signal_is_follows_from_what_is_known(
    known: Alert | None, signal: Signal, verdict: SignalKind
) -> None:
    assert judge(known, signal) is verdict


def test_an_opened_alert_holds_what_the_signal_said() -> None:
    step = advancing()(None, make_signal(), at(1))

    assert step.alert == make_alert(received_at=at(1), last_seen_at=at(1), incident_id=0)
    assert [(fact.kind, fact.at) for fact in step.transitions] == [(TransitionKind.OPENED, at(1))]


def test_an_episode_heard_of_when_it_is_over_is_history_at_once() -> None:
    step = advancing()(None, make_signal(ends_at=at(5)), at(6))

    assert (step.alert.status, step.alert.ends_at) == (Status.RESOLVED, at(5))
    assert [fact.kind for fact in step.transitions] == [TransitionKind.OPENED, TransitionKind.RESOLVED]


def test_a_repeat_is_counted_and_seen() -> None:
    step = advancing()(FIRING, make_signal(), at(4))

    assert step.alerts == (replace(FIRING, repeats=1, last_seen_at=at(4)),)
    assert step.transitions == ()


def test_last_seen_never_steps_back() -> None:
    step = advancing()(replace(FIRING, last_seen_at=at(9)), make_signal(), at(4))

    assert step.alert.last_seen_at == at(9)


def test_an_update_keeps_the_new_words() -> None:
    step = advancing()(FIRING, make_signal(annotations={"summary": "worse"}), at(4))

    assert step.alert.annotations == {"summary": "worse"}
    assert [fact.kind for fact in step.transitions] == [TransitionKind.UPDATED]


def test_a_resolve_closes_at_the_hour_it_tells() -> None:
    step = advancing()(FIRING, make_signal(ends_at=at(5)), at(6))

    assert (step.alert.status, step.alert.ends_at, step.alert.repeats) == (Status.RESOLVED, at(5), 0)
    assert [fact.kind for fact in step.transitions] == [TransitionKind.RESOLVED]


def test_a_missed_resolve_closes_the_old_alert_where_the_new_one_starts() -> None:
    step = advancing()(replace(FIRING, id=9, flaps=2), firing(30), at(31))

    old, new = step.alerts
    assert (old.id, old.status, old.ends_at) == (9, Status.RESOLVED, at(30))
    assert (new.status, new.starts_at, new.flaps) == (Status.FIRING, at(30), 2)
    assert [(fact.alert_id, fact.kind) for fact in step.transitions] == [
        (9, TransitionKind.SUPERSEDED),
        (new.id, TransitionKind.OPENED),
    ]


def test_a_late_duplicate_changes_nothing_but_counters() -> None:
    step = advancing()(FIRING, resolved(-9, -1), at(4))

    assert step.alert == replace(FIRING, repeats=1, last_seen_at=at(4))
    assert [fact.kind for fact in step.transitions] == [TransitionKind.LATE_DUPLICATE]


def test_a_late_firing_is_held_for_the_hold() -> None:
    step = advancing(Rules(hold_s=90))(RESOLVED, make_signal(), at(11))

    assert (step.alert.status, step.alert.held_until) == (Status.RESOLVED, at(12.5))
    assert step.transitions == ()


def test_a_second_late_firing_does_not_prolong_the_hold() -> None:
    step = advancing()(HELD, make_signal(), at(11.9))

    assert step.alert.held_until == HELD.held_until


def test_the_resolve_of_a_held_alert_ends_the_hold() -> None:
    step = advancing()(HELD, make_signal(ends_at=at(10)), at(11))

    assert (step.alert.status, step.alert.held_until) == (Status.RESOLVED, None)
    assert [fact.kind for fact in step.transitions] == [TransitionKind.LATE_DUPLICATE]


def test_a_new_episode_ends_the_hold_of_the_one_before() -> None:
    step = advancing()(HELD, firing(11), at(11))

    assert [alert.held_until for alert in step.alerts] == [None, None]
    assert [alert.status for alert in step.alerts] == [Status.RESOLVED, Status.FIRING]


@pytest.mark.parametrize(("late_by", "reopened"), [(-INSTANT, False), (timedelta(), True), (INSTANT, True)])
def test_a_hold_that_nobody_answers_reopens_when_it_is_over(late_by: timedelta, reopened: bool) -> None:
    step = lifecycle.expire(HELD, at(12) + late_by, rules=RULES)

    assert (step is not None) == reopened
    if step is not None:
        assert step.alert == replace(HELD, status=Status.FIRING, ends_at=None, held_until=None)
        assert [fact.kind for fact in step.transitions] == [TransitionKind.REOPENED]


@pytest.mark.parametrize(("late_by", "ended"), [(-INSTANT, False), (timedelta(), True)])
def test_a_report_that_is_not_repeated_ends_at_its_expiry(late_by: timedelta, ended: bool) -> None:
    reported = replace(FIRING, expires_at=at(60))

    step = lifecycle.expire(reported, at(60) + late_by, rules=RULES)

    assert (step is not None) == ended
    if step is not None:
        assert (step.alert.status, step.alert.ends_at) == (Status.RESOLVED, at(60))
        assert [fact.kind for fact in step.transitions] == [TransitionKind.RESOLVED]


@pytest.mark.parametrize("alert", [FIRING, RESOLVED, replace(RESOLVED, expires_at=at(1))])
def test_time_alone_changes_nothing_else(alert: Alert) -> None:
    assert lifecycle.expire(alert, at(10_000), rules=RULES) is None


def test_a_report_told_again_expires_later() -> None:
    step = advancing()(replace(FIRING, expires_at=at(60)), make_signal(expires_at=at(90)), at(30))

    assert step.alert.expires_at == at(90)


@pytest.mark.parametrize(
    ("heard_at", "flaps"),
    [(at(10) + timedelta(minutes=30) - INSTANT, 4), (at(40), 0), (at(41), 0)],
)
def test_an_alert_that_comes_back_within_the_flap_window_counts_flaps(heard_at: datetime, flaps: int) -> None:
    step = advancing()(replace(RESOLVED, flaps=3), firing(20), heard_at)

    assert step.alert.flaps == flaps


@pytest.mark.parametrize("ends_at", [at(-10), at(0)])
def test_no_alert_ends_before_it_starts(ends_at: datetime) -> None:
    opened = advancing()(None, make_signal(status=Status.RESOLVED, ends_at=ends_at), NOON).alert
    closed = advancing()(FIRING, make_signal(starts_at=at(-20), ends_at=at(0)), NOON).alert

    assert (opened.ends_at, closed.ends_at) == (at(0), at(0))


def test_the_identity_of_a_report_is_written_once() -> None:
    report = make_signal(ends_at=at(5), event_key="training_success:1")

    step = advancing()(None, report, at(6))

    assert [fact.event_key for fact in step.transitions] == ["training_success:1", None]
