"""Cards of the main channel that are told in the fallback channel as well."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alert_router.model import ChannelName
from alert_router.store.cards import EDIT, NEW
from alert_router.store.tables import cards


@dataclass(frozen=True, slots=True)
class Stuck:
    """Which waiting cards do not get through."""

    failures: int
    """At least so many failures in a row..."""
    since: datetime
    """...or at least one, and waiting since then."""


def send(conn: sa.Connection, main: ChannelName, other: ChannelName, stuck: Stuck, now: datetime) -> int:
    """Have the fallback tell what is stuck and what has changed of it since; how many cards."""
    copy = cards.alias("copy")
    same = sa.and_(
        copy.c.incident_id == cards.c.incident_id,
        copy.c.generation == cards.c.generation,
        copy.c.channel == other,
    )
    rows = conn.execute(
        sa.select(
            cards.c.incident_id,
            cards.c.generation,
            cards.c.wanted_rev,
            cards.c.priority,
            copy.c.id.label("copy_id"),
        )
        .select_from(cards.outerjoin(copy, same))
        .where(
            cards.c.channel == main,
            cards.c.incident_id.is_not(None),
            _is_stuck(stuck),
            sa.or_(copy.c.id.is_(None), copy.c.mirrors_rev.is_distinct_from(cards.c.wanted_rev)),
        )
    ).all()
    for row in rows:
        _tell(conn, row, other, now)
    return len(rows)


def _is_stuck(stuck: Stuck) -> sa.ColumnElement[bool]:
    waits = sa.and_(
        cards.c.state == "pending",
        sa.or_(
            cards.c.attempts >= stuck.failures,
            sa.and_(cards.c.attempts > 0, cards.c.waiting_since <= stuck.since),
        ),
    )
    digest = cards.alias("digest")
    digest_waits = (
        sa.select(digest.c.id)
        .where(digest.c.digest_id == cards.c.folded_into, digest.c.state == "pending")
        .where(sa.or_(digest.c.attempts >= stuck.failures, digest.c.waiting_since <= stuck.since))
        .exists()
    )
    return sa.or_(waits, sa.and_(cards.c.state == "folded", digest_waits))


def _tell(conn: sa.Connection, row: Any, other: ChannelName, now: datetime) -> None:
    changes = {
        "state": "pending",
        "due_at": now,
        "waiting_since": now,
        "mirrors_rev": row.wanted_rev,
    }
    if row.copy_id is not None:
        conn.execute(
            sa.update(cards)
            .where(cards.c.id == row.copy_id)
            .values(**changes, wanted_rev=cards.c.wanted_rev + 1, priority=EDIT)
        )
        return
    conn.execute(
        sa.insert(cards).values(
            incident_id=row.incident_id,
            generation=row.generation,
            channel=other,
            priority=min(row.priority, NEW),
            wanted_rev=1,
            attempts=0,
            degraded=0,
            edited=False,
            created_at=now,
            **changes,
        )
    )


def end(conn: sa.Connection, main: ChannelName, other: ChannelName, now: datetime) -> int:
    """Once the main channel has told it, the fallback's message says so, and is left alone; how many."""
    original = cards.alias("original")
    told = (
        sa.select(original.c.id)
        .where(
            original.c.incident_id == cards.c.incident_id,
            original.c.generation == cards.c.generation,
            original.c.channel == main,
            original.c.state == "delivered",
        )
        .exists()
    )
    return conn.execute(
        sa.update(cards)
        .where(cards.c.channel == other, cards.c.mirrors_rev.is_not(None), told)
        .values(
            mirrors_rev=None,
            state="pending",
            wanted_rev=cards.c.wanted_rev + 1,
            due_at=now,
            waiting_since=now,
            priority=EDIT,
        )
    ).rowcount
