"""Incidents: what intake reads and writes."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import Incident, Status
from alert_router.domain.values import construct
from alert_router.store import rows
from alert_router.store.table_writer import TableWriter
from alert_router.store.tables import alerts, incidents

_NAMES = tuple(incidents.c.keys())


def incident_of(row: sa.Row[Any]) -> Incident:
    """row: of all columns."""
    fields = dict(zip(_NAMES, row, strict=True))
    fields["status"] = Status(fields["status"])
    return construct(Incident, fields)


@cache
def _by_ids(dialect: str) -> sa.Select[Any]:
    ids = rows.table(dialect, sa.BigInteger(), "ids")
    keys = rows.table(dialect, sa.Text(), "keys")
    latest_id = (
        sa.select(sa.func.max(incidents.c.id))
        .where(incidents.c.key == keys.c.value)
        .correlate(keys)
        .scalar_subquery()
    )
    wanted = sa.union_all(sa.select(ids.c.value), sa.select(latest_id).select_from(keys))
    return sa.select(incidents).where(incidents.c.id.in_(wanted))


def by_ids(conn: sa.Connection, ids: Collection[int], group_keys: Collection[str] = ()) -> list[Incident]:
    """Those with these ids, and the newest incident of each group that has one."""
    if not (ids or group_keys):
        return []
    parameters = {**rows.bound(conn, ids, "ids"), **rows.bound(conn, group_keys, "keys")}
    return list(map(incident_of, conn.execute(_by_ids(conn.dialect.name), parameters)))


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


def last_seen_at(conn: sa.Connection, incident_id: int) -> datetime | None:
    """When a source last spoke of one of its alerts."""
    query = sa.select(sa.func.max(alerts.c.last_seen_at)).where(alerts.c.incident_id == incident_id)
    seen_at: datetime | None = conn.scalar(query)
    return seen_at


save = TableWriter(incidents, Incident).save
