"""The alerts and incidents of one transaction: loaded once, changed in memory, saved once."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import sqlalchemy as sa

from alert_router.domain import incidents, lifecycle
from alert_router.domain.lifecycle import Change
from alert_router.domain.model import Alert, Fingerprint, Incident, Labels, Rules, Signal, Transition
from alert_router.store import alerts as alert_rows
from alert_router.store import incidents as incident_rows


class _Identified(Protocol):
    @property
    def id(self) -> int: ...


T = TypeVar("T", bound=_Identified)


@dataclass(slots=True)
class IdentityMap(Generic[T]):
    """Rows as they were read and as they are now, by id."""

    read: dict[int, T] = field(default_factory=dict)
    now: dict[int, T] = field(default_factory=dict)

    def load(self, row: T) -> None:
        """A row that is here already stays: it may have been changed since it was read."""
        if row.id not in self.now:
            self.read[row.id] = self.now[row.id] = row

    def changes(self) -> tuple[list[T], list[T]]:
        """The new rows and the changed rows."""
        new, changed = [], []
        for id_, row in self.now.items():
            if id_ not in self.read:
                new.append(row)
            elif self.read[id_] != row:
                changed.append(row)
        return new, changed


class UnitOfWork:
    """Belongs to one transaction, which its caller commits."""

    def __init__(self, conn: sa.Connection, rules: Rules) -> None:
        self.conn = conn
        self._rules = rules
        self._alerts: IdentityMap[Alert] = IdentityMap()
        self._incidents: IdentityMap[Incident] = IdentityMap()
        self._newest: dict[tuple[str, Fingerprint], Alert] = {}
        self._latest: dict[str, int] = {}
        self._transitions: list[Transition] = []
        self._touched: dict[int, None] = {}
        last_alert_id, last_incident_id = alert_rows.last_ids(conn)
        self._new_alert_id: Callable[[], int] = itertools.count(last_alert_id + 1).__next__
        self._new_incident_id: Callable[[], int] = itertools.count(last_incident_id + 1).__next__

    def load(self, signals: Iterable[Signal]) -> None:
        """Load what is known of these signals."""
        fingerprints: dict[str, set[Fingerprint]] = defaultdict(set)
        group_keys: set[str] = set()
        for signal in signals:
            fingerprints[signal.source].add(signal.fingerprint)
            group_keys.add(incidents.key_of(signal.group_labels))
        for source, wanted in fingerprints.items():
            if known := alert_rows.newest(self.conn, source, wanted):
                self.add_alerts(known)
        self._load_latest(group_keys)

    def add_alerts(self, known: Iterable[Alert]) -> None:
        """Take in alerts that were read already, with their incidents."""
        incident_ids: set[int] = set()
        for alert in known:
            self._alerts.load(alert)
            self._newest[alert.source, alert.fingerprint] = self._alerts.now[alert.id]
            incident_ids.add(alert.incident_id)
        own = incident_rows.by_ids(self.conn, incident_ids)
        for incident in own:
            self._incidents.load(incident)
        self._load_latest({incident.key for incident in own})

    def _load_latest(self, group_keys: AbstractSet[str]) -> None:
        for incident in incident_rows.latest(self.conn, group_keys - self._latest.keys()):
            self._incidents.load(incident)
            self._latest[incident.key] = incident.id

    def newest(self, signal: Signal) -> Alert | None:
        return self._newest.get((signal.source, signal.fingerprint))

    def group_labels_of(self, alert: Alert) -> Labels:
        return self._incidents.now[alert.incident_id].group_labels

    def open_incident(self, incident_id: int) -> Incident | None:
        for incident in incident_rows.by_ids(self.conn, {incident_id}):
            self._incidents.load(incident)
        return self._incidents.now.get(incident_id)

    def apply_signal(self, signal: Signal, now: datetime) -> Change:
        newest = self._newest.get((signal.source, signal.fingerprint))
        change = lifecycle.apply_signal(newest, signal, now, rules=self._rules, new_id=self._new_alert_id)
        self.apply(change, signal.group_labels, now)
        return change

    def apply(self, change: Change, group_labels: Labels, now: datetime) -> None:
        """Apply what a signal, or time, changes about alerts; their incidents follow."""
        # Add the new alert before closing the old one, so that the incident is never briefly resolved.
        alert = self._put(change.alerts[-1], group_labels, now)
        for older in change.alerts[:-1]:
            self._put(older, group_labels, now)
        self._newest[alert.source, alert.fingerprint] = alert
        if change.transitions:
            self._transitions.extend(change.transitions)
            self._touched[alert.incident_id] = None

    def record(self, transition: Transition) -> None:
        self._transitions.append(transition)

    def change_incident(self, incident: Incident) -> None:
        """Apply a decision about an incident that was opened; people are shown it."""
        self._incidents.now[incident.id] = incident
        self._touched[incident.id] = None

    def _put(self, alert: Alert, group_labels: Labels, now: datetime) -> Alert:
        before = self._alerts.now.get(alert.id)
        if before is None or (alert.firing and not before.firing):
            alert = self._join(alert, group_labels, now)
        elif before.firing and not alert.firing:
            self.change_incident(incidents.remove_alert(self._incidents.now[alert.incident_id], now))
        self._alerts.now[alert.id] = alert
        return alert

    def _join(self, alert: Alert, group_labels: Labels, now: datetime) -> Alert:
        key = incidents.key_of(group_labels)
        latest = self._incidents.now[self._latest[key]] if key in self._latest else None
        incident = incidents.add_alert(
            latest, alert, group_labels, now, key=key, rules=self._rules, new_id=self._new_incident_id
        )
        self._incidents.now[incident.id] = incident
        self._latest[key] = incident.id
        return replace(alert, incident_id=incident.id)

    def save(self) -> Sequence[Incident]:
        """Write everything; the incidents whose cards must change, in the order they were touched."""
        incident_rows.save(self.conn, *self._incidents.changes())
        alert_rows.save(self.conn, *self._alerts.changes(), self._transitions)
        return list(map(self._incidents.now.__getitem__, self._touched))
