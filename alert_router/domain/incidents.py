"""How alerts join incidents, and when people must be notified anew. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from alert_router.domain import index_keys
from alert_router.domain.model import Alert, Incident, Labels, Rules, Status, severity_rank


def key_of(group_labels: Labels) -> str:
    """The identity of a group: its labels in one canonical spelling, whichever source reports them."""
    spelling = json.dumps(dict(group_labels), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return index_keys.hash_if_long(spelling)


def add_alert(
    latest: Incident | None,
    alert: Alert,
    group_labels: Labels,
    now: datetime,
    *,
    key: str,
    rules: Rules,
    new_id: Callable[[], int],
) -> Incident:
    """The incident of a newly opened or reopened alert, with the alert counted.

    latest: the newest incident of the group. The alert joins it while it fires, and reopens it within the
    flap window. After that people consider it closed, so a new incident notifies them. key: the group's.
    """
    if latest is None or not (latest.is_firing or _is_flapping(latest, now, rules)):
        new = _new_incident(alert, group_labels, now, key=key, incident_id=new_id())
        return replace(new, previous_id=latest.id) if latest else new
    return _raise_severity(_count(latest, alert), alert, now)


def remove_alert(incident: Incident, now: datetime) -> Incident:
    """The incident after one of its firing alerts has ended. The last one closes it."""
    firing = max(incident.firing - 1, 0)
    if firing or not incident.is_firing:
        return replace(incident, firing=firing)
    return replace(incident, firing=0, status=Status.RESOLVED, resolved_at=now)


def _is_flapping(incident: Incident, now: datetime, rules: Rules) -> bool:
    closed = incident.resolved_at
    return closed is not None and now - closed < timedelta(seconds=rules.flap_window_s)


def _new_incident(
    alert: Alert, group_labels: Labels, now: datetime, *, key: str, incident_id: int
) -> Incident:
    firing = alert.firing
    return Incident(
        id=incident_id,
        key=key,
        group_labels=group_labels,
        status=alert.status,
        severity=alert.severity,
        firing=1 if firing else 0,
        flaps=0,
        opened_at=now,
        resolved_at=None if firing else now,
        generation=1,
        pinged_at=now,
    )


def _count(incident: Incident, alert: Alert) -> Incident:
    if not alert.firing:
        return incident
    reopens = not incident.is_firing
    return replace(
        incident,
        status=Status.FIRING,
        resolved_at=None,
        firing=incident.firing + 1,
        flaps=incident.flaps + 1 if reopens else incident.flaps,
        # An acknowledgement covers the incident until it resolves, not what comes after.
        acknowledged_at=None if reopens else incident.acknowledged_at,
        acknowledged_by=None if reopens else incident.acknowledged_by,
    )


def next_generation(incident: Incident, now: datetime) -> Incident:
    """The incident with a new card to come: an edit of the old one would notify nobody."""
    return replace(incident, generation=incident.generation + 1, pinged_at=now)


def needs_reminder(incident: Incident, now: datetime, *, every_s: Mapping[str, float]) -> bool:
    """Whether it still fires, unacknowledged, long after the last notification. every_s: by severity."""
    after_s = every_s.get(incident.severity.lower())
    if after_s is None or not incident.is_firing or incident.acknowledged_at is not None:
        return False
    return now - incident.pinged_at >= timedelta(seconds=after_s)


def _raise_severity(incident: Incident, alert: Alert, now: datetime) -> Incident:
    """An alert that is worse than all before it notifies people anew."""
    if not alert.firing or severity_rank(alert.severity) <= severity_rank(incident.severity):
        return incident
    return next_generation(replace(incident, severity=alert.severity), now)
