"""Copies in the fallback channel of the cards that the main channel does not take."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alert_router.domain import digest_policy
from alert_router.domain.model import ChannelName
from alert_router.store import card_queue, digests, rows
from alert_router.store.card_queue import NEW
from alert_router.store.tables import cards


@dataclass(frozen=True, slots=True)
class StuckCriteria:
    """Which pending cards of the main channel are copied."""

    at_once: bool
    """All of them: the channel takes nothing."""
    failures: int
    """Those with so many failures in a row..."""
    since: datetime | None
    """...and those that have failed or were never sent, and have waited since then; None: not yet."""


def copy_stuck(
    conn: sa.Connection, main: ChannelName, other: ChannelName, stuck: StuckCriteria, now: datetime
) -> int:
    """Copy the stuck cards, and the changes of those copied already; how many cards."""
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
        _copy(conn, row, other, now)
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
        # A rate limit is not a failure of the card, but it delays the card all the same.
        hindered = sa.or_(card.c.attempts > 0, card.c.error.is_not(None), card.c.message_id.is_(None))
        reasons.append(sa.and_(hindered, card.c.waiting_since <= stuck.since))
    return sa.and_(pending, sa.or_(*reasons))


def _copy(conn: sa.Connection, row: Any, other: ChannelName, now: datetime) -> None:
    create_priority = min(row.priority, NEW)
    if row.copy_id is None:
        conn.execute(
            sa.insert(cards).values(
                incident_id=row.incident_id,
                generation=row.generation,
                channel=other,
                priority=create_priority,
                mirrors_rev=row.wanted_rev,
                **card_queue.created(now),
            )
        )
        return
    conn.execute(
        sa.update(cards)
        .where(cards.c.id == row.copy_id)
        .values(mirrors_rev=row.wanted_rev, **card_queue.dirty(now, create_priority=create_priority))
    )


def _touch_digests(conn: sa.Connection, card_ids: Sequence[int | None], now: datetime) -> None:
    ids = rows.table_of(conn, {card_id for card_id in card_ids if card_id is not None}, sa.BigInteger())
    digest_ids = conn.scalars(
        sa.select(cards.c.folded_into)
        .where(cards.c.id.in_(sa.select(ids.c.value)), cards.c.folded_into.is_not(None))
        .distinct()
    ).all()
    digests.touch(conn, digest_ids, now, every_s=digest_policy.EDIT_EVERY_S)


def end_copies(conn: sa.Connection, main: ChannelName, other: ChannelName, now: datetime) -> int:
    """Once the main channel shows the incident, let the copy's message say so and change no more; how many.

    A copy that was not sent yet is not sent any more.
    """
    over = sa.and_(cards.c.channel == other, cards.c.mirrors_rev.is_not(None), _is_delivered(main))
    unsent = sa.and_(
        cards.c.message_id.is_(None), cards.c.lease.is_(None), cards.c.state.in_(("pending", "dead"))
    )
    dropped = conn.execute(
        sa.update(cards)
        .where(over, unsent)
        .values(mirrors_rev=None, state="delivered", due_at=None, waiting_since=None, attempts=0, error=None)
    ).rowcount
    ended = conn.scalars(
        sa.update(cards)
        .where(over)
        .values(mirrors_rev=None, **card_queue.dirty(now, create_priority=NEW))
        .returning(cards.c.id)
    ).all()
    _touch_digests(conn, ended, now)
    return dropped + len(ended)


def _is_delivered(main: ChannelName) -> sa.ColumnElement[bool]:
    """By its own message in the main channel, or by a digest there."""
    original, digest = cards.alias("original"), cards.alias("digest")
    delivered = sa.or_(
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
            delivered,
        )
        .exists()
    )
