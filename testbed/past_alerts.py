"""A database with a month of alerts, written row by row without a router: for what reads the past."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from alert_router.domain import incidents
from alert_router.sources import fingerprints
from alert_router.store import migrate
from alert_router.store.engine import Store
from alert_router.store.tables import alerts as alert_table
from alert_router.store.tables import incidents as incident_table
from alert_router.store.tables import transitions as transition_table

NAMES = 200
"""Of alerts, each a group of its own."""
INSTANCES = 50
TEAMS = ("shop", "payments", "data", "platform")
SEVERITIES = ("critical", "error", "warning", "warning", "info")
ROWS_AT_ONCE = 5_000


@dataclass(slots=True)
class _Group:
    labels: dict[str, str]
    id: int
    opened_at: datetime
    firing_until: datetime


def write(store: Store, *, count: int, since: datetime, until: datetime, seed: int = 1) -> None:
    """Migrate the database and write the alerts, which start evenly over the time and last up to hours."""
    migrate.upgrade(store)
    rows = list(_rows(count, since, until, random.Random(seed)))  # noqa: S311 - the same data for the same seed
    with store.write() as conn:
        groups = {group.id: group for group, _, _ in rows}
        _insert(conn, incident_table, [_incident(group) for group in groups.values()])
        _insert(conn, alert_table, [alert for _, alert, _ in rows])
        history = [transition for _, _, transitions in rows for transition in transitions]
        _insert(conn, transition_table, sorted(history, key=lambda row: row["at"]))


def _insert(conn: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        conn.execute(sa.insert(table), rows[start : start + ROWS_AT_ONCE])


def _rows(
    count: int, since: datetime, until: datetime, dice: random.Random
) -> Iterator[tuple[_Group, dict[str, Any], list[dict[str, Any]]]]:
    latest: dict[int, _Group] = {}
    for id_ in range(1, count + 1):
        starts_at = since + (until - since) * (id_ - 1) / count
        ends_at = starts_at + timedelta(seconds=dice.lognormvariate(6.5, 1.2))
        number = dice.randrange(NAMES)
        group = latest.get(number)
        if group is None or starts_at - group.firing_until >= timedelta(minutes=30):
            group = latest[number] = _Group({"alertname": f"Alert{number}"}, id_, starts_at, ends_at)
        group.firing_until = max(group.firing_until, ends_at)
        labels = {
            **group.labels,
            "severity": SEVERITIES[number % len(SEVERITIES)],
            "team": TEAMS[number % len(TEAMS)],
            "instance": f"host-{dice.randrange(INSTANCES)}:9100",
            "job": "node",
            "cluster": "eu-1",
        }
        yield group, _alert(id_, group.id, labels, starts_at, ends_at), _history(id_, starts_at, ends_at)


def _alert(
    id_: int, incident_id: int, labels: dict[str, str], starts_at: datetime, ends_at: datetime
) -> dict[str, Any]:
    return {
        "id": id_,
        "source": "alertmanager",
        "fingerprint": fingerprints.of(labels),
        "alertname": labels["alertname"],
        "severity": labels["severity"],
        "status": "resolved",
        "labels": labels,
        "annotations": {"summary": "something is wrong"},
        "starts_at": starts_at,
        "ends_at": ends_at,
        "received_at": starts_at,
        "last_seen_at": ends_at,
        "repeats": 0,
        "flaps": 0,
        "incident_id": incident_id,
        "generator_url": "",
        "source_url": "",
        "reporter": "Prometheus",
    }


def _history(id_: int, starts_at: datetime, ends_at: datetime) -> list[dict[str, Any]]:
    common = {"alert_id": id_, "source": "alertmanager", "detail": "Prometheus"}
    return [
        {**common, "at": starts_at, "kind": "opened"},
        {**common, "at": ends_at, "kind": "resolved"},
    ]


def _incident(group: _Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "key": incidents.key_of(group.labels),
        "group_labels": group.labels,
        "status": "resolved",
        "severity": "warning",
        "firing": 0,
        "flaps": 0,
        "opened_at": group.opened_at,
        "resolved_at": group.firing_until,
        "generation": 1,
        "pinged_at": group.opened_at,
    }


def now() -> datetime:
    """The commands read the system's clock."""
    return datetime.now(UTC)
