"""Which alerts a card shows: those of its incident that are routed to its channel."""

from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import ChannelName
from alert_router.store.tables import alerts, cards


def shown_channel(card: sa.FromClause = cards) -> sa.ColumnElement[Any]:
    """The channel whose alerts the card shows: its own, unless it stands in for another channel's."""
    return sa.func.coalesce(card.c.escalates, card.c.copy_of, card.c.channel)


def routed_to(channel: ChannelName | sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether the alert is shown in the channel. One that was never routed is shown everywhere."""
    # LIKE ignores case on SQLite, and takes "_" in a name as a wildcard.
    name = sa.literal("|", sa.Text()) + channel + sa.literal("|", sa.Text())
    without = sa.func.replace(alerts.c.channels, name, "")
    return sa.or_(alerts.c.channels == "", without != alerts.c.channels)


def same_subject(card: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether both cards are in one channel for one reason: routed there, an escalation, or copies."""
    return sa.and_(
        card.c.channel == other.c.channel,
        card.c.escalates.is_not_distinct_from(other.c.escalates),
        card.c.copy_of.is_not_distinct_from(other.c.copy_of),
    )
