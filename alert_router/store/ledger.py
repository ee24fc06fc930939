"""The ledger: what people were to be told, against what became of it. It balances at every instant.

The two sides are counted from different tables: what is wanted from the incidents, what became of it from the
cards. A card that got lost would show.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from alert_router.domain.model import DISCORD, PREVIEW, ChannelName, Status
from alert_router.store.tables import cards, incidents


@dataclass(frozen=True, slots=True)
class Ledger:
    wanted: int
    """Incidents, each of which wants its current card in the channel. What was over before the channel was in
    use (another one was, or none) is none of its business."""
    delivered: int
    pending: int
    dead: int

    @property
    def balanced(self) -> bool:
        return self.wanted == self.delivered + self.pending + self.dead


def main_channel(conn: sa.Connection) -> ChannelName | None:
    """The one that the newest card is for, whatever the settings of who asks; None: there is no card yet."""
    newest = (
        sa.select(cards.c.channel)
        .where(cards.c.channel.in_((DISCORD, PREVIEW)))
        .order_by(cards.c.id.desc())
        .limit(1)
    )
    found = conn.scalar(newest)
    return ChannelName(found) if found else None


def of(conn: sa.Connection, channel: ChannelName) -> Ledger:
    """One statement, so one snapshot. What a digest tells stands as the digest's card stands."""
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
    found = {name: int(count) for name, count in rows}
    return Ledger(
        wanted=sum(found.values()),
        delivered=found.get("delivered", 0),
        pending=found.get("pending", 0),
        dead=found.get("dead", 0),
    )
