"""How alerts join incidents, and when people are pinged anew."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alert_router.domain import incidents
from alert_router.domain.model import Alert, Incident, Rules, Status
from testbed.factories import API_DOWN, DRIFT_HIGH, at, make_alert, make_incident

CLOSED = make_incident(status=Status.RESOLVED, firing=0, resolved_at=at(0))
INSTANT = timedelta(microseconds=1)


def join(latest: Incident | None, alert: Alert, minute: float = 1) -> Incident:
    return incidents.joined(
        latest, alert, {"alertname": "ApiDown"}, at(minute), rules=Rules(), new_id=lambda: 7
    )


def test_the_first_alert_of_a_group_founds_its_incident() -> None:
    founded = join(None, make_alert())

    assert founded == make_incident(id=7, opened_at=at(1), pinged_at=at(1))


def test_an_alert_that_is_over_founds_an_incident_that_is_over() -> None:
    founded = join(None, make_alert(ends_at=at(1)))

    assert (founded.status, founded.firing, founded.resolved_at) == (Status.RESOLVED, 0, at(1))


def test_a_second_alert_joins_while_the_first_fires() -> None:
    joined = join(make_incident(), make_alert())

    assert joined == make_incident(firing=2)


def test_an_alert_that_is_over_joins_without_being_counted() -> None:
    assert join(make_incident(), make_alert(ends_at=at(1))) == make_incident()
    assert join(CLOSED, make_alert(ends_at=at(1))) == CLOSED


def test_the_last_alert_that_ends_closes_the_incident() -> None:
    first = incidents.left(make_incident(firing=2), at(3))
    last = incidents.left(first, at(5))

    assert (first.status, first.firing, first.resolved_at) == (Status.FIRING, 1, None)
    assert (last.status, last.firing, last.resolved_at) == (Status.RESOLVED, 0, at(5))


def test_leaving_a_closed_incident_does_not_close_it_again() -> None:
    assert incidents.left(CLOSED, at(9)) == CLOSED


def test_within_the_flap_window_the_incident_reopens_and_nobody_is_pinged() -> None:
    joined = incidents.joined(
        CLOSED, make_alert(), {}, at(30) - INSTANT, rules=Rules(), new_id=lambda: pytest.fail("no new one")
    )

    assert joined == replace(CLOSED, status=Status.FIRING, firing=1, flaps=1, resolved_at=None)


@pytest.mark.parametrize("minute", [30, 31, 10_000])
def test_after_the_flap_window_a_new_incident_tells_of_the_one_before(minute: float) -> None:
    joined = join(CLOSED, make_alert(), minute)

    assert (joined.id, joined.previous_id, joined.generation, joined.flaps) == (7, CLOSED.id, 1, 0)


@pytest.mark.parametrize(
    ("told", "comes", "generation"),
    [
        ("warning", "critical", 2),
        ("info", "warning", 2),
        ("critical", "critical", 1),
        ("critical", "page", 1),
        ("critical", "warning", 1),
        ("warning", "an-unknown-word", 1),
        ("info", "an-unknown-word", 2),
    ],
)
def test_a_severity_above_what_was_told_needs_a_new_card(told: str, comes: str, generation: int) -> None:
    joined = join(make_incident(severity=told), make_alert({**API_DOWN, "severity": comes}))

    assert joined.generation == generation
    assert joined.severity == (comes if generation == 2 else told)
    assert joined.pinged_at == (at(1) if generation == 2 else at(0))


def test_an_alert_that_is_over_raises_no_severity() -> None:
    joined = join(make_incident(severity="warning"), make_alert(ends_at=at(1)))

    assert (joined.severity, joined.generation) == ("warning", 1)


def test_a_reopened_incident_remembers_the_worst_it_told() -> None:
    joined = join(CLOSED, make_alert(DRIFT_HIGH), 5)

    assert (joined.severity, joined.generation) == ("critical", 1)


def test_a_group_is_the_same_whoever_spells_it() -> None:
    assert incidents.key_of({"a": "1", "b": "é"}) == incidents.key_of({"b": "é", "a": "1"})
    assert incidents.key_of({"a": "1"}) != incidents.key_of({"a": "2"})


def test_who_took_an_incident_on_took_on_what_has_ended_since() -> None:
    taken: dict[str, Any] = {"acknowledged_at": at(0), "acknowledged_by": "ana"}

    again = join(replace(CLOSED, **taken), make_alert())
    another = join(make_incident(**taken), make_alert())

    assert (again.acknowledged_at, again.acknowledged_by) == (None, None)
    assert (another.acknowledged_at, another.acknowledged_by) == (at(0), "ana")


@pytest.mark.parametrize(
    ("changes", "minute", "reminds"),
    [
        ({}, 240, True),
        ({}, 239.9, False),
        ({"severity": "warning"}, 9999, False),
        ({"acknowledged_at": at(1)}, 240, False),
        ({"status": Status.RESOLVED}, 240, False),
        ({"pinged_at": at(1)}, 240, False),
    ],
)
def test_people_are_reminded_of_what_fires_and_nobody_has_taken_on(
    changes: dict[str, Any], minute: float, reminds: bool
) -> None:
    found = incidents.needs_reminder(make_incident(**changes), at(minute), every_s={"critical": 4 * 3600.0})

    assert found == reminds
