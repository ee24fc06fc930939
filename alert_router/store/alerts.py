"""Alerts and their transitions: what intake reads and writes.

Statements of the hot path are built once: building one anew costs more than SQLite takes to run it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import CLOCK_SKEW_S, Alert, Fingerprint, Status, Transition
from alert_router.store import rows
from alert_router.store.tables import alerts, transitions

COLUMNS = tuple(alerts.c)


def alert_of(row: sa.Row[Any]) -> Alert:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Alert(**(fields | {"status": Status(fields["status"])}))


_LAST_ID = sa.select(sa.func.coalesce(sa.func.max(alerts.c.id), 0))


def last_id(conn: sa.Connection) -> int:
    """The one writer counts on from here."""
    return conn.scalar(_LAST_ID) or 0


@cache
def _newest(dialect: str) -> sa.Select[Any]:
    wanted = rows.table(dialect, sa.Text())
    newest_id = (
        sa.select(alerts.c.id)
        .where(alerts.c.source == sa.bindparam("source"), alerts.c.fingerprint == wanted.c.value)
        .order_by(alerts.c.starts_at.desc())
        .limit(1)
        .correlate(wanted)
        .scalar_subquery()
    )
    return sa.select(*COLUMNS).where(alerts.c.id.in_(sa.select(newest_id).select_from(wanted)))


def newest(conn: sa.Connection, source: str, fingerprints: Iterable[Fingerprint]) -> dict[Fingerprint, Alert]:
    """The newest alert of each fingerprint that has one."""
    found = conn.execute(_newest(conn.dialect.name), {"source": source, **rows.bound(conn, fingerprints)})
    return {alert.fingerprint: alert for alert in map(alert_of, found)}


def due(conn: sa.Connection, now: datetime, *, hold_s: float) -> list[Alert]:
    """Alerts that time alone changes now: holds past their hour, reports past their expiry.

    hold_s: no hold is ever set further ahead; a later one was written before the clock stepped back.
    """
    # Each of them by its own range of the index: joined by OR they would read the whole table.
    held = alerts.c.held_until.is_not(None)
    over = sa.and_(held, alerts.c.held_until <= now)
    beyond = sa.and_(held, alerts.c.held_until > now + timedelta(seconds=hold_s + CLOCK_SKEW_S))
    # The status as the partial index spells it: a bound value could not be seen to be the same.
    firing = alerts.c.status == sa.literal_column("'firing'")
    expired = sa.and_(alerts.c.expires_at <= now, firing)
    statements = (sa.select(*COLUMNS).where(one) for one in (over, beyond, expired))
    found = {alert.id: alert for statement in statements for alert in map(alert_of, conn.execute(statement))}
    return [found[alert_id] for alert_id in sorted(found)]


def open_or_held(conn: sa.Connection, source: str) -> list[Alert]:
    """Everything of this source that fires, or may."""
    found = conn.execute(
        sa.select(*COLUMNS).where(
            alerts.c.source == source,
            sa.or_(alerts.c.status == Status.FIRING, alerts.c.held_until.is_not(None)),
        )
    )
    return list(map(alert_of, found))


def insert(conn: sa.Connection, new: Sequence[Alert]) -> None:
    if new:
        conn.execute(sa.insert(alerts), [rows.to_row(alert) for alert in new])


CHANGING = (
    "status",
    "annotations",
    "ends_at",
    "last_seen_at",
    "repeats",
    "incident_id",
    "held_until",
    "expires_at",
    "suppressed",
    "absent_since",
)
"""What may change in an alert's life; the rest is its identity."""
_UPDATE = (
    sa.update(alerts)
    .where(alerts.c.id == sa.bindparam("which"))
    .values({name: sa.bindparam(f"new_{name}", type_=alerts.c[name].type) for name in CHANGING})
)


def update(conn: sa.Connection, changed: Sequence[Alert]) -> None:
    if changed:
        conn.execute(
            _UPDATE,
            [{"which": a.id} | {f"new_{name}": getattr(a, name) for name in CHANGING} for a in changed],
        )


def remember(conn: sa.Connection, facts: Sequence[Transition]) -> None:
    if facts:
        conn.execute(sa.insert(transitions), [rows.to_row(fact) for fact in facts])


def of_event(conn: sa.Connection, event_key: str) -> int | None:
    """The alert a direct report ended in, if it has been told before."""
    return conn.scalar(sa.select(transitions.c.alert_id).where(transitions.c.event_key == event_key))


def by_id(conn: sa.Connection, alert_id: int) -> Alert | None:
    row = conn.execute(sa.select(*COLUMNS).where(alerts.c.id == alert_id)).one_or_none()
    return alert_of(row) if row else None
