"""Cards and their deliveries: what is to be told, who is telling it, what was told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from alert_router.domain.model import CLOCK_SKEW_S, ChannelName, Status
from alert_router.store import rows
from alert_router.store.tables import cards, deliveries, incidents

NEW_CRITICAL, NEW, RESOLVE, EDIT = range(4)
"""The order in which cards are told."""
LEASE_S = 30.0
"""Longer than any request to Discord may take, by whichever of two clocks, so that a lease ends only when its
holder is gone; and no longer, for a card whose router died waits for it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """That people see an incident's present state in a channel."""

    incident_id: int
    channel: ChannelName
    generation: int
    create_priority: int
    edit_priority: int
    edit_delay_s: float = 0.0
    """How long a change may wait for others to join it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A card that this router may deliver until the lease ends."""

    card_id: int
    incident_id: int | None
    """None: it is a digest's card."""
    digest_id: int | None
    channel: ChannelName
    generation: int
    wanted_rev: int
    attempts: int
    degraded: int
    lease: str
    message_id: str | None
    sent_hash: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery as it went: the row of `deliveries`."""

    at: datetime
    action: str
    outcome: str
    status: int | None
    message_id: str | None
    took_ms: int
    detail: str


def want(conn: sa.Connection, wishes: Sequence[Wish], now: datetime) -> None:
    """Mark cards dirty, making those that are missing. A card that waits out a failure keeps its hour."""
    if wishes:
        conn.execute(_want(conn.dialect.name), [_parameters(wish, now) for wish in wishes])


@cache
def _want(dialect: str) -> sa.Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    now, edit_at = (sa.bindparam(name, type_=cards.c.due_at.type) for name in ("now", "edit_at"))
    statement = insert(cards).values(
        incident_id=sa.bindparam("incident_id"),
        channel=sa.bindparam("channel"),
        generation=sa.bindparam("generation"),
        priority=sa.bindparam("create_priority"),
        state="pending",
        wanted_rev=1,
        attempts=0,
        degraded=0,
        edited=False,
        due_at=now,
        waiting_since=now,
        created_at=now,
    )
    waits = sa.and_(cards.c.state == "pending", cards.c.attempts > 0, cards.c.due_at > now)
    folded = cards.c.folded_into.is_not(None)
    soon = sa.case(
        (cards.c.message_id.is_(None), now),
        # Each change puts off only its own telling: what changes all the time would never be told.
        (cards.c.due_at < edit_at, cards.c.due_at),
        else_=edit_at,
    )
    return statement.on_conflict_do_update(
        index_elements=["incident_id", "channel", "generation"],
        set_={
            "wanted_rev": cards.c.wanted_rev + 1,
            # What a digest tells stays there: the digest is told anew instead.
            "state": sa.case((folded, "folded"), else_="pending"),
            "due_at": sa.case((folded, sa.null()), (waits, cards.c.due_at), else_=soon),
            "waiting_since": sa.case((folded, sa.null()), else_=sa.func.coalesce(cards.c.waiting_since, now)),
            "attempts": sa.case((cards.c.state == "dead", 0), else_=cards.c.attempts),
            "priority": sa.case(
                (cards.c.message_id.is_(None), sa.bindparam("create_priority")),
                else_=sa.bindparam("edit_priority"),
            ),
        },
    )


def folded(conn: sa.Connection, wishes: Sequence[Wish]) -> list[int]:
    """The digests that tell some of these."""
    bound = rows.bound(conn, {wish.incident_id for wish in wishes})
    return list(conn.scalars(_folded(conn.dialect.name), bound))


@cache
def _folded(dialect: str) -> sa.Select[tuple[int]]:
    ids = rows.table(dialect, sa.BigInteger())
    return (
        sa.select(cards.c.folded_into)
        .where(cards.c.incident_id.in_(sa.select(ids.c.value)), cards.c.folded_into.is_not(None))
        .distinct()
    )


def _parameters(wish: Wish, now: datetime) -> dict[str, Any]:
    return {
        "incident_id": wish.incident_id,
        "channel": wish.channel,
        "generation": wish.generation,
        "create_priority": wish.create_priority,
        "edit_priority": wish.edit_priority,
        "now": now,
        "edit_at": now + timedelta(seconds=wish.edit_delay_s),
    }


def renew_unsent(conn: sa.Connection, wish: Wish) -> None:
    """A card nobody has seen becomes the new generation's: two messages would be one too many.

    Only the newest of them, and only while the new generation has none: a card that was being delivered when
    its generation passed stays what it was.
    """
    same = sa.and_(cards.c.incident_id == wish.incident_id, cards.c.channel == wish.channel)
    # What a digest tells stays there: a new ping needs a card of its own.
    unsent = sa.and_(cards.c.message_id.is_(None), cards.c.lease.is_(None), cards.c.folded_into.is_(None))
    taken = conn.scalar(sa.select(cards.c.id).where(same, cards.c.generation >= wish.generation).limit(1))
    newest = sa.select(sa.func.max(cards.c.generation)).where(same, unsent).scalar_subquery()
    if taken is None:
        conn.execute(
            sa.update(cards)
            .where(same, unsent, cards.c.generation == newest)
            .values(generation=wish.generation)
        )


def claim(
    conn: sa.Connection,
    channel: ChannelName,
    now: datetime,
    *,
    lease: str,
    lease_s: float,
    max_wait_s: float,
    critical_only: bool = False,
) -> Claim | None:
    """The next card to tell in this channel, taken until the lease ends; None when nothing is due.

    critical_only: new critical ones alone.
    max_wait_s: no hour is ever set further ahead; a later one was written before the clock stepped back.
    """
    next_id = (
        sa.select(cards.c.id)
        .where(
            cards.c.channel == channel,
            cards.c.due_at.is_not(None),  # said aloud, so that the partial index can serve it
            cards.c.priority <= (NEW_CRITICAL if critical_only else EDIT),
            sa.or_(
                cards.c.due_at <= now, cards.c.due_at > now + timedelta(seconds=max_wait_s + CLOCK_SKEW_S)
            ),
            sa.or_(
                cards.c.lease_until.is_(None),
                cards.c.lease_until <= now,
                cards.c.lease_until > now + timedelta(seconds=lease_s + CLOCK_SKEW_S),
            ),
        )
        .order_by(cards.c.priority, cards.c.due_at, cards.c.id)
        .limit(1)
        .scalar_subquery()
    )
    row = conn.execute(
        sa.update(cards)
        .where(cards.c.id == next_id)
        .values(lease=lease, lease_until=now + timedelta(seconds=lease_s))
        .returning(
            cards.c.id,
            cards.c.incident_id,
            cards.c.digest_id,
            cards.c.generation,
            cards.c.wanted_rev,
            cards.c.attempts,
            cards.c.degraded,
            cards.c.message_id,
            cards.c.sent_hash,
            cards.c.created_at,
        )
    ).one_or_none()
    if row is None:
        return None
    return Claim(
        card_id=row.id,
        incident_id=row.incident_id,
        digest_id=row.digest_id,
        channel=channel,
        generation=row.generation,
        wanted_rev=row.wanted_rev,
        attempts=row.attempts,
        degraded=row.degraded,
        lease=lease,
        message_id=row.message_id,
        sent_hash=row.sent_hash,
        created_at=row.created_at,
    )


def settle(
    conn: sa.Connection, claim: Claim, now: datetime, values: Mapping[str, Any], *, done: bool
) -> bool:
    """Write down how the claimed card stands and let it go; False when the lease was lost to another.

    done: the claimed state needs no more telling. What became dirty meanwhile stays due.
    """
    current = cards.c.wanted_rev == claim.wanted_rev
    free: dict[str, Any] = {"lease": None, "lease_until": None}
    told = values.get("message_id", claim.message_id) is not None
    if done:
        free |= {
            "due_at": sa.case((current, sa.null()), else_=now),
            "waiting_since": sa.case((current, sa.null()), else_=now),
            "state": sa.case((current, values.get("state", "delivered")), else_="pending"),
            # What nobody has seen is as urgent as it was, whoever tells it again.
            "priority": sa.case((current, EDIT), else_=_edit_priority()) if told else cards.c.priority,
        }
    changed = conn.execute(
        sa.update(cards)
        .where(cards.c.id == claim.card_id, cards.c.lease == claim.lease)
        .values({**values, **free})
    )
    return changed.rowcount == 1


def _edit_priority() -> sa.ColumnElement[int]:
    """Of what became dirty while it was told: that it is over goes before other edits."""
    over = (
        sa.select(incidents.c.id)
        .where(incidents.c.id == cards.c.incident_id, incidents.c.status == Status.RESOLVED)
        .exists()
    )
    # A digest is as urgent as what it has taken in since.
    return sa.case((cards.c.digest_id.is_not(None), cards.c.priority), (over, RESOLVE), else_=EDIT)


def record(conn: sa.Connection, claim: Claim, attempt: Attempt) -> None:
    conn.execute(
        sa.insert(deliveries).values(
            card_id=claim.card_id,
            channel=claim.channel,
            at=attempt.at,
            action=attempt.action,
            outcome=attempt.outcome,
            status=attempt.status,
            message_id=attempt.message_id,
            took_ms=attempt.took_ms,
            detail=attempt.detail,
        )
    )


def dirty_older(conn: sa.Connection, claim: Claim, now: datetime) -> None:
    """After a create: the messages it takes over from must point to it."""
    if claim.digest_id is not None:
        dirty_overtaken(conn, claim.channel, cards.c.folded_into == claim.digest_id, now)
        return
    before = sa.select(incidents.c.previous_id).where(incidents.c.id == claim.incident_id).scalar_subquery()
    older = sa.and_(cards.c.incident_id == claim.incident_id, cards.c.generation < claim.generation)
    _dirty(conn, claim.channel, sa.or_(older, cards.c.incident_id == before), now)


def dirty_overtaken(
    conn: sa.Connection, channel: ChannelName, folded: sa.ColumnElement[bool], now: datetime
) -> None:
    """What these folded cards took over from is the digest's to tell: the older messages must point to it."""
    same = sa.select(cards.c.incident_id).where(folded)
    before = sa.select(incidents.c.previous_id).where(incidents.c.id.in_(same))
    _dirty(conn, channel, sa.or_(cards.c.incident_id.in_(same), cards.c.incident_id.in_(before)), now)


def _dirty(conn: sa.Connection, channel: ChannelName, which: sa.ColumnElement[bool], now: datetime) -> None:
    conn.execute(
        sa.update(cards)
        .where(which, cards.c.channel == channel, cards.c.message_id.is_not(None))
        .values(
            wanted_rev=cards.c.wanted_rev + 1,
            state="pending",
            due_at=now,
            waiting_since=sa.func.coalesce(cards.c.waiting_since, now),
            priority=EDIT,
        )
    )


def release_all(conn: sa.Connection) -> None:
    """Only for a router that knows itself alone (SQLite): the claims of its former life are void."""
    conn.execute(sa.update(cards).where(cards.c.lease.is_not(None)).values(lease=None, lease_until=None))


def counts(conn: sa.Connection, channels: Collection[ChannelName]) -> dict[str, int]:
    """Cards by state, in the channels there are now."""
    rows = conn.execute(
        sa.select(cards.c.state, sa.func.count()).where(cards.c.channel.in_(channels)).group_by(cards.c.state)
    )
    return {"pending": 0, "delivered": 0, "dead": 0, "folded": 0} | {str(state): n for state, n in rows}


def oldest_waiting(conn: sa.Connection, channels: Collection[ChannelName]) -> datetime | None:
    """Since when the longest-waiting card waits, in the channels there are now."""
    query = sa.select(sa.func.min(cards.c.waiting_since)).where(cards.c.channel.in_(channels))
    found: datetime | None = conn.scalar(query.where(cards.c.due_at.is_not(None)))
    return found
