"""What one transaction knows and changes of alerts and incidents: read once, decided, written once."""

import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import sqlalchemy as sa

from alert_router.domain import incidents
from alert_router.domain.lifecycle import Step
from alert_router.domain.model import Alert, Fingerprint, Incident, Labels, Rules, Signal, Transition
from alert_router.store import alerts as alert_rows
from alert_router.store import incidents as incident_rows


class _Numbered(Protocol):
    @property
    def id(self) -> int: ...


T = TypeVar("T", bound=_Numbered)


@dataclass(slots=True)
class IdentityMap(Generic[T]):
    """Rows as they were read and as they are now."""

    read: dict[int, T] = field(default_factory=dict)
    now: dict[int, T] = field(default_factory=dict)

    def load(self, rows: Iterable[T]) -> None:
        """What is here already stays: it may have been changed since it was read."""
        for row in rows:
            if row.id not in self.now:
                self.read[row.id] = self.now[row.id] = row

    def put(self, row: T) -> None:
        self.now[row.id] = row

    def new(self) -> list[T]:
        return [row for id_, row in self.now.items() if id_ not in self.read]

    def changed(self) -> list[T]:
        return [row for id_, row in self.now.items() if id_ in self.read and self.read[id_] != row]


class UnitOfWork:
    """Opened for the signals of a batch; the caller holds the transaction."""

    def __init__(self, conn: sa.Connection, rules: Rules) -> None:
        self._conn = conn
        self._rules = rules
        self._alerts: IdentityMap[Alert] = IdentityMap()
        self._incidents: IdentityMap[Incident] = IdentityMap()
        self._newest: dict[tuple[str, Fingerprint], int] = {}
        self._latest: dict[str, int] = {}
        self._facts: list[Transition] = []
        self._touched: dict[int, None] = {}
        self.new_alert_id: Callable[[], int] = itertools.count(alert_rows.last_id(conn) + 1).__next__
        self._new_incident_id = itertools.count(incident_rows.last_id(conn) + 1).__next__

    def open(self, signals: Sequence[Signal]) -> None:
        """Read what is known of these signals."""
        for source in {signal.source for signal in signals}:
            prints = {signal.fingerprint for signal in signals if signal.source == source}
            self.open_alerts(alert_rows.newest(self._conn, source, prints).values())
        self._open_latest({incidents.key_of(signal.group_labels) for signal in signals} - self._latest.keys())

    def open_alerts(self, known: Iterable[Alert]) -> None:
        """Take up alerts that were read already, with their incidents."""
        rows = list(known)
        self._alerts.load(rows)
        self._newest.update({(row.source, row.fingerprint): row.id for row in rows})
        own = incident_rows.by_ids(self._conn, {row.incident_id for row in rows})
        self._incidents.load(own.values())
        self._open_latest({incident.key for incident in own.values()} - self._latest.keys())

    def _open_latest(self, group_keys: Collection[str]) -> None:
        latest = incident_rows.latest(self._conn, group_keys)
        self._incidents.load(latest.values())
        self._latest.update({key: incident.id for key, incident in latest.items()})

    def newest(self, signal: Signal) -> Alert | None:
        known = self._newest.get((signal.source, signal.fingerprint))
        return self._alerts.now[known] if known is not None else None

    def group_labels_of(self, alert: Alert) -> Labels:
        return self._incidents.now[alert.incident_id].group_labels

    def apply(self, step: Step, group_labels: Labels, now: datetime) -> None:
        """Enter what a signal, or time, changed; incidents follow their alerts."""
        self._facts.extend(step.transitions)
        # Those that begin come first: an incident handed from one episode to the next never closes between.
        for alert in reversed(step.alerts):
            self._enter(alert, group_labels, now)
        self._newest[(step.alert.source, step.alert.fingerprint)] = step.alert.id
        if step.transitions:
            self._touched[self._alerts.now[step.alert.id].incident_id] = None

    def open_incident(self, incident_id: int) -> Incident | None:
        self._incidents.load(incident_rows.by_ids(self._conn, {incident_id}).values())
        return self._incidents.now.get(incident_id)

    def change_incident(self, incident: Incident, facts: Sequence[Transition] = ()) -> None:
        """Enter a decision about an incident that was opened; people hear of it."""
        self._incidents.put(incident)
        self._facts.extend(facts)
        self._touched[incident.id] = None

    def _enter(self, alert: Alert, group_labels: Labels, now: datetime) -> None:
        before = self._alerts.now.get(alert.id)
        if before is None or (alert.firing and not before.firing):
            alert = self._join(alert, group_labels, now)
        elif before.firing and not alert.firing:
            self._incidents.put(incidents.left(self._incidents.now[alert.incident_id], now))
            self._touched[alert.incident_id] = None
        self._alerts.put(alert)

    def _join(self, alert: Alert, group_labels: Labels, now: datetime) -> Alert:
        key = incidents.key_of(group_labels)
        latest = self._incidents.now[self._latest[key]] if key in self._latest else None
        joined = incidents.joined(
            latest, alert, group_labels, now, rules=self._rules, new_id=self._new_incident_id
        )
        self._incidents.put(joined)
        self._latest[key] = joined.id
        return replace(alert, incident_id=joined.id)

    def write(self) -> list[Incident]:
        """Write everything; the incidents that people must hear of anew, in the order they were touched."""
        incident_rows.insert(self._conn, self._incidents.new())
        incident_rows.update(self._conn, self._incidents.changed())
        alert_rows.insert(self._conn, self._alerts.new())
        alert_rows.update(self._conn, self._alerts.changed())
        alert_rows.remember(self._conn, self._facts)
        return [self._incidents.now[id_] for id_ in self._touched]
