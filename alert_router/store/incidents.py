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
"""As text: only then is it seen to be the partial index's own condition."""


def incident_of(row: sa.Row[Any]) -> Incident:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Incident(**(fields | {"status": Status(fields["status"])}))


_LAST_ID = sa.select(sa.func.coalesce(sa.func.max(incidents.c.id), 0))


def last_id(conn: sa.Connection) -> int:
    """The one writer counts on from here."""
    return conn.scalar(_LAST_ID) or 0


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


def latest(conn: sa.Connection, group_keys: Collection[str]) -> dict[str, Incident]:
    """The newest incident of each group that has one."""
    if not group_keys:
        return {}
    found = conn.execute(_latest(conn.dialect.name), rows.bound(conn, group_keys))
    return {incident.key: incident for incident in map(incident_of, found)}


@cache
def _by_ids(dialect: str) -> sa.Select[Any]:
    wanted = rows.table(dialect, sa.BigInteger())
    return sa.select(incidents).where(incidents.c.id.in_(sa.select(wanted.c.value)))


def by_ids(conn: sa.Connection, ids: Collection[int]) -> dict[int, Incident]:
    if not ids:
        return {}
    found = conn.execute(_by_ids(conn.dialect.name), rows.bound(conn, ids))
    return {incident.id: incident for incident in map(incident_of, found)}


def insert(conn: sa.Connection, new: Sequence[Incident]) -> None:
    if new:
        conn.execute(sa.insert(incidents), [rows.to_row(incident) for incident in new])


CHANGING = (
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
_UPDATE = (
    sa.update(incidents)
    .where(incidents.c.id == sa.bindparam("which"))
    .values({name: sa.bindparam(f"new_{name}", type_=incidents.c[name].type) for name in CHANGING})
)


def update(conn: sa.Connection, changed: Sequence[Incident]) -> None:
    if changed:
        conn.execute(
            _UPDATE,
            [{"which": i.id} | {f"new_{name}": getattr(i, name) for name in CHANGING} for i in changed],
        )


def untold(conn: sa.Connection, channel: ChannelName) -> list[Incident]:
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
    found = conn.execute(
        sa.select(incidents).where(FIRING, ~card).order_by(incidents.c.id),
    )
    return list(map(incident_of, found))


def not_pinged_since(conn: sa.Connection, before: Mapping[str, datetime]) -> list[int]:
    """Firing incidents nobody has taken on, of a severity that was last pinged before its moment.

    Where all that fires is silenced, inhibited or muted, somebody has said that it is no news.
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
    rows = conn.scalars(
        sa.select(incidents.c.id)
        .where(
            FIRING,
            incidents.c.acknowledged_at.is_(None),
            sa.or_(sa.false(), *overdue),
            audible,
        )
        .order_by(incidents.c.id)
    )
    return list(rows)
