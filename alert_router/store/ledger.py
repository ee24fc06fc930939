"""The ledger of a channel: wanted = delivered + pending + dead, at every instant.

The two sides are counted from different tables, wanted from the incidents and the rest from the cards: a
lost card would show. An incident whose card in the channel is held (quiet hours before the first message, or
all of its alerts are silenced) is on neither side: nobody is to be notified yet.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from alert_router.domain.model import DISCORD, PREVIEW, ChannelName, join_channels, split_channels
from alert_router.store.card_queue import HELD
from alert_router.store.tables import cards, incidents


@dataclass(frozen=True, slots=True)
class Ledger:
    wanted: int
    """Incidents that are shown in the channel."""
    delivered: int
    pending: int
    dead: int

    def __add__(self, other: "Ledger") -> "Ledger":
        """Of several channels together."""
        return Ledger(
            self.wanted + other.wanted,
            self.delivered + other.delivered,
            self.pending + other.pending,
            self.dead + other.dead,
        )

    @property
    def balanced(self) -> bool:
        return self.wanted == self.delivered + self.pending + self.dead


def main_channel(conn: sa.Connection) -> ChannelName | None:
    """The channel of the newest card, whatever the settings of this process; None: there is no card yet."""
    newest = (
        sa.select(cards.c.channel)
        .where(cards.c.channel.in_((DISCORD, PREVIEW)))
        .order_by(cards.c.id.desc())
        .limit(1)
    )
    name = conn.scalar(newest)
    return ChannelName(name) if name else None


def channels(conn: sa.Connection) -> tuple[ChannelName, ...]:
    """Where incidents are shown, by name: as routed, as escalated, or in a removed channel as pending."""
    routed = conn.scalars(sa.select(incidents.c.channels).distinct())
    escalated = conn.scalars(sa.select(cards.c.channel).where(cards.c.escalates.is_not(None)).distinct())
    waiting = conn.scalars(
        sa.select(cards.c.channel).where(cards.c.state == "pending", cards.c.copy_of.is_(None)).distinct()
    )
    named = (name for text in routed for name in split_channels(text))
    return tuple(sorted({*named, *map(ChannelName, escalated), *map(ChannelName, waiting)}))


def of(conn: sa.Connection, channel: ChannelName) -> Ledger:
    """One statement, so one snapshot. A folded card counts by the state of its digest's card."""
    digest, other = cards.alias("digest"), cards.alias("other")
    state = sa.case((cards.c.state == "folded", digest.c.state), else_=cards.c.state)
    newest = sa.select(sa.func.max(other.c.generation)).where(
        other.c.incident_id == incidents.c.id, other.c.channel == channel, other.c.copy_of.is_(None)
    )
    current = sa.and_(
        cards.c.incident_id == incidents.c.id,
        cards.c.channel == channel,
        cards.c.generation == newest.scalar_subquery(),
    )
    wanted = sa.or_(
        incidents.c.channels.contains(join_channels([channel]), autoescape=True), cards.c.id.is_not(None)
    )
    rows = conn.execute(
        sa.select(state, sa.func.count())
        .select_from(
            incidents.outerjoin(cards, current).outerjoin(digest, digest.c.digest_id == cards.c.folded_into)
        )
        .where(wanted, cards.c.state.is_distinct_from(HELD))
        .group_by(state)
    ).all()
    by_state = {name: int(count) for name, count in rows}
    return Ledger(
        wanted=sum(by_state.values()),
        delivered=by_state.get("delivered", 0),
        pending=by_state.get("pending", 0),
        dead=by_state.get("dead", 0),
    )
