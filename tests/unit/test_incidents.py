"""How alerts join incidents."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alert_router.domain import incidents
from alert_router.domain.model import Alert, Incident, Rules, Status
from testbed.factories import at, make_alert, make_incident

CLOSED = make_incident(status=Status.RESOLVED, firing=0, resolved_at=at(0))
GROUP = {"alertname": "ApiDown"}
INSTANT = timedelta(microseconds=1)


def join(latest: Incident | None, alert: Alert, minute: float = 1) -> Incident:
    return incidents.add_alert(
        latest, alert, GROUP, at(minute), key=incidents.key_of(GROUP), rules=Rules(), new_id=lambda: 7
    )


def test_first_alert_of_a_group_creates_its_incident() -> None:
    incident = join(None, make_alert())

    assert incident == make_incident(id=7, opened_at=at(1), pinged_at=at(1), firing_since=at(1))


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

    assert incident == replace(
        CLOSED, status=Status.FIRING, firing=1, flaps=1, resolved_at=None, firing_since=at(30) - INSTANT
    )


@pytest.mark.parametrize("minute", [30, 31, 10_000])
def test_refire_after_the_flap_window_creates_a_new_incident(minute: float) -> None:
    incident = join(CLOSED, make_alert(), minute)

    assert (incident.id, incident.previous_id, incident.generation, incident.flaps) == (7, CLOSED.id, 1, 0)


def test_incident_is_shown_wherever_one_of_its_alerts_is() -> None:
    incident = join(make_incident(channels="|ops|shop|"), make_alert(channels="|shop|night|"))

    assert incident.channels == "|ops|shop|night|"


def test_revision_rises_once_per_transaction() -> None:
    before = make_incident(revision=3)

    first = incidents.begin_counting(before, before)
    second = incidents.begin_counting(first, before)

    assert (first.revision, second.revision) == (4, 4)
    assert incidents.begin_counting(make_incident(), None).revision == 1


def test_group_key_ignores_the_order_of_labels() -> None:
    assert incidents.key_of({"a": "1", "b": "é"}) == incidents.key_of({"b": "é", "a": "1"})
    assert incidents.key_of({"a": "1"}) != incidents.key_of({"a": "2"})


def test_reopening_clears_acknowledgement() -> None:
    acknowledged: dict[str, Any] = {"acknowledged_at": at(0), "acknowledged_by": "ana"}

    again = join(replace(CLOSED, **acknowledged), make_alert())
    another = join(make_incident(**acknowledged), make_alert())

    assert (again.acknowledged_at, again.acknowledged_by) == (None, None)
    assert (another.acknowledged_at, another.acknowledged_by) == (at(0), "ana")
