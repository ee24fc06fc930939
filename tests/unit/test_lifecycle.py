"""The life of an alert: every row of the table, at its edges."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from alert_router.domain import lifecycle, severity, speakers
from alert_router.domain.lifecycle import Change, SignalKind, classify
from alert_router.domain.model import TIME_RESOLUTION, Alert, Rules, Signal, Status, TransitionKind
from testbed.factories import NOON, RULES, at, make_alert, make_signal, signal_applier

FIRING = make_alert(starts_at=at(0))
RESOLVED = make_alert(starts_at=at(0), ends_at=at(10))
HELD = replace(RESOLVED, held_until=at(12))
INSTANT = timedelta(microseconds=1)


def firing(minute: float, **changes: Any) -> Signal:
    return make_signal(starts_at=at(minute), **changes)


def resolved(start: float, end: float, **changes: Any) -> Signal:
    return make_signal(starts_at=at(start), ends_at=at(end), **changes)


def kinds(change: Change) -> list[TransitionKind]:
    return [transition.kind for transition in change.transitions]


@pytest.mark.parametrize(
    ("known", "signal", "kind"),
    [
        pytest.param(None, firing(0), SignalKind.OPEN, id="nothing known, firing"),
        pytest.param(None, resolved(0, 5), SignalKind.OPEN_RESOLVED, id="nothing known, resolved"),
        pytest.param(FIRING, firing(0), SignalKind.REPEAT, id="open, firing again"),
        pytest.param(FIRING, firing(-1), SignalKind.REPEAT, id="open, firing with an earlier start"),
        pytest.param(FIRING, firing(0, annotations={}), SignalKind.UPDATE, id="open, with other annotations"),
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
            id="open, its start more exact",
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
            RESOLVED, resolved(11, 20), SignalKind.OPEN_RESOLVED, id="resolved, a later episode unknown"
        ),
        pytest.param(HELD, firing(0), SignalKind.HOLD, id="held, firing again"),
        pytest.param(HELD, resolved(0, 10), SignalKind.LATE, id="held, its resolve"),
        pytest.param(HELD, firing(11), SignalKind.OPEN, id="held, firing after its end"),
        pytest.param(
            RESOLVED,
            firing(0, may_be_late=False),
            SignalKind.LATE,
            id="resolved, late, from a source without replicas",
        ),
        pytest.param(FIRING, firing(9, start_known=False), SignalKind.REPEAT, id="open, firing, no start"),
        pytest.param(
            FIRING, resolved(9, 9, start_known=False), SignalKind.RESOLVE, id="open, resolved, no start"
        ),
        pytest.param(
            RESOLVED, firing(5, start_known=False), SignalKind.OPEN, id="resolved, firing, no start"
        ),
        pytest.param(
            RESOLVED, resolved(20, 20, start_known=False), SignalKind.REPEAT, id="resolved twice, no start"
        ),
    ],
)
def test_signal_is_classified_by_the_newest_alert(
    known: Alert | None, signal: Signal, kind: SignalKind
) -> None:
    assert classify(known, signal) is kind


def test_opened_alert_has_the_fields_of_its_signal() -> None:
    change = signal_applier()(None, make_signal(), at(1))

    # Its rank is the configuration's, which the pure rule does not know.
    expected = make_alert(received_at=at(1), last_seen_at=at(1), incident_id=0)
    assert change.alert == replace(expected, severity_rank=severity.DEFAULT)
    assert [(transition.kind, transition.at) for transition in change.transitions] == [
        (TransitionKind.OPENED, at(1))
    ]


def test_opened_alert_without_the_customary_labels() -> None:
    change = signal_applier()(None, make_signal({"job": "api"}), NOON)

    assert (change.alert.alertname, change.alert.severity) == ("", "")


def test_resolved_signal_of_an_unknown_alert_opens_it_resolved() -> None:
    change = signal_applier()(None, make_signal(ends_at=at(5)), at(6))

    assert (change.alert.status, change.alert.ends_at) == (Status.RESOLVED, at(5))
    assert kinds(change) == [
        TransitionKind.OPENED,
        TransitionKind.RESOLVED,
    ]


def test_repeat_updates_counter_and_last_seen() -> None:
    change = signal_applier()(FIRING, make_signal(), at(4))

    assert change.alerts == (replace(FIRING, repeats=1, last_seen_at=at(4)),)
    assert change.transitions == ()


def test_last_seen_never_moves_back() -> None:
    change = signal_applier()(replace(FIRING, last_seen_at=at(9)), make_signal(), at(4))

    assert change.alert.last_seen_at == at(9)


def test_update_replaces_the_annotations() -> None:
    change = signal_applier()(FIRING, make_signal(annotations={"summary": "worse"}), at(4))

    assert change.alert.annotations == {"summary": "worse"}
    assert kinds(change) == [TransitionKind.UPDATED]


def test_resolve_closes_at_its_own_end() -> None:
    change = signal_applier()(FIRING, make_signal(ends_at=at(5)), at(6))

    assert (change.alert.status, change.alert.ends_at, change.alert.repeats) == (Status.RESOLVED, at(5), 0)
    assert kinds(change) == [TransitionKind.RESOLVED]


def test_resolve_of_a_source_is_not_the_routers_own_conclusion() -> None:
    absent = replace(FIRING, absent_since=at(1))

    change = signal_applier()(absent, resolved(0, 5), at(6))

    assert change.alert.absent_since is None


def test_missed_resolve_closes_the_old_alert_at_the_new_start() -> None:
    change = signal_applier()(replace(FIRING, id=9, flaps=2), firing(30), at(31))

    old, new = change.alerts
    assert (old.id, old.status, old.ends_at) == (9, Status.RESOLVED, at(30))
    assert (new.status, new.starts_at, new.flaps) == (Status.FIRING, at(30), 2)
    assert [(transition.alert_id, transition.kind) for transition in change.transitions] == [
        (9, TransitionKind.SUPERSEDED),
        (new.id, TransitionKind.OPENED),
    ]


def test_late_duplicate_changes_counters_only() -> None:
    change = signal_applier()(FIRING, resolved(-9, -1), at(4))

    assert change.alert == replace(FIRING, repeats=1, last_seen_at=at(4))
    assert kinds(change) == [TransitionKind.LATE_DUPLICATE]


def test_late_firing_is_held() -> None:
    change = signal_applier(Rules(hold_s=90))(RESOLVED, make_signal(), at(11))

    assert (change.alert.status, change.alert.held_until) == (Status.RESOLVED, at(12.5))
    assert change.transitions == ()


def test_second_late_firing_does_not_extend_the_hold() -> None:
    change = signal_applier()(HELD, make_signal(), at(11.9))

    assert change.alert.held_until == HELD.held_until


def test_resolve_of_a_held_alert_ends_the_hold() -> None:
    change = signal_applier()(HELD, make_signal(ends_at=at(10)), at(11))

    assert (change.alert.status, change.alert.held_until) == (Status.RESOLVED, None)
    assert kinds(change) == [TransitionKind.LATE_DUPLICATE]


def test_new_episode_ends_the_hold_of_the_previous_one() -> None:
    change = signal_applier()(HELD, firing(11), at(11))

    assert [alert.held_until for alert in change.alerts] == [None, None]
    assert [alert.status for alert in change.alerts] == [Status.RESOLVED, Status.FIRING]


@pytest.mark.parametrize(("late_by", "reopened"), [(-INSTANT, False), (timedelta(), True), (INSTANT, True)])
def test_expired_hold_reopens_the_alert(late_by: timedelta, reopened: bool) -> None:
    change = lifecycle.apply_time(HELD, at(12) + late_by, rules=RULES)

    assert (change is not None) == reopened
    if change is not None:
        assert change.alert == replace(HELD, status=Status.FIRING, ends_at=None, held_until=None)
        assert kinds(change) == [TransitionKind.REOPENED]
        assert change.transitions[0].source == "alert_router"


@pytest.mark.parametrize(("late_by", "ended"), [(-INSTANT, False), (timedelta(), True)])
def test_unrepeated_event_resolves_at_its_expiry(late_by: timedelta, ended: bool) -> None:
    reported = replace(FIRING, expires_at=at(60))

    change = lifecycle.apply_time(reported, at(60) + late_by, rules=RULES)

    assert (change is not None) == ended
    if change is not None:
        assert (change.alert.status, change.alert.ends_at) == (Status.RESOLVED, at(60))
        assert kinds(change) == [TransitionKind.RESOLVED]


@pytest.mark.parametrize("alert", [FIRING, RESOLVED, replace(RESOLVED, expires_at=at(1))])
def test_time_changes_no_other_alert(alert: Alert) -> None:
    assert lifecycle.apply_time(alert, at(10_000), rules=RULES) is None


def test_repeated_event_expires_later() -> None:
    change = signal_applier()(replace(FIRING, expires_at=at(60)), make_signal(expires_at=at(90)), at(30))

    assert change.alert.expires_at == at(90)


@pytest.mark.parametrize(
    ("received_at", "flaps"),
    [(at(10) + timedelta(minutes=30) - INSTANT, 4), (at(40), 0), (at(41), 0)],
)
def test_refire_within_the_flap_window_counts_flaps(received_at: datetime, flaps: int) -> None:
    change = signal_applier()(replace(RESOLVED, flaps=3), firing(20), received_at)

    assert change.alert.flaps == flaps


@pytest.mark.parametrize("ends_at", [at(-10), at(0)])
def test_alert_never_ends_before_it_starts(ends_at: datetime) -> None:
    opened = signal_applier()(None, make_signal(status=Status.RESOLVED, ends_at=ends_at), NOON).alert
    closed = signal_applier()(FIRING, make_signal(starts_at=at(-20), ends_at=at(0)), NOON).alert

    assert (opened.ends_at, closed.ends_at) == (at(0), at(0))


def test_event_key_is_written_once() -> None:
    report = make_signal(ends_at=at(5), event_key="training_success:1")

    change = signal_applier()(None, report, at(6))

    assert [transition.event_key for transition in change.transitions] == ["training_success:1", None]


def test_new_episode_without_a_start_begins_after_the_previous_one() -> None:
    """Its start is the time of receipt, and the end before it came from another clock."""
    change = signal_applier()(RESOLVED, firing(5, start_known=False), at(5))

    assert RESOLVED.ends_at is not None
    assert change.alert.starts_at > RESOLVED.ends_at


A, B = "https://am.cluster-a.example.org", "https://am.cluster-b.example.org"


def test_alert_of_two_clusters_tells_its_history() -> None:
    apply = signal_applier()
    first = apply(None, firing(0, source_url=A), at(0)).alert
    both = apply(first, firing(1, source_url=B), at(1))
    partly = apply(both.alert, resolved(1, 5, source_url=B), at(5))
    over = apply(partly.alert, resolved(0, 9, source_url=A), at(9))

    assert (both.kind, speakers.clusters(both.alert)) == (SignalKind.SUPERSEDE, (B, A))
    assert both.transitions[0].detail == f"still fires at {A}; alert 2 follows"
    assert (partly.kind, partly.alert.firing) == (SignalKind.PARTLY_RESOLVE, True)
    assert partly.transitions[0].detail == f"over at {B}; still fires at {A}"
    assert (over.kind, over.alert.ends_at) == (SignalKind.RESOLVE, at(9))


def test_cluster_whose_webhook_comes_second_joins_the_alert() -> None:
    """It began earlier: there is no new episode."""
    apply = signal_applier()
    first = apply(None, firing(1, source_url=B), at(1)).alert
    joined = apply(first, firing(0, source_url=A, annotations={"summary": "A"}), at(2))

    assert (joined.kind, joined.alert.annotations) == (SignalKind.REPEAT, first.annotations)
    assert [transition.detail for transition in joined.transitions] == [
        f"also fires at {A} since 2026-09-24 12:00:00 UTC"
    ]
    assert apply(joined.alert, resolved(1, 5, source_url=B), at(5)).alert.firing


def test_cluster_that_falls_silent_holds_nothing_open_for_good() -> None:
    """An address may be gone with the Alertmanager that had it."""
    apply = signal_applier()
    alert = apply(None, firing(0, source_url=A), at(0)).alert
    alert = apply(alert, firing(1, source_url=B), at(1)).alert
    alert = apply(alert, resolved(1, 5, source_url=B), at(5)).alert

    repeated = apply(alert, firing(0, source_url=A), at(24 * 60)).alert
    before = lifecycle.apply_time(repeated, at(26 * 60), rules=RULES)
    after = lifecycle.apply_time(repeated, at(50 * 60), rules=RULES)

    assert before is None
    assert after is not None
    assert not after.alert.firing


def test_replicas_of_one_alertmanager_are_one_speaker() -> None:
    apply = signal_applier()
    alert = apply(None, firing(0, source_url=A), at(0)).alert
    alert = apply(alert, firing(0, source_url=B), at(1)).alert

    assert speakers.clusters(alert) == ()
    assert not apply(alert, resolved(0, 5, source_url=B), at(5)).alert.firing
    again = apply(alert, firing(7, source_url=B), at(7)).alert
    assert not apply(again, resolved(7, 9, source_url=B), at(9)).alert.firing, "its replica holds nothing"
