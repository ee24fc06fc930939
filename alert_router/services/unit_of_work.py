"""The alerts and incidents of one transaction: loaded once, changed in memory, saved once."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import sqlalchemy as sa

from alert_router.config import Configuration
from alert_router.domain import incidents, lifecycle, speakers
from alert_router.domain.lifecycle import Change
from alert_router.domain.model import (
    Alert,
    ChannelName,
    Fingerprint,
    Incident,
    Labels,
    Rules,
    Signal,
    Transition,
    join_channels,
    split_channels,
)
from alert_router.domain.notify_values import Beginning
from alert_router.domain.values import changed_fields, evolve
from alert_router.services import alert_routing
from alert_router.store import alerts as alert_rows
from alert_router.store import incidents as incident_rows
from alert_router.store import notify_state
from alert_router.store.table_writer import Changes


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

    def changes(self) -> Changes[T]:
        changes: Changes[T] = Changes()
        for id_, row in self.now.items():
            before = self.read.get(id_)
            if before is None:
                changes.new.append(row)
            elif before is not row and (names := changed_fields(before, row)):
                changes.changed.setdefault(names, []).append(row)
        return changes


@dataclass(frozen=True, slots=True)
class Touched:
    """What the notify rule must be asked about, once everything is written."""

    incidents: Sequence[Incident]
    """Their cards must change."""
    new: Mapping[int, Sequence[Alert]]
    """By id, the incidents among them that this transaction created, with all of their alerts."""
    due: Sequence[Incident] = ()
    """Nothing about them has changed but the time."""


class UnitOfWork:
    """Belongs to one transaction, which its caller commits."""

    def __init__(self, conn: sa.Connection, rules: Rules, configuration: Configuration) -> None:
        self.conn = conn
        self._rules = rules
        self._configuration = configuration
        self._alerts: IdentityMap[Alert] = IdentityMap()
        self._incidents: IdentityMap[Incident] = IdentityMap()
        self._newest: dict[tuple[str, Fingerprint], Alert] = {}
        self._latest: dict[str, int] = {}
        self._last_seen: dict[int, datetime | None] = {}
        self._transitions: list[Transition] = []
        self._touched: dict[int, None] = {}
        self._due: dict[int, None] = {}
        last_alert_id, last_incident_id = alert_rows.last_ids(conn)
        self._new_alert_id: Callable[[], int] = itertools.count(last_alert_id + 1).__next__
        self._new_incident_id: Callable[[], int] = itertools.count(last_incident_id + 1).__next__

    def load(self, signals: Iterable[Signal]) -> None:
        """Load what is known of these signals."""
        fingerprints: dict[str, set[Fingerprint]] = defaultdict(set)
        group_keys: set[str] = set()
        for signal in signals:
            fingerprints[signal.source].add(signal.fingerprint)
            group_keys.add(incidents.key_of(alert_routing.group_labels(signal, self._configuration)))
        known: list[Alert] = []
        for source, wanted in fingerprints.items():
            known += alert_rows.newest(self.conn, source, wanted)
        self.add_alerts(known, group_keys)

    def add_alerts(self, known: Iterable[Alert], group_keys: AbstractSet[str] = frozenset()) -> None:
        """Take in alerts that were read already, with their incidents and the newest of their groups."""
        incident_ids: set[int] = set()
        for alert in known:
            self._alerts.load(alert)
            self._newest[alert.source, alert.fingerprint] = self._alerts.now[alert.id]
            incident_ids.add(alert.incident_id)
        self._load_incidents(incident_ids, group_keys)

    def _load_incidents(self, ids: Collection[int], group_keys: AbstractSet[str]) -> None:
        """Of each group that comes in, the newest incident is loaded too."""
        others: set[str] = set()
        for incident in incident_rows.by_ids(self.conn, ids, group_keys):
            self._incidents.load(incident)
            if incident.key in group_keys:
                self._latest[incident.key] = max(incident.id, self._latest.get(incident.key, 0))
            elif (key := incidents.key_of(incident.group_labels)) not in self._latest:
                others.add(key)  # what was backfilled has a key apart
        if others:
            self._load_incidents((), others)

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
        self.apply(change, alert_routing.group_labels(signal, self._configuration), now)
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

    def decide_again(self, incident_ids: Iterable[int]) -> None:
        """Ask the notify rule about these incidents, though nothing has happened to them."""
        for incident in incident_rows.by_ids(self.conn, set(incident_ids)):
            self._incidents.load(incident)
            self._due[incident.id] = None

    def _put(self, alert: Alert, group_labels: Labels, now: datetime) -> Alert:
        before = self._alerts.now.get(alert.id)
        if before is None:
            alert = self._join(alert, Beginning.OPENED, group_labels, now)
        elif alert.firing and not before.firing:
            alert = self._join(alert, Beginning.REOPENED, group_labels, now)
        elif before.firing and not alert.firing:
            self.change_incident(incidents.remove_alert(self._incidents.now[alert.incident_id], now))
        elif before.suppressed and not alert.suppressed and alert.firing:
            alert = self._begin_counting(alert, alert.incident_id, Beginning.UNSUPPRESSED, now)
        elif before.sent_to != alert.sent_to:
            alert = self._send_on(alert, now)
        elif len(speakers.clusters(alert)) > len(speakers.clusters(before)):
            # It fires in one more cluster, since before the episode that is known.
            alert = self._begin_counting(alert, alert.incident_id, Beginning.OPENED, now)
        self._alerts.now[alert.id] = alert
        return alert

    def _join(self, alert: Alert, beginning: Beginning, group_labels: Labels, now: datetime) -> Alert:
        alert = alert_routing.routed(alert, self._configuration)
        key = incidents.key_of(group_labels)
        latest = self._incidents.now[self._latest[key]] if key in self._latest else None
        incident = incidents.add_alert(
            latest, alert, group_labels, now, key=key, rules=self._rules, new_id=self._new_incident_id
        )
        self._incidents.now[incident.id] = incident
        self._latest[key] = incident.id
        return self._begin_counting(alert, incident.id, beginning, now)

    def _begin_counting(self, alert: Alert, incident_id: int, beginning: Beginning, now: datetime) -> Alert:
        """From now on people must be notified of the alert, unless a card says it already."""
        before = self._incidents.read.get(incident_id)
        incident = incidents.begin_counting(self._incidents.now[incident_id], before)
        self._incidents.now[incident_id] = incident
        return evolve(
            alert,
            incident_id=incident_id,
            revision=incident.revision,
            counts_since=now,
            beginning=beginning,
        )

    def _send_on(self, alert: Alert, now: datetime) -> Alert:
        """Its sender named another channel: there it is new."""
        again = alert_routing.routed(alert, self._configuration)
        self.change_incident(incidents.show(self._incidents.now[alert.incident_id], again))
        shown_in = notify_state.channels(self.conn, {alert.incident_id})
        return self._count_if_moved(alert, again, shown_in.get(alert.incident_id, frozenset()), now)

    def _count_if_moved(
        self, before: Alert, alert: Alert, shown_in: AbstractSet[str], now: datetime
    ) -> Alert:
        """In a channel that has a card of the incident already, nothing says that the alert is new there.

        So it begins to count again, though its other channels know it. shown_in: where there are cards.
        """
        gained = set(split_channels(alert.channels)) - set(split_channels(before.channels))
        is_news = alert.firing and before.channels and gained & shown_in
        if not is_news:
            return alert
        return self._begin_counting(alert, alert.incident_id, Beginning.OPENED, now)

    def route_anew(
        self, firing: Iterable[Alert], shown_in: Mapping[int, AbstractSet[str]], now: datetime
    ) -> dict[int, Sequence[ChannelName]]:
        """Route alerts by another configuration; by incident, the channels that have lost it.

        firing: all firing alerts of their incidents. shown_in: by incident, where it has cards.
        """
        channels: dict[int, dict[ChannelName, None]] = defaultdict(dict)
        for alert in firing:
            again = alert_routing.routed(alert, self._configuration)
            channels[alert.incident_id].update(dict.fromkeys(split_channels(again.channels)))
            shown = shown_in.get(alert.incident_id, frozenset())
            self._alerts.now[alert.id] = self._count_if_moved(alert, again, shown, now)
            if again.channels != alert.channels:
                self._touched[alert.incident_id] = None
        lost: dict[int, Sequence[ChannelName]] = {}
        for incident_id, names_of in channels.items():
            incident = self._incidents.now[incident_id]
            lost[incident_id] = [name for name in split_channels(incident.channels) if name not in names_of]
            self._incidents.now[incident_id] = evolve(incident, channels=join_channels(names_of))
        return lost

    def set_left_out(self, signals: Sequence[Signal], number: int) -> None:
        """How many alerts max_alerts cut from the webhook of these signals, without those that fire here."""
        shown: Counter[int] = Counter()
        for signal in signals:
            alert = self._newest[signal.source, signal.fingerprint]
            shown[alert.incident_id] += 1 if signal.firing else 0
        for incident_id, firing in shown.items():
            incident = self._incidents.now[incident_id]
            unknown = max(number - max(incident.firing - firing, 0), 0)
            if incident.left_out != unknown:
                self.change_incident(evolve(incident, left_out=unknown))

    def was_left_out(self, signal: Signal) -> bool:
        """Whether the last webhook of its group left alerts out, when it had begun already."""
        incident_id = self._latest.get(
            incidents.key_of(alert_routing.group_labels(signal, self._configuration))
        )
        if incident_id is None or not self._incidents.now[incident_id].left_out:
            return False
        if incident_id not in self._last_seen:
            self._last_seen[incident_id] = incident_rows.last_seen_at(self.conn, incident_id)
        seen_at = self._last_seen[incident_id]
        return seen_at is not None and signal.starts_at <= seen_at

    def no_longer_left_out(self, signal: Signal) -> None:
        """It has been opened, though no webhook has brought it."""
        incident = self._incidents.now[self._newest[signal.source, signal.fingerprint].incident_id]
        if incident.left_out:
            self.change_incident(evolve(incident, left_out=incident.left_out - 1))

    def save(self) -> Touched:
        """Write everything; the incidents are in the order they were touched."""
        incident_rows.save(self.conn, self._incidents.changes())
        changes = self._alerts.changes()
        alert_rows.save(self.conn, changes, self._transitions)
        new: dict[int, list[Alert]] = defaultdict(list)
        for alert in itertools.chain(changes.new, *changes.changed.values()):
            if alert.incident_id not in self._incidents.read:
                new[alert.incident_id].append(alert)
        return Touched(
            incidents=list(map(self._incidents.now.__getitem__, self._touched)),
            new=new,
            due=list(map(self._incidents.now.__getitem__, self._due.keys() - self._touched.keys())),
        )
