"""How alerts join incidents, and when people must be pinged anew. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from alert_router.domain import index_keys
from alert_router.domain.model import Alert, Incident, Labels, Rules, Status, severity_rank


def key_of(group_labels: Labels) -> str:
    """The identity of a group: its labels in one canonical spelling, whoever reports it."""
    spelt = json.dumps(dict(group_labels), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return index_keys.fitting(spelt)


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
    return _risen(_counted(latest, alert), alert, now)


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
        pinged_at=now,
        previous_id=previous_id,
    )


def _counted(incident: Incident, alert: Alert) -> Incident:
    if not alert.firing:
        return incident
    again = not incident.is_firing
    return replace(
        incident,
        status=Status.FIRING,
        resolved_at=None,
        firing=incident.firing + 1,
        flaps=incident.flaps + 1 if again else incident.flaps,
        # Who had taken it on took on what has ended since.
        acknowledged_at=None if again else incident.acknowledged_at,
        acknowledged_by=None if again else incident.acknowledged_by,
    )


def pinged(incident: Incident, now: datetime) -> Incident:
    """Told by a new card: an edit notifies nobody."""
    return replace(incident, generation=incident.generation + 1, pinged_at=now)


def needs_reminder(incident: Incident, now: datetime, *, every_s: Mapping[str, float]) -> bool:
    """Still firing, nobody has taken it on, and the last ping is long ago. every_s: by severity."""
    after_s = every_s.get(incident.severity.lower())
    if after_s is None or not incident.is_firing or incident.acknowledged_at is not None:
        return False
    return now - incident.pinged_at >= timedelta(seconds=after_s)


def _risen(incident: Incident, alert: Alert, now: datetime) -> Incident:
    """A severity above what the card told pings people anew."""
    if not alert.firing or severity_rank(alert.severity) <= severity_rank(incident.severity):
        return incident
    return pinged(replace(incident, severity=alert.severity), now)
