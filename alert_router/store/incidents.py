"""Incidents: what intake reads and writes."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import Incident, Status
from alert_router.store import rows
from alert_router.store.tables import alerts, incidents


def incident_of(row: sa.Row[Any]) -> Incident:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Incident(**(fields | {"status": Status(fields["status"])}))


@cache
def _latest(dialect: str) -> sa.Select[Any]:
    wanted = rows.table(dialect, sa.Text())
    latest_id = (
        sa.select(sa.func.max(incidents.c.id))
        .where(incidents.c.key == wanted.c.value)
        .correlate(wanted)
        .scalar_subquery()
    )
    return sa.select(incidents).where(incidents.c.id.in_(sa.select(latest_id).select_from(wanted)))


def latest(conn: sa.Connection, group_keys: Collection[str]) -> list[Incident]:
    """The newest incident of each group that has one."""
    if not group_keys:
        return []
    return list(map(incident_of, conn.execute(_latest(conn.dialect.name), rows.bound(conn, group_keys))))


@cache
def _by_ids(dialect: str) -> sa.Select[Any]:
    wanted = rows.table(dialect, sa.BigInteger())
    return sa.select(incidents).where(incidents.c.id.in_(sa.select(wanted.c.value)))


def by_ids(conn: sa.Connection, ids: Collection[int]) -> list[Incident]:
    return list(map(incident_of, conn.execute(_by_ids(conn.dialect.name), rows.bound(conn, ids))))


def lapsed(conn: sa.Connection, now: datetime) -> list[Incident]:
    """Those that fire and were acknowledged for a time that is over."""
    query = sa.select(incidents).where(
        incidents.c.status == sa.literal_column("'firing'"), incidents.c.acknowledged_until <= now
    )
    return list(map(incident_of, conn.execute(query)))


def unmarked(conn: sa.Connection) -> list[Incident]:
    """Those that fire, and whose cards do not say that they last long."""
    firing = incidents.c.status == sa.literal_column("'firing'")
    return list(map(incident_of, conn.execute(sa.select(incidents).where(firing, incidents.c.lasts == ""))))


_MUTABLE = (
    "status",
    "firing",
    "flaps",
    "resolved_at",
    "acknowledged_at",
    "acknowledged_by",
    "acknowledged_until",
    "acknowledgement_note",
    "lasts",
    "revision",
    "channels",
    "firing_since",
    "left_out",
)
_UPDATE = rows.update_statement(incidents, _MUTABLE)


def last_seen_at(conn: sa.Connection, incident_id: int) -> datetime | None:
    """When a source last spoke of one of its alerts."""
    query = sa.select(sa.func.max(alerts.c.last_seen_at)).where(alerts.c.incident_id == incident_id)
    seen_at: datetime | None = conn.scalar(query)
    return seen_at


def save(conn: sa.Connection, new: Sequence[Incident], changed: Sequence[Incident]) -> None:
    if new:
        conn.execute(sa.insert(incidents), list(map(rows.to_row, new)))
    if changed:
        conn.execute(_UPDATE, rows.changes(changed, _MUTABLE))
