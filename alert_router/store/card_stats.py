"""Figures about the cards, for metrics."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain.model import ChannelName
from alert_router.store.tables import cards


def counts(conn: sa.Connection, channels: Collection[ChannelName]) -> dict[str, int]:
    """Cards by state, in these channels."""
    query = sa.select(cards.c.state, sa.func.count()).where(cards.c.channel.in_(channels))
    by_state = {str(state): n for state, n in conn.execute(query.group_by(cards.c.state))}
    return {"pending": 0, "delivered": 0, "dead": 0, "folded": 0} | by_state


def oldest_waiting(conn: sa.Connection, channels: Collection[ChannelName]) -> datetime | None:
    """Since when the longest-waiting card of these channels waits."""
    query = sa.select(sa.func.min(cards.c.waiting_since)).where(cards.c.channel.in_(channels))
    since: datetime | None = conn.scalar(query.where(cards.c.due_at.is_not(None)))
    return since
