"""Incidents: what intake reads and writes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import ChannelName, Incident, Status
from alert_router.store import rows
from alert_router.store.tables import alerts, cards, incidents

FIRING = incidents.c.status == sa.literal_column("'firing'")
"""A literal, because a bound parameter would not match the partial index's condition."""


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


_MUTABLE = (
    "status",
    "severity",
    "firing",
    "flaps",
    "resolved_at",
    "generation",
    "pinged_at",
    "acknowledged_at",
    "acknowledged_by",
)
_UPDATE = rows.update_statement(incidents, _MUTABLE)


def save(conn: sa.Connection, new: Sequence[Incident], changed: Sequence[Incident]) -> None:
    if new:
        conn.execute(sa.insert(incidents), list(map(rows.to_row, new)))
    if changed:
        conn.execute(_UPDATE, rows.changes(changed, _MUTABLE))


def unannounced(conn: sa.Connection, channel: ChannelName) -> list[Incident]:
    """Firing incidents whose current card is not in this channel."""
    card = (
        sa.select(cards.c.id)
        .where(
            cards.c.incident_id == incidents.c.id,
            cards.c.generation == incidents.c.generation,
            cards.c.channel == channel,
        )
        .exists()
    )
    result = conn.execute(sa.select(incidents).where(FIRING, ~card).order_by(incidents.c.id))
    return list(map(incident_of, result))


def not_pinged_since(conn: sa.Connection, before: Mapping[str, datetime]) -> list[int]:
    """Firing incidents that nobody has acknowledged and whose last notification is old. before: by severity.

    An incident whose firing alerts are all silenced, inhibited or muted needs no reminder.
    """
    audible = (
        sa.select(alerts.c.id)
        .where(
            alerts.c.incident_id == incidents.c.id,
            alerts.c.status == Status.FIRING,
            alerts.c.suppressed.is_(None),
        )
        .exists()
    )
    overdue = [
        sa.and_(sa.func.lower(incidents.c.severity) == severity, incidents.c.pinged_at <= moment)
        for severity, moment in before.items()
    ]
    conditions = (FIRING, incidents.c.acknowledged_at.is_(None), sa.or_(sa.false(), *overdue), audible)
    return list(conn.scalars(sa.select(incidents.c.id).where(*conditions).order_by(incidents.c.id)))
