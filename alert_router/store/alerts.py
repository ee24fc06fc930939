"""Alerts and their transitions: what intake reads and writes.

Statements of the hot path are built once: to build one costs more than SQLite takes to run it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import CLOCK_SKEW_S, Alert, Fingerprint, Status, Transition
from alert_router.domain.values import construct
from alert_router.store import rows
from alert_router.store.table_writer import Changes, TableWriter
from alert_router.store.tables import alerts, incidents, transitions

COLUMNS = tuple(alerts.c)
_NAMES = tuple(alerts.c.keys())
MAX_SOURCES = 100


def alert_of(row: sa.Row[Any]) -> Alert:
    """row: of COLUMNS."""
    fields = dict(zip(_NAMES, row, strict=True))
    fields["status"] = Status(fields["status"])
    return construct(Alert, fields)


_LAST_IDS = sa.select(
    sa.select(sa.func.max(alerts.c.id)).scalar_subquery(),
    sa.select(sa.func.max(incidents.c.id)).scalar_subquery(),
)


def last_ids(conn: sa.Connection) -> tuple[int, int]:
    """The highest id of an alert and of an incident. There is one writer, so it can count on from them."""
    alert_id, incident_id = conn.execute(_LAST_IDS).one()
    return alert_id or 0, incident_id or 0


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


def newest(conn: sa.Connection, source: str, fingerprints: Iterable[Fingerprint]) -> list[Alert]:
    """The newest alert of each fingerprint that has one."""
    result = conn.execute(_newest(conn.dialect.name), {"source": source, **rows.bound(conn, fingerprints)})
    return list(map(alert_of, result))


def due(conn: sa.Connection, now: datetime, *, hold_s: float) -> list[Alert]:
    """Alerts that time alone changes: holds that ran out, reports past their expiry.

    hold_s: no hold is ever set further ahead; a later one was written before the clock was set back.
    """
    # A statement for each, which reads a range of an index: joined by OR they would read the whole table.
    held = alerts.c.held_until.is_not(None)
    over = sa.and_(held, alerts.c.held_until <= now)
    beyond = sa.and_(held, alerts.c.held_until > now + timedelta(seconds=hold_s + CLOCK_SKEW_S))
    # The status is spelled as in the partial index: a bound parameter would not match its condition.
    firing = alerts.c.status == sa.literal_column("'firing'")
    expired = sa.and_(alerts.c.expires_at <= now, firing)
    statements = (sa.select(*COLUMNS).where(condition) for condition in (over, beyond, expired))
    by_id = {alert.id: alert for statement in statements for alert in map(alert_of, conn.execute(statement))}
    return [by_id[alert_id] for alert_id in sorted(by_id)]


def open_or_held(conn: sa.Connection, source: str) -> list[Alert]:
    """The alerts of this source that fire, or are held because they may."""
    result = conn.execute(
        sa.select(*COLUMNS).where(
            alerts.c.source == source,
            sa.or_(alerts.c.status == Status.FIRING, alerts.c.held_until.is_not(None)),
        )
    )
    return list(map(alert_of, result))


def firing(conn: sa.Connection) -> list[Alert]:
    query = sa.select(*COLUMNS).where(alerts.c.status == Status.FIRING).order_by(alerts.c.id)
    return list(map(alert_of, conn.execute(query)))


_ALERTS = TableWriter(alerts, Alert)
_TRANSITIONS = TableWriter(transitions, Transition)


def save(conn: sa.Connection, changes: Changes[Alert], new_transitions: Sequence[Transition]) -> None:
    _ALERTS.save(conn, changes)
    _TRANSITIONS.insert(conn, new_transitions)


def id_by_event(conn: sa.Connection, event_key: str) -> int | None:
    """The alert of a direct report that has been received before."""
    return conn.scalar(sa.select(transitions.c.alert_id).where(transitions.c.event_key == event_key))


def newest_of_fingerprint(conn: sa.Connection, fingerprint: str) -> Alert | None:
    """Of whatever source: a look into the index for each."""
    sources = conn.scalars(rows.each_value(alerts.c.source, MAX_SOURCES))
    found = [alert for source in sources.all() for alert in newest(conn, source, [Fingerprint(fingerprint)])]
    return max(found, key=attrgetter("id"), default=None)


def by_id(conn: sa.Connection, alert_id: int) -> Alert | None:
    row = conn.execute(sa.select(*COLUMNS).where(alerts.c.id == alert_id)).one_or_none()
    return alert_of(row) if row else None


def of_incident(conn: sa.Connection, incident_id: int, limit: int) -> list[Alert]:
    """Newest first."""
    query = sa.select(*COLUMNS).where(alerts.c.incident_id == incident_id)
    return list(map(alert_of, conn.execute(query.order_by(alerts.c.id.desc()).limit(limit))))
