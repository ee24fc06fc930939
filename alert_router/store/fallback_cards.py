"""Cards of the main channel that are told in the fallback channel as well."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alert_router.domain import digest_policy
from alert_router.domain.model import ChannelName
from alert_router.store import digests, rows
from alert_router.store.card_queue import EDIT, NEW
from alert_router.store.tables import cards


@dataclass(frozen=True, slots=True)
class StuckCriteria:
    """Which waiting cards do not get through."""

    at_once: bool
    """All of them: the channel takes nothing."""
    failures: int
    """Those with so many failures in a row..."""
    since: datetime | None
    """...and those that have failed, or were never told, and have waited since then; None: not yet."""


def send(
    conn: sa.Connection, main: ChannelName, other: ChannelName, stuck: StuckCriteria, now: datetime
) -> int:
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
    _touch_digests(conn, [row.copy_id for row in rows], now)
    return len(rows)


def _is_stuck(stuck: StuckCriteria) -> sa.ColumnElement[bool]:
    digest = cards.alias("digest")
    digest_waits = (
        sa.select(digest.c.id)
        .where(digest.c.digest_id == cards.c.folded_into, _waits(digest, stuck))
        .exists()
    )
    return sa.or_(_waits(cards, stuck), sa.and_(cards.c.state == "folded", digest_waits))


def _waits(card: sa.FromClause, stuck: StuckCriteria) -> sa.ColumnElement[bool]:
    pending = card.c.state == "pending"
    if stuck.at_once:
        return pending
    reasons = [card.c.attempts >= stuck.failures]
    if stuck.since is not None:
        # A limit of the channel is no failure of a card, and keeps it from people all the same.
        hindered = sa.or_(card.c.attempts > 0, card.c.error.is_not(None), card.c.message_id.is_(None))
        reasons.append(sa.and_(hindered, card.c.waiting_since <= stuck.since))
    return sa.and_(pending, sa.or_(*reasons))


def _tell(conn: sa.Connection, row: Any, other: ChannelName, now: datetime) -> None:
    if row.copy_id is None:
        conn.execute(
            sa.insert(cards).values(
                incident_id=row.incident_id,
                generation=row.generation,
                channel=other,
                priority=min(row.priority, NEW),
                state="pending",
                wanted_rev=1,
                attempts=0,
                degraded=0,
                edited=False,
                due_at=now,
                waiting_since=now,
                mirrors_rev=row.wanted_rev,
                created_at=now,
            )
        )
        return
    conn.execute(
        sa.update(cards)
        .where(cards.c.id == row.copy_id)
        .values(mirrors_rev=row.wanted_rev, **_dirty(now, new=min(row.priority, NEW)))
    )


def _dirty(now: datetime, *, new: int) -> dict[str, Any]:
    """What a digest tells stays there: the digest is told anew instead. new: a first message's priority."""
    folded = cards.c.state == "folded"
    return {
        "wanted_rev": cards.c.wanted_rev + 1,
        "state": sa.case((folded, "folded"), else_="pending"),
        "due_at": sa.case((folded, sa.null()), else_=now),
        "waiting_since": sa.case((folded, sa.null()), else_=sa.func.coalesce(cards.c.waiting_since, now)),
        "attempts": sa.case((cards.c.state == "dead", 0), else_=cards.c.attempts),
        "priority": sa.case((cards.c.message_id.is_(None), new), else_=EDIT),
    }


def _touch_digests(conn: sa.Connection, card_ids: Sequence[int | None], now: datetime) -> None:
    ids = rows.table_of(conn, {one for one in card_ids if one is not None}, sa.BigInteger())
    found = conn.scalars(
        sa.select(cards.c.folded_into)
        .where(cards.c.id.in_(sa.select(ids.c.value)), cards.c.state == "folded")
        .distinct()
    )
    digests.touch(conn, [one for one in found if one is not None], now, every_s=digest_policy.EDIT_EVERY_S)


def end(conn: sa.Connection, main: ChannelName, other: ChannelName, now: datetime) -> int:
    """Once the main channel has told it, the fallback's message says so, and is left alone; how many.

    What the fallback has not told yet, it need not tell any more.
    """
    over = sa.and_(cards.c.channel == other, cards.c.mirrors_rev.is_not(None), _is_told(main))
    unseen = sa.and_(
        cards.c.message_id.is_(None), cards.c.lease.is_(None), cards.c.state.in_(("pending", "dead"))
    )
    dropped = conn.execute(
        sa.update(cards)
        .where(over, unseen)
        .values(mirrors_rev=None, state="delivered", due_at=None, waiting_since=None, attempts=0, error=None)
    ).rowcount
    ended = conn.scalars(
        sa.update(cards).where(over).values(mirrors_rev=None, **_dirty(now, new=NEW)).returning(cards.c.id)
    ).all()
    _touch_digests(conn, ended, now)
    return dropped + len(ended)


def _is_told(main: ChannelName) -> sa.ColumnElement[bool]:
    """By its own message in the main channel, or by a digest there."""
    original, digest = cards.alias("original"), cards.alias("digest")
    told = sa.or_(
        original.c.state == "delivered",
        sa.and_(original.c.state == "folded", digest.c.state == "delivered"),
    )
    return (
        sa.select(original.c.id)
        .select_from(original.outerjoin(digest, digest.c.digest_id == original.c.folded_into))
        .where(
            original.c.incident_id == cards.c.incident_id,
            original.c.generation >= cards.c.generation,
            original.c.channel == main,
            told,
        )
        .exists()
    )
