"""Which alerts a card shows: those of its incident that are routed to its channel."""

from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import ChannelName
from alert_router.store.tables import alerts


def routed_to(channel: ChannelName | sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether the alert is shown in the channel. One that was never routed is shown everywhere."""
    # LIKE ignores case on SQLite, and takes "_" in a name as a wildcard.
    name = sa.literal("|", sa.Text()) + channel + sa.literal("|", sa.Text())
    without = sa.func.replace(alerts.c.channels, name, "")
    return sa.or_(alerts.c.channels == "", without != alerts.c.channels)


def is_shown_by(card: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether the card shows the alert, if it is of its incident.

    A copy shows the alerts of the channel that did not take its original; an escalation beside those of its
    own channel those that are escalated.
    """
    own = sa.func.coalesce(card.c.copy_of, card.c.channel)
    escalated = sa.and_(card.c.escalates.is_not(None), routed_to(sa.func.coalesce(card.c.escalates, "")))
    return sa.or_(routed_to(own), escalated)


def same_subject(card: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether both cards are in one channel as its own, or as copies for the same other channel."""
    return sa.and_(card.c.channel == other.c.channel, card.c.copy_of.is_not_distinct_from(other.c.copy_of))
