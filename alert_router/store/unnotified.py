"""The alerts that are over and that no message announced, kept by a task so that they can be listed."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from alert_router.store import bookmarks, rows
from alert_router.store.alert_conditions import IS_OVER, NOTIFIED
from alert_router.store.tables import alerts, transitions, unnotified

BOOKMARK = "unnotified"
BATCH = 5_000
RECHECKED = 1_000
"""Of those that are known, so many of the newest are looked at again: their message may have come late."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the transitions after the bookmark change."""

    start: int
    end: int
    unheard: Sequence[int]
    heard: Sequence[int]
    """Known, and announced since, or they fire again."""

    def __bool__(self) -> bool:
        return self.end > self.start or bool(self.heard)


def look(conn: sa.Connection) -> Found:
    start = bookmarks.position(conn, BOOKMARK)
    newest = conn.scalar(sa.select(sa.func.max(transitions.c.id))) or 0
    end = max(min(start + BATCH, newest), start)
    touched = sa.select(transitions.c.alert_id).where(transitions.c.id > start, transitions.c.id <= end)
    unheard = sa.select(alerts.c.id).where(alerts.c.id.in_(touched), IS_OVER, ~NOTIFIED)
    known = sa.select(unnotified.c.alert_id).order_by(unnotified.c.alert_id.desc()).limit(RECHECKED)
    heard = sa.select(alerts.c.id).where(
        alerts.c.id.in_(sa.select(known.subquery().c.alert_id)), sa.or_(~IS_OVER, NOTIFIED)
    )
    ids = tuple(conn.scalars(unheard)) if end > start else ()
    return Found(start, end, ids, tuple(conn.scalars(heard)))


def save(conn: sa.Connection, found: Found) -> None:
    if not bookmarks.advance(conn, BOOKMARK, found.start, found.end):
        return
    if found.unheard:
        insert = rows.upsert(conn.dialect.name, unnotified).on_conflict_do_nothing()
        conn.execute(insert, [{"alert_id": alert_id} for alert_id in found.unheard])
    if found.heard:
        wanted = rows.table_of(conn, found.heard, sa.BigInteger())
        conn.execute(sa.delete(unnotified).where(unnotified.c.alert_id.in_(sa.select(wanted.c.value))))
