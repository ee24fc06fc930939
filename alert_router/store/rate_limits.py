"""The rate limit of a channel, shared by all routers on this database and kept across restarts.

By the time of day. delivery/rate_limiter keeps this process's own by a clock that never steps.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from alert_router.domain import rate_limits
from alert_router.domain.model import CLOCK_SKEW_S, ChannelName
from alert_router.domain.rate_limits import Capacity, Quota
from alert_router.store import rows
from alert_router.store.card_queue import LEASE_S
from alert_router.store.tables import cards, deliveries, quotas


def capacity(
    conn: sa.Connection,
    channel: ChannelName,
    sharing: Collection[ChannelName],
    now: datetime,
    *,
    per_minute: int,
) -> Capacity:
    """sharing: the channels of this process that lead to the same Discord channel, this one among them."""
    skew = timedelta(seconds=CLOCK_SKEW_S)
    parameters: dict[str, Any] = {
        "own": channel,
        "sharing": sharing,
        "now": now,
        "past_clock": now + skew,
        "past_lease": now + timedelta(seconds=LEASE_S) + skew,
        "minute_ago": now - timedelta(seconds=rate_limits.CHANNEL_WINDOW_S),
    }
    use = conn.execute(_USE, parameters).one()
    minute = per_minute - use.under_way_sharing
    reserved = per_minute // rate_limits.RESERVED_SHARE
    full_s = _full_s(conn, minute, now, parameters)
    remaining = rate_limits.UNLIMITED if use.until is None else use.remaining - use.under_way
    return Capacity(
        wait_s=full_s if remaining > 0 else max(full_s, (use.until - now).total_seconds()),
        critical_only=remaining <= rate_limits.RESERVED_IN_WINDOW
        or _full_s(conn, minute - reserved, now, parameters) > 0,
    )


def _full_s(conn: sa.Connection, limit: int, now: datetime, parameters: Mapping[str, Any]) -> float:
    """How long until the last minute holds fewer than `limit` requests."""
    if limit <= 0:
        return rate_limits.CHANNEL_WINDOW_S
    sent_at: datetime | None = conn.scalar(_RECENT, {**parameters, "skip": limit - 1})
    return rate_limits.CHANNEL_WINDOW_S - (now - sent_at).total_seconds() if sent_at else 0.0


def save(conn: sa.Connection, channel: ChannelName, quota: Quota, now: datetime) -> None:
    """While an earlier quota holds, the stricter of both counts: replies are saved in any order."""
    parameters = {
        "channel": channel,
        "remaining": quota.remaining,
        "until": now + timedelta(seconds=quota.for_s),
        "now": now,
        "past_clock": now + timedelta(seconds=CLOCK_SKEW_S),
    }
    conn.execute(_save(conn.dialect.name), parameters)


def _time(name: str) -> sa.BindParameter[datetime]:
    return sa.bindparam(name, type_=quotas.c.until.type)


# A time in the future was written before the clock stepped back, or by a clock slightly ahead: beyond the
# tolerance, ignore it.
_HOLDS = sa.and_(quotas.c.until > _time("now"), quotas.c.noted_at <= _time("past_clock"))
_QUOTA = (quotas.c.channel == sa.bindparam("own"), _HOLDS)
_UNDER_WAY = sa.select(sa.func.count()).where(
    cards.c.lease.is_not(None),
    cards.c.lease_until > _time("now"),
    cards.c.lease_until <= _time("past_lease"),
)
"""Requests that are leaving or have left, whose outcome is not stored yet."""
_SHARING: sa.BindParameter[str] = sa.bindparam("sharing", expanding=True)
_USE = sa.select(
    _UNDER_WAY.where(cards.c.channel.in_(_SHARING)).scalar_subquery().label("under_way_sharing"),
    _UNDER_WAY.where(cards.c.channel == sa.bindparam("own")).scalar_subquery().label("under_way"),
    sa.select(quotas.c.remaining).where(*_QUOTA).scalar_subquery().label("remaining"),
    sa.select(quotas.c.until).where(*_QUOTA).scalar_subquery().label("until"),
)
_RECENT = (
    sa.select(deliveries.c.at)
    .where(
        deliveries.c.channel.in_(_SHARING),
        deliveries.c.at > _time("minute_ago"),
        deliveries.c.at <= _time("past_clock"),
    )
    .order_by(deliveries.c.at.desc())
    .offset(sa.bindparam("skip"))
    .limit(1)
)


@cache
def _save(dialect: str) -> sa.Insert:
    names = ("channel", "remaining")
    statement = rows.upsert(dialect, quotas).values(
        **{name: sa.bindparam(name) for name in names}, until=_time("until"), noted_at=_time("now")
    )
    new = statement.excluded
    stricter = sa.and_(_HOLDS, quotas.c.remaining < new.remaining)
    longer = sa.and_(_HOLDS, quotas.c.until > new.until)
    return statement.on_conflict_do_update(
        index_elements=["channel"],
        set_={
            "remaining": sa.case((stricter, quotas.c.remaining), else_=new.remaining),
            "until": sa.case((longer, quotas.c.until), else_=new.until),
            "noted_at": new.noted_at,
        },
    )
