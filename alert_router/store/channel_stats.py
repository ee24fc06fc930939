"""How a channel fares: what waits for it, what it took last, how much it took lately."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.domain.model import ChannelName
from alert_router.store.tables import cards, deliveries

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LastRequest:
    at: datetime
    outcome: str
    status: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class ChannelStats:
    pending: int
    dead: int
    waiting_since: datetime | None
    """Since when the card that waits longest has waited."""
    last_minute: int
    """Requests, by all routers on this database."""
    last_hour: int
    failed_last_hour: int
    last: LastRequest | None


def of(
    conn: sa.Connection, channels: Collection[ChannelName], now: datetime
) -> Mapping[ChannelName, ChannelStats]:
    return {name: _of_channel(conn, name, now) for name in channels}


def _of_channel(conn: sa.Connection, channel: ChannelName, now: datetime) -> ChannelStats:
    own = cards.c.channel == channel
    states = sa.select(cards.c.state, sa.func.count()).where(own, cards.c.state.in_(("pending", "dead")))
    counts = {str(state): count for state, count in conn.execute(states.group_by(cards.c.state))}
    waiting = sa.select(sa.func.min(cards.c.waiting_since)).where(own, cards.c.due_at.is_not(None))
    made = deliveries.c
    recent = sa.select(
        sa.func.count(),
        sa.func.count().filter(made.at >= now - MINUTE),
        sa.func.count().filter(made.outcome != "sent"),
    ).where(made.channel == channel, made.at >= now - HOUR)
    last_hour, last_minute, failed = conn.execute(recent).one()
    last = conn.execute(
        sa.select(made.at, made.outcome, made.status, made.detail)
        .where(made.channel == channel)
        .order_by(made.at.desc(), made.id.desc())
        .limit(1)
    ).one_or_none()
    return ChannelStats(
        pending=counts.get("pending", 0),
        dead=counts.get("dead", 0),
        waiting_since=conn.scalar(waiting),
        last_minute=last_minute,
        last_hour=last_hour,
        failed_last_hour=failed,
        last=LastRequest(*last) if last else None,
    )
