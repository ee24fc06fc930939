"""How an alert differs from what Alertmanager shows: every finding, at its edges, and what it changes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alert_router.domain.alertmanager_diff import Finding, Sighting, apply_finding, classify
from alert_router.domain.model import Alert, Rules, Status, TransitionKind
from testbed.factories import at, make_alert, make_signal

NOW = at(20)
RULES = Rules(absences_apart_s=30.0)
FIRING = make_alert()
RESOLVED = make_alert(ends_at=at(10))
HELD = replace(RESOLVED, held_until=at(21))
CLOSED_HERE = replace(RESOLVED, absent_since=at(10))
SHOWN = Sighting(make_signal(), "router", None)
SILENCED = replace(SHOWN, suppressed="silenced")


def absent_for(seconds: float) -> Alert:
    return replace(FIRING, absent_since=NOW - timedelta(seconds=seconds))


def seen_after_the_query(seconds: float) -> Alert:
    return replace(FIRING, last_seen_at=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("known", "sighting", "finding"),
    [
        pytest.param(None, None, Finding.NOTHING, id="unknown everywhere"),
        pytest.param(None, SILENCED, Finding.NOTHING, id="unknown, silenced"),
        pytest.param(FIRING, SHOWN, Finding.NOTHING, id="firing, shown"),
        pytest.param(FIRING, None, Finding.ABSENT, id="firing, not shown"),
        pytest.param(absent_for(29.9), None, Finding.NOTHING, id="absent again, too soon to count"),
        pytest.param(absent_for(30), None, Finding.MISSED_RESOLVE, id="absent again"),
        pytest.param(absent_for(30), SHOWN, Finding.PRESENT, id="shown again"),
        pytest.param(FIRING, SILENCED, Finding.SUPPRESSION_CHANGED, id="newly silenced"),
        pytest.param(
            replace(FIRING, suppressed="silenced"), SHOWN, Finding.SUPPRESSION_CHANGED, id="silenced no more"
        ),
        pytest.param(replace(FIRING, suppressed="silenced"), SILENCED, Finding.NOTHING, id="still silenced"),
        pytest.param(seen_after_the_query(0), None, Finding.ABSENT, id="reported as the API was asked"),
        pytest.param(seen_after_the_query(0.1), None, Finding.NOTHING, id="reported after the API was asked"),
        pytest.param(seen_after_the_query(60), None, Finding.NOTHING, id="reported at the query's end"),
        pytest.param(seen_after_the_query(61), None, Finding.ABSENT, id="before the clock was set back"),
        pytest.param(HELD, SHOWN, Finding.STILL_FIRING, id="held, shown"),
        pytest.param(HELD, None, Finding.LATE_DUPLICATE, id="held, not shown"),
        pytest.param(RESOLVED, None, Finding.NOTHING, id="resolved, not shown"),
        pytest.param(RESOLVED, SHOWN, Finding.NOTHING, id="resolved by its source, shown"),
        pytest.param(CLOSED_HERE, SHOWN, Finding.STILL_FIRING, id="closed here, shown"),
        pytest.param(CLOSED_HERE, SILENCED, Finding.NOTHING, id="closed here, silenced"),
    ],
)
def test_alert_is_classified_by_what_alertmanager_shows(
    known: Alert | None, sighting: Sighting | None, finding: Finding
) -> None:
    assert classify(known, sighting, NOW, complete=True, rules=RULES) is finding


@pytest.mark.parametrize("known", [FIRING, absent_for(30), HELD])
def test_absence_proves_nothing_until_every_alertmanager_answers(known: Alert) -> None:
    assert classify(known, None, NOW, complete=False, rules=RULES) is Finding.NOTHING


def test_first_absence_is_noted_and_a_sighting_clears_it() -> None:
    absent = apply_finding(Finding.ABSENT, FIRING, None, NOW)
    present = apply_finding(Finding.PRESENT, absent.alert, SHOWN, at(21))

    assert (absent.alert.absent_since, present.alert.absent_since) == (NOW, None)
    assert (absent.transitions, present.transitions) == ((), ())


def test_missed_resolve_closes_at_the_first_absence() -> None:
    change = apply_finding(Finding.MISSED_RESOLVE, absent_for(30), None, NOW)

    first = NOW - timedelta(seconds=30)
    assert (change.alert.status, change.alert.ends_at) == (Status.RESOLVED, first)
    assert change.alert.absent_since == first
    assert change.transitions[0].kind is TransitionKind.RECONCILED


@pytest.mark.parametrize("known", [HELD, CLOSED_HERE])
def test_alert_that_still_fires_is_reopened(known: Alert) -> None:
    change = apply_finding(Finding.STILL_FIRING, known, SHOWN, NOW)

    assert change.alert == replace(FIRING, status=Status.FIRING)
    assert change.transitions[0].kind is TransitionKind.REOPENED


def test_late_duplicate_ends_the_hold() -> None:
    change = apply_finding(Finding.LATE_DUPLICATE, HELD, None, NOW)

    assert change.alert == RESOLVED
    assert change.transitions[0].kind is TransitionKind.LATE_DUPLICATE


@pytest.mark.parametrize(
    ("before", "sighting", "after", "detail"),
    [
        (None, SILENCED, "silenced", "silenced"),
        ("silenced", SHOWN, None, "no longer silenced"),
        ("silenced", replace(SHOWN, suppressed="inhibited"), "inhibited", "inhibited"),
    ],
)
def test_changed_suppression_is_recorded(
    before: str | None, sighting: Sighting, after: str | None, detail: str
) -> None:
    change = apply_finding(
        Finding.SUPPRESSION_CHANGED, replace(absent_for(5), suppressed=before), sighting, NOW
    )

    assert (change.alert.suppressed, change.alert.absent_since) == (after, None)
    assert (change.transitions[0].kind, change.transitions[0].detail) == (TransitionKind.SILENCED, detail)
