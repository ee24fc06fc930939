"""Figures about the cards, for metrics."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain.model import ChannelName
from alert_router.store import card_sums
from alert_router.store.tables import cards


def counts(conn: sa.Connection, channels: Collection[ChannelName]) -> dict[str, int]:
    """Cards by state, in these channels."""
    by_state = Counter({"pending": 0, "delivered": 0, "dead": 0, "folded": 0})
    for channel in channels:
        by_state.update(card_sums.by_state(conn, channel))
    return dict(by_state)


def oldest_waiting(conn: sa.Connection, channels: Collection[ChannelName]) -> datetime | None:
    """Since when the longest-waiting card of these channels waits."""
    query = sa.select(sa.func.min(cards.c.waiting_since)).where(cards.c.channel.in_(channels))
    since: datetime | None = conn.scalar(query.where(cards.c.due_at.is_not(None)))
    return since


def pending_elsewhere(conn: sa.Connection, channels: Collection[ChannelName]) -> dict[ChannelName, int]:
    """How many cards wait for channels other than these."""
    query = (
        sa.select(cards.c.channel, sa.func.count())
        .where(cards.c.state == "pending", cards.c.channel.not_in(channels))
        .group_by(cards.c.channel)
        .order_by(cards.c.channel)
    )
    return {ChannelName(name): count for name, count in conn.execute(query)}
