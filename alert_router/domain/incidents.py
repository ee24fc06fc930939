"""How alerts join incidents. Pure."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache

from alert_router.domain import index_keys
from alert_router.domain.model import Alert, Incident, Labels, Rules, Status, join_channels, split_channels
from alert_router.domain.values import evolve

MAX_CACHED_CHARS = 2_000
"""What a sender writes is kept in no cache at any length."""


def key_of(group_labels: Labels) -> str:
    """The identity of a group: its labels in one canonical spelling, whichever source reports them."""
    items = tuple(group_labels.items())
    chars = sum(len(name) + len(value) for name, value in items)
    return _key_of(items) if chars <= MAX_CACHED_CHARS else _spelled(items)


@lru_cache(maxsize=1024)  # all alerts of a webhook have the same
def _key_of(group_labels: tuple[tuple[str, str], ...]) -> str:
    return _spelled(group_labels)


def _spelled(group_labels: tuple[tuple[str, str], ...]) -> str:
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
        return evolve(new, previous_id=latest.id) if latest else new
    return show(_count(latest, alert, now), alert)


def remove_alert(incident: Incident, now: datetime) -> Incident:
    """The incident after one of its firing alerts has ended. The last one closes it."""
    firing = max(incident.firing - 1, 0)
    if firing or not incident.is_firing:
        return evolve(incident, firing=firing)
    return evolve(incident, firing=0, status=Status.RESOLVED, resolved_at=now)


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
        channels=alert.channels,
        firing_since=now,
    )


def show(incident: Incident, alert: Alert) -> Incident:
    """The incident is shown where any of its alerts is."""
    if alert.channels == incident.channels:
        return incident
    names = (*split_channels(incident.channels), *split_channels(alert.channels))
    return evolve(incident, channels=join_channels(dict.fromkeys(names)))


def _count(incident: Incident, alert: Alert, now: datetime) -> Incident:
    if not alert.firing:
        return incident
    counted = evolve(incident, status=Status.FIRING, resolved_at=None, firing=incident.firing + 1)
    if incident.is_firing:
        return counted
    # An acknowledgement covers the incident until it resolves, not what comes after.
    return unacknowledge(evolve(counted, flaps=incident.flaps + 1, firing_since=now, lasts=""))


def unacknowledge(incident: Incident) -> Incident:
    return evolve(
        incident,
        acknowledged_at=None,
        acknowledged_by=None,
        acknowledged_until=None,
        acknowledgement_note=None,
    )


def begin_counting(incident: Incident, before: Incident | None) -> Incident:
    """One of its episodes begins to count: the revision rises, once per transaction.

    before: the incident as the transaction found it; None: it is new.
    """
    raised = before is None or incident.revision != before.revision
    return incident if raised else evolve(incident, revision=incident.revision + 1)
