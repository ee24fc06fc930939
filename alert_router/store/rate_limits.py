"""The pace of a channel, whoever uses it: other routers on this database, and our own former life.

Kept by the time of day. The rate_limiter beside it keeps ours by a clock that never steps.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from alert_router.domain import rate_limits
from alert_router.domain.model import CLOCK_SKEW_S, ChannelName
from alert_router.domain.rate_limits import Quota
from alert_router.store.card_queue import LEASE_S
from alert_router.store.tables import cards, deliveries, paces


@dataclass(frozen=True, slots=True)
class Capacity:
    wait_s: float
    """How long until a request may leave; 0 for at once."""
    critical_only: bool
    """What is left is kept for new critical cards."""


def room(
    conn: sa.Connection,
    channel: ChannelName,
    together: Collection[ChannelName],
    now: datetime,
    *,
    per_minute: int,
) -> Capacity:
    """together: the channels of this process that lead to one place in Discord, this one among them."""
    minute = per_minute - _under_way(conn, together, now)
    kept = per_minute // rate_limits.KEPT_SHARE
    granted, grant_s = _grant(conn, channel, now)
    granted -= _under_way(conn, [channel], now)
    return Capacity(
        wait_s=max(_full_s(conn, together, now, minute), grant_s if granted <= 0 else 0.0),
        critical_only=_full_s(conn, together, now, minute - kept) > 0
        or granted <= rate_limits.KEPT_OF_WINDOW,
    )


def note(conn: sa.Connection, channel: ChannelName, allowance: Quota, now: datetime) -> None:
    """While a former grant holds, the stricter of both counts: answers are written down in any order."""
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    until = now + timedelta(seconds=allowance.for_s)
    statement = insert(paces).values(
        channel=channel, remaining=allowance.remaining, until=until, noted_at=now
    )
    new, holds = statement.excluded, _holds(now)
    stricter = sa.and_(holds, paces.c.remaining < new.remaining)
    longer = sa.and_(holds, paces.c.until > new.until)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["channel"],
            set_={
                "remaining": sa.case((stricter, paces.c.remaining), else_=new.remaining),
                "until": sa.case((longer, paces.c.until), else_=new.until),
                "noted_at": new.noted_at,
            },
        )
    )


def _holds(now: datetime) -> sa.ColumnElement[bool]:
    """One that was noted ahead of us was written before the clock stepped back, and says nothing of now."""
    return sa.and_(paces.c.until > now, paces.c.noted_at <= now + timedelta(seconds=CLOCK_SKEW_S))


def _grant(conn: sa.Connection, channel: ChannelName, now: datetime) -> tuple[int, float]:
    """How many more requests in how many seconds."""
    row = conn.execute(
        sa.select(paces.c.remaining, paces.c.until).where(paces.c.channel == channel, _holds(now))
    ).one_or_none()
    return (row.remaining, (row.until - now).total_seconds()) if row else (rate_limits.UNLIMITED, 0.0)


def _under_way(conn: sa.Connection, channels: Collection[ChannelName], now: datetime) -> int:
    """Requests that are leaving or have left, and nobody knows yet how they went."""
    query = sa.select(sa.func.count()).where(
        cards.c.channel.in_(channels),
        cards.c.lease.is_not(None),
        cards.c.lease_until > now,
        # As the claim does: a later one was written before the clock stepped back.
        cards.c.lease_until <= now + timedelta(seconds=LEASE_S + CLOCK_SKEW_S),
    )
    return conn.scalar(query) or 0


def _full_s(conn: sa.Connection, channels: Collection[ChannelName], now: datetime, most: int) -> float:
    """How long until the last minute holds fewer than so many requests."""
    window = timedelta(seconds=rate_limits.CHANNEL_WINDOW_S)
    at = now
    if most > 0:
        found: datetime | None = conn.scalar(
            sa.select(deliveries.c.at)
            # What lies ahead of us was written before the clock stepped back, or by a clock a little ahead.
            .where(
                deliveries.c.channel.in_(channels),
                deliveries.c.at > now - window,
                deliveries.c.at <= now + timedelta(seconds=CLOCK_SKEW_S),
            )
            .order_by(deliveries.c.at.desc())
            .offset(most - 1)
            .limit(1)
        )
        if found is None:
            return 0.0
        at = found
    return (at + window - now).total_seconds()
