"""How alerts join incidents, and when people must be pinged anew. Pure."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from alert_router.model import Alert, Incident, Labels, Rules, Status, severity_rank


def key_of(group_labels: Labels) -> str:
    """The identity of a group: its labels in one canonical spelling, whoever reports it."""
    return json.dumps(dict(group_labels), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def joined(
    latest: Incident | None,
    alert: Alert,
    group_labels: Labels,
    now: datetime,
    *,
    rules: Rules,
    new_id: Callable[[], int],
) -> Incident:
    """The incident of a newly opened or reopened alert, counting it.

    latest: the newest incident of the group. It is joined while it fires and reopened within the flap
    window; past that, people take it for closed, so a new incident tells them afresh.
    """
    if latest is None or not (latest.is_firing or _flapping(latest, now, rules)):
        previous = latest.id if latest else None
        return _founded(alert, group_labels, now, incident_id=new_id(), previous_id=previous)
    return _risen(_counted(latest, alert), alert)


def left(incident: Incident, now: datetime) -> Incident:
    """The incident after one of its firing alerts has ended. The last one closes it."""
    firing = max(incident.firing - 1, 0)
    if firing or not incident.is_firing:
        return replace(incident, firing=firing)
    return replace(incident, firing=0, status=Status.RESOLVED, resolved_at=now)


def _flapping(incident: Incident, now: datetime, rules: Rules) -> bool:
    closed = incident.resolved_at
    return closed is not None and now - closed < timedelta(seconds=rules.flap_window_s)


def _founded(
    alert: Alert, group_labels: Labels, now: datetime, *, incident_id: int, previous_id: int | None
) -> Incident:
    return Incident(
        id=incident_id,
        key=key_of(group_labels),
        group_labels=group_labels,
        status=alert.status,
        severity=alert.severity,
        firing=1 if alert.firing else 0,
        flaps=0,
        opened_at=now,
        resolved_at=None if alert.firing else now,
        generation=1,
        previous_id=previous_id,
    )


def _counted(incident: Incident, alert: Alert) -> Incident:
    if not alert.firing:
        return incident
    flaps = incident.flaps if incident.is_firing else incident.flaps + 1
    return replace(incident, status=Status.FIRING, resolved_at=None, firing=incident.firing + 1, flaps=flaps)


def _risen(incident: Incident, alert: Alert) -> Incident:
    """A severity above what the card told needs a new card: an edit notifies nobody."""
    if not alert.firing or severity_rank(alert.severity) <= severity_rank(incident.severity):
        return incident
    return replace(incident, severity=alert.severity, generation=incident.generation + 1)
