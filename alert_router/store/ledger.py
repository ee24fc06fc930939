"""The ledger: wanted = delivered + pending + dead, at every instant.

The two sides are counted from different tables, wanted from the incidents and the rest from the cards: a lost
card would show.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from alert_router.domain.model import DISCORD, PREVIEW, ChannelName, Status
from alert_router.store.tables import cards, incidents


@dataclass(frozen=True, slots=True)
class Ledger:
    wanted: int
    """Incidents that need their current card in the channel: all but those resolved before its first card."""
    delivered: int
    pending: int
    dead: int

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


def of(conn: sa.Connection, channel: ChannelName) -> Ledger:
    """One statement, so one snapshot. A folded card counts by the state of its digest's card."""
    digest = cards.alias("digest")
    state = sa.case((cards.c.state == "folded", digest.c.state), else_=cards.c.state)
    current = sa.and_(
        cards.c.incident_id == incidents.c.id,
        cards.c.generation == incidents.c.generation,
        cards.c.channel == channel,
    )
    in_use_since = sa.select(sa.func.min(cards.c.created_at)).where(cards.c.channel == channel)
    wanted = sa.or_(
        incidents.c.status == Status.FIRING,
        cards.c.id.is_not(None),
        incidents.c.resolved_at >= in_use_since.scalar_subquery(),
    )
    rows = conn.execute(
        sa.select(state, sa.func.count())
        .select_from(
            incidents.outerjoin(cards, current).outerjoin(digest, digest.c.digest_id == cards.c.folded_into)
        )
        .where(wanted)
        .group_by(state)
    ).all()
    by_state = {name: int(count) for name, count in rows}
    return Ledger(
        wanted=sum(by_state.values()),
        delivered=by_state.get("delivered", 0),
        pending=by_state.get("pending", 0),
        dead=by_state.get("dead", 0),
    )
