"""How alerts join incidents, and when people are notified anew."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alert_router.domain import incidents
from alert_router.domain.model import Alert, Incident, Rules, Status
from testbed.factories import API_DOWN, DRIFT_HIGH, at, make_alert, make_incident

CLOSED = make_incident(status=Status.RESOLVED, firing=0, resolved_at=at(0))
GROUP = {"alertname": "ApiDown"}
INSTANT = timedelta(microseconds=1)


def join(latest: Incident | None, alert: Alert, minute: float = 1) -> Incident:
    return incidents.add_alert(
        latest, alert, GROUP, at(minute), key=incidents.key_of(GROUP), rules=Rules(), new_id=lambda: 7
    )


def test_first_alert_of_a_group_creates_its_incident() -> None:
    incident = join(None, make_alert())

    assert incident == make_incident(id=7, opened_at=at(1), pinged_at=at(1))


def test_resolved_alert_creates_a_resolved_incident() -> None:
    incident = join(None, make_alert(ends_at=at(1)))

    assert (incident.status, incident.firing, incident.resolved_at) == (Status.RESOLVED, 0, at(1))


def test_second_alert_joins_a_firing_incident() -> None:
    incident = join(make_incident(), make_alert())

    assert incident == make_incident(firing=2)


def test_resolved_alert_joins_without_being_counted() -> None:
    assert join(make_incident(), make_alert(ends_at=at(1))) == make_incident()
    assert join(CLOSED, make_alert(ends_at=at(1))) == CLOSED


def test_last_alert_to_end_closes_the_incident() -> None:
    first = incidents.remove_alert(make_incident(firing=2), at(3))
    last = incidents.remove_alert(first, at(5))

    assert (first.status, first.firing, first.resolved_at) == (Status.FIRING, 1, None)
    assert (last.status, last.firing, last.resolved_at) == (Status.RESOLVED, 0, at(5))


def test_removing_an_alert_leaves_a_closed_incident_unchanged() -> None:
    assert incidents.remove_alert(CLOSED, at(9)) == CLOSED


def test_refire_within_the_flap_window_reopens_without_a_new_card() -> None:
    incident = incidents.add_alert(
        CLOSED,
        make_alert(),
        {},
        at(30) - INSTANT,
        key="group",
        rules=Rules(),
        new_id=lambda: 99,
    )

    assert incident == replace(CLOSED, status=Status.FIRING, firing=1, flaps=1, resolved_at=None)


@pytest.mark.parametrize("minute", [30, 31, 10_000])
def test_refire_after_the_flap_window_creates_a_new_incident(minute: float) -> None:
    incident = join(CLOSED, make_alert(), minute)

    assert (incident.id, incident.previous_id, incident.generation, incident.flaps) == (7, CLOSED.id, 1, 0)


@pytest.mark.parametrize(
    ("shown", "new", "generation"),
    [
        ("warning", "critical", 2),
        ("info", "warning", 2),
        ("critical", "critical", 1),
        ("critical", "page", 1),
        ("critical", "warning", 1),
        ("warning", "an-unknown-value", 1),
        ("info", "an-unknown-value", 2),
    ],
)
def test_higher_severity_needs_a_new_card(shown: str, new: str, generation: int) -> None:
    incident = join(make_incident(severity=shown), make_alert({**API_DOWN, "severity": new}))

    assert incident.generation == generation
    assert incident.severity == (new if generation == 2 else shown)
    assert incident.pinged_at == (at(1) if generation == 2 else at(0))


def test_resolved_alert_does_not_raise_the_severity() -> None:
    incident = join(make_incident(severity="warning"), make_alert(ends_at=at(1)))

    assert (incident.severity, incident.generation) == ("warning", 1)


def test_reopened_incident_keeps_its_highest_severity() -> None:
    incident = join(CLOSED, make_alert(DRIFT_HIGH), 5)

    assert (incident.severity, incident.generation) == ("critical", 1)


def test_group_key_ignores_the_order_of_labels() -> None:
    assert incidents.key_of({"a": "1", "b": "é"}) == incidents.key_of({"b": "é", "a": "1"})
    assert incidents.key_of({"a": "1"}) != incidents.key_of({"a": "2"})


def test_reopening_clears_acknowledgement() -> None:
    acknowledged: dict[str, Any] = {"acknowledged_at": at(0), "acknowledged_by": "ana"}

    again = join(replace(CLOSED, **acknowledged), make_alert())
    another = join(make_incident(**acknowledged), make_alert())

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
def test_unacknowledged_firing_incident_needs_a_reminder(
    changes: dict[str, Any], minute: float, reminds: bool
) -> None:
    needs_reminder = incidents.needs_reminder(
        make_incident(**changes), at(minute), every_s={"critical": 4 * 3600.0}
    )

    assert needs_reminder == reminds
