"""Stores past episodes as alerts, with incidents of their own that no channel shows: nobody is notified.

Their incidents have keys apart, so that what fires now neither joins nor reopens one of them.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.config import Configuration
from alert_router.domain import incidents, index_keys, lifecycle
from alert_router.domain.backfill import Episode, joined, overlaps
from alert_router.domain.lifecycle import Change
from alert_router.domain.model import Incident, Labels, Origin, Rules, Signal, Status
from alert_router.domain.values import evolve
from alert_router.services import alert_routing
from alert_router.sources import fingerprints
from alert_router.sources.alertmanager import SOURCE
from alert_router.store import alerts as alert_rows
from alert_router.store import incidents as incident_rows
from alert_router.store import past_episodes
from alert_router.store.table_writer import Changes


@dataclass(slots=True)
class Group:
    """The episodes of one incident."""

    labels: Labels
    severity: str
    began_at: datetime
    ended_at: datetime
    incident_id: int = 0
    """0: not stored yet."""


@dataclass(frozen=True, slots=True)
class Past:
    episode: Episode
    signal: Signal
    group: Group


@dataclass(frozen=True, slots=True)
class Stored:
    group: Group
    incident_id: int


@dataclass(frozen=True, slots=True)
class PastIncidents:
    configuration: Configuration
    rules: Rules

    def plan(self, episodes: Sequence[Episode]) -> list[Past]:
        """episodes: oldest first. Those of a group that overlap, or come back soon, are one incident."""
        latest: dict[str, Group] = {}
        return [self._place(episode, latest) for episode in episodes]

    def _place(self, episode: Episode, latest: dict[str, Group]) -> Past:
        signal = _signal(episode)
        labels = alert_routing.group_labels(signal, self.configuration)
        key = incidents.key_of(labels)
        group = latest.get(key)
        window = timedelta(seconds=self.rules.flap_window_s)
        if group is None or episode.starts_at - group.ended_at >= window:
            severity = index_keys.truncate(episode.labels.get("severity", ""))
            group = latest[key] = Group(labels, severity, episode.starts_at, episode.ends_at)
        group.ended_at = max(group.ended_at, episode.ends_at)
        return Past(episode, signal, group)

    def save(self, conn: sa.Connection, batch: Sequence[Past], now: datetime, slack_s: float) -> list[Stored]:
        """What came meanwhile, by a webhook or from another router, is left out.

        Run it again if the transaction failed; `confirm` what it returns after COMMIT.
        """
        new = _without_known(conn, batch, slack_s)
        last_alert_id, last_incident_id = alert_rows.last_ids(conn)
        new_incident_id = itertools.count(last_incident_id + 1).__next__
        groups = {id(past.group): past.group for past in new}
        ids = {key: group.incident_id or new_incident_id() for key, group in groups.items()}
        opened = [_incident(group, ids[key]) for key, group in groups.items() if not group.incident_id]
        new_alert_id = itertools.count(last_alert_id + 1).__next__
        changes = [self._change(past, ids[id(past.group)], now, new_alert_id) for past in new]
        incident_rows.save(conn, Changes(new=opened))
        transitions = [one for change in changes for one in change.transitions]
        alert_rows.save(conn, Changes(new=[change.alert for change in changes]), transitions)
        return [Stored(past.group, ids[id(past.group)]) for past in new]

    def _change(self, past: Past, incident_id: int, now: datetime, new_id: Callable[[], int]) -> Change:
        change = lifecycle.apply_signal(None, past.signal, now, rules=self.rules, new_id=new_id)
        alert = alert_routing.routed(evolve(change.alert, incident_id=incident_id), self.configuration)
        return replace(change, alerts=(alert,))


def confirm(stored: Iterable[Stored]) -> int:
    """Later batches add to the incidents that are stored now; how many alerts were."""
    number = 0
    for one in stored:
        one.group.incident_id = one.incident_id
        number += 1
    return number


def _without_known(conn: sa.Connection, batch: Sequence[Past], slack_s: float) -> list[Past]:
    starts = [past.signal.starts_at.timestamp() for past in batch]
    known = past_episodes.begun(
        conn,
        SOURCE,
        {past.signal.fingerprint for past in batch},
        min(starts) - slack_s,
        max(starts) + slack_s,
    )
    return [
        past
        for past in batch
        if not overlaps(past.episode, joined(known.get(past.signal.fingerprint, ()), slack_s), slack_s)
    ]


def _signal(episode: Episode) -> Signal:
    return Signal(
        source=SOURCE,
        status=Status.RESOLVED,
        labels=episode.labels,
        annotations={},
        starts_at=episode.starts_at,
        ends_at=episode.ends_at,
        fingerprint=fingerprints.of(episode.labels),
        group_labels={"alertname": episode.labels["alertname"]},
        reporter="Prometheus",
        origin=Origin.BACKFILLED,
    )


def _incident(group: Group, incident_id: int) -> Incident:
    """It names no channel, so that the ledger wants no card of it."""
    return Incident(
        id=incident_id,
        key=index_keys.hash_if_long(f"{Origin.BACKFILLED} {incidents.key_of(group.labels)}"),
        group_labels=group.labels,
        status=Status.RESOLVED,
        severity=group.severity,
        firing=0,
        flaps=0,
        opened_at=group.began_at,
        resolved_at=group.ended_at,
        generation=1,
        pinged_at=group.began_at,
        firing_since=group.began_at,
    )
