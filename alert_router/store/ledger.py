"""The ledger of a channel: wanted = delivered + pending + dead, at every instant.

An incident whose card in the channel is held (quiet hours before the first message, or all of its alerts are
silenced) is on neither side: nobody is to be notified yet.

Its cost does not grow with the history. A task counts the incidents that cards show, up to a bookmark
(`store/card_sums.py`); here only newer cards are counted, those that are not delivered (an index has them),
and the newer incidents that should have a card and have none: a lost card would show.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from alert_router.domain.model import DISCORD, PREVIEW, ChannelName, join_channels, split_channels
from alert_router.store.card_queue import HELD
from alert_router.store.tables import bookmarks, card_sums, cards, incidents

CARDS, INCIDENTS = "card sums", "incidents with cards"
"""The bookmarks: the last card that was counted, and the last incident whose cards are known to exist."""


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
    row = conn.execute(
        sa.select(
            _shown(channel),
            _in_state(channel, HELD),
            _undelivered(channel, "pending"),
            _undelivered(channel, "dead"),
            _lost(channel),
        )
    ).one()
    shown, held, pending, dead, lost = map(int, row)
    return Ledger(
        wanted=shown - held + lost, delivered=shown - held - pending - dead, pending=pending, dead=dead
    )


def _shown(channel: ChannelName) -> sa.ColumnElement[int]:
    """Incidents that have a card in the channel, held ones included."""
    counted = sa.select(card_sums.c.incidents).where(card_sums.c.channel == channel).scalar_subquery()
    newer = (
        sa.select(sa.func.count())
        .where(cards.c.id > since(CARDS), cards.c.channel == channel, is_first())
        .scalar_subquery()
    )
    return sa.func.coalesce(counted, 0) + newer


def since(name: str) -> sa.ColumnElement[int]:
    """The position of a bookmark; 0 before the task has run."""
    return sa.func.coalesce(
        sa.select(bookmarks.c.position).where(bookmarks.c.name == name).scalar_subquery(), 0
    )


def is_first() -> sa.ColumnElement[bool]:
    """The card is the first of its incident in its channel, and no copy of another channel's."""
    earlier = cards.alias("earlier")
    return sa.and_(
        cards.c.incident_id.is_not(None),
        cards.c.copy_of.is_(None),
        ~sa.exists().where(
            earlier.c.incident_id == cards.c.incident_id,
            earlier.c.channel == cards.c.channel,
            earlier.c.copy_of.is_(None),
            earlier.c.generation < cards.c.generation,
        ),
    )


def _is_newest() -> sa.ColumnElement[bool]:
    later = cards.alias("later")
    return sa.and_(
        cards.c.incident_id.is_not(None),
        cards.c.copy_of.is_(None),
        ~sa.exists().where(
            later.c.incident_id == cards.c.incident_id,
            later.c.channel == cards.c.channel,
            later.c.copy_of.is_(None),
            later.c.generation > cards.c.generation,
        ),
    )


def _in_state(channel: ChannelName, state: str) -> sa.ColumnElement[int]:
    return (
        sa.select(sa.func.count())
        .where(undelivered(cards), cards.c.state == state, cards.c.channel == channel, _is_newest())
        .scalar_subquery()
    )


def undelivered(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Spelled as in the partial index, which a bound parameter would not match."""
    return table.c.state != sa.literal_column("'delivered'")


def _undelivered(channel: ChannelName, state: str) -> sa.ColumnElement[int]:
    """In that state themselves, or folded into a digest whose card is."""
    digest = cards.alias("digest")
    digests = sa.select(digest.c.digest_id).where(
        undelivered(digest),
        digest.c.state == state,
        digest.c.channel == channel,
        digest.c.digest_id.is_not(None),
    )
    folded = (
        sa.select(sa.func.count())
        .where(
            cards.c.folded_into.is_not(None),
            cards.c.folded_into.in_(digests),
            cards.c.state == "folded",
            cards.c.channel == channel,
            _is_newest(),
        )
        .scalar_subquery()
    )
    return _in_state(channel, state) + folded


def _lost(channel: ChannelName) -> sa.ColumnElement[int]:
    """Incidents that are shown in the channel and have no card there."""
    own = sa.exists().where(
        cards.c.incident_id == incidents.c.id, cards.c.channel == channel, cards.c.copy_of.is_(None)
    )
    return (
        sa.select(sa.func.count())
        .where(
            incidents.c.id > since(INCIDENTS),
            incidents.c.channels.contains(join_channels([channel]), autoescape=True),
            ~own,
        )
        .scalar_subquery()
    )
