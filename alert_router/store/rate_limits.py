"""The rate limit of a channel, shared by all routers on this database and kept across restarts.

By the time of day. delivery/rate_limiter keeps this process's own by a clock that never steps.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.domain import rate_limits
from alert_router.domain.model import CLOCK_SKEW_S, ChannelName
from alert_router.domain.rate_limits import Capacity, Quota
from alert_router.store import rows
from alert_router.store.card_queue import LEASE_S
from alert_router.store.tables import cards, deliveries, paces


def capacity(
    conn: sa.Connection,
    channel: ChannelName,
    sharing: Collection[ChannelName],
    now: datetime,
    *,
    per_minute: int,
) -> Capacity:
    """sharing: the channels of this process that lead to the same Discord channel, this one among them."""
    minute = per_minute - _under_way(conn, sharing, now)
    reserved = per_minute // rate_limits.RESERVED_SHARE
    quota = _quota(conn, channel, now)
    remaining = quota.remaining - _under_way(conn, [channel], now)
    return Capacity(
        wait_s=max(_full_s(conn, sharing, now, minute), quota.for_s if remaining <= 0 else 0.0),
        critical_only=_full_s(conn, sharing, now, minute - reserved) > 0
        or remaining <= rate_limits.RESERVED_IN_WINDOW,
    )


def save(conn: sa.Connection, channel: ChannelName, quota: Quota, now: datetime) -> None:
    """While an earlier quota holds, the stricter of both counts: replies are saved in any order."""
    until = now + timedelta(seconds=quota.for_s)
    statement = rows.upsert(conn.dialect.name, paces).values(
        channel=channel, remaining=quota.remaining, until=until, noted_at=now
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
    """A quota recorded in the future was written before the clock stepped back; ignore it."""
    return sa.and_(paces.c.until > now, paces.c.noted_at <= now + timedelta(seconds=CLOCK_SKEW_S))


def _quota(conn: sa.Connection, channel: ChannelName, now: datetime) -> Quota:
    row = conn.execute(
        sa.select(paces.c.remaining, paces.c.until).where(paces.c.channel == channel, _holds(now))
    ).one_or_none()
    if row is None:
        return Quota(rate_limits.UNLIMITED, 0.0)
    return Quota(row.remaining, (row.until - now).total_seconds())


def _under_way(conn: sa.Connection, channels: Collection[ChannelName], now: datetime) -> int:
    """Requests that are leaving or have left, whose outcome is not stored yet."""
    query = sa.select(sa.func.count()).where(
        cards.c.channel.in_(channels),
        cards.c.lease.is_not(None),
        cards.c.lease_until > now,
        # As in the claim: a later lease was written before the clock stepped back.
        cards.c.lease_until <= now + timedelta(seconds=LEASE_S + CLOCK_SKEW_S),
    )
    return conn.scalar(query) or 0


def _full_s(conn: sa.Connection, channels: Collection[ChannelName], now: datetime, limit: int) -> float:
    """How long until the last minute holds fewer than `limit` requests."""
    window = timedelta(seconds=rate_limits.CHANNEL_WINDOW_S)
    if limit <= 0:
        return window.total_seconds()
    sent_at: datetime | None = conn.scalar(
        sa.select(deliveries.c.at)
        # A delivery in the future was written before the clock stepped back, or by a clock slightly ahead.
        .where(
            deliveries.c.channel.in_(channels),
            deliveries.c.at > now - window,
            deliveries.c.at <= now + timedelta(seconds=CLOCK_SKEW_S),
        )
        .order_by(deliveries.c.at.desc())
        .offset(limit - 1)
        .limit(1)
    )
    return (sent_at + window - now).total_seconds() if sent_at else 0.0
