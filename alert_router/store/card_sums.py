"""How many cards each channel has, and how many incidents these show, counted up to a bookmark.

What is counted here does not change: a card stays in its channel, and the first card of an incident stays the
first. Retention takes away what it removes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from alert_router.store import bookmarks, ledger, rows
from alert_router.store.card_queue import HELD
from alert_router.store.tables import card_sums, cards, incidents

BATCH = 5_000
SETTLED = 1_000
"""So many of the newest cards are left to the ledger: routers that share a database commit out of order."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The cards after the bookmark, and how far the incidents have their cards."""

    cards_from: int
    cards_to: int
    numbers: Mapping[str, tuple[int, int]]
    incidents_from: int
    incidents_to: int

    def __bool__(self) -> bool:
        return self.cards_to > self.cards_from or self.incidents_to > self.incidents_from


def look(conn: sa.Connection) -> Counted:
    start, end = _span(conn, ledger.CARDS, cards)
    numbers = counts(conn, cards.c.id > start, cards.c.id <= end) if end > start else {}
    return Counted(start, end, numbers, *_with_cards(conn))


def save(conn: sa.Connection, counted: Counted) -> None:
    if bookmarks.advance(conn, ledger.CARDS, counted.cards_from, counted.cards_to):
        add(conn, counted.numbers)
    bookmarks.advance(conn, ledger.INCIDENTS, counted.incidents_from, counted.incidents_to)


def _span(conn: sa.Connection, bookmark: str, table: sa.Table) -> tuple[int, int]:
    start = bookmarks.position(conn, bookmark)
    newest = conn.scalar(sa.select(sa.func.max(table.c.id))) or 0
    return start, max(min(start + BATCH, newest - SETTLED), start)


def _with_cards(conn: sa.Connection) -> tuple[int, int]:
    """From the bookmark to before the first incident that lacks a card: the ledger must go on showing it."""
    start, end = _span(conn, ledger.INCIDENTS, incidents)
    lost: int | None = conn.scalar(_first_without_card(start, end)) if end > start else None
    return start, end if lost is None else lost - 1


def counts(conn: sa.Connection, *of: sa.ColumnElement[bool]) -> Mapping[str, tuple[int, int]]:
    """By channel: cards, and among them those that are the first of an incident."""
    first = sa.func.sum(sa.case((ledger.is_first(), 1), else_=0))
    query = sa.select(cards.c.channel, sa.func.count(), first).where(*of).group_by(cards.c.channel)
    return {channel: (int(number), int(incidents_)) for channel, number, incidents_ in conn.execute(query)}


def add(conn: sa.Connection, numbers: Mapping[str, tuple[int, int]], sign: int = 1) -> None:
    statement = rows.upsert(conn.dialect.name, card_sums)
    sums = {name: card_sums.c[name] + statement.excluded[name] for name in ("cards", "incidents")}
    upsert = statement.on_conflict_do_update(index_elements=["channel"], set_=sums)
    for channel, (number, shown) in numbers.items():
        conn.execute(upsert, {"channel": channel, "cards": sign * number, "incidents": sign * shown})


def _first_without_card(start: int, end: int) -> sa.Select[int]:
    """Each of its channels is written between bars: so many bars less one must have a card."""
    bars = sa.func.length(incidents.c.channels) - sa.func.length(
        sa.func.replace(incidents.c.channels, "|", "")
    )
    shown = (
        sa.select(sa.func.count(cards.c.channel.distinct()))
        .where(
            cards.c.incident_id == incidents.c.id,
            cards.c.copy_of.is_(None),
            incidents.c.channels.contains("|" + cards.c.channel + "|"),
        )
        .correlate(incidents)
        .scalar_subquery()
    )
    return sa.select(sa.func.min(incidents.c.id)).where(
        incidents.c.id > start, incidents.c.id <= end, incidents.c.channels != "", shown < bars - 1
    )


def by_state(conn: sa.Connection, channel: str) -> dict[str, int]:
    """How many cards the channel has. Most are delivered: these are what the others leave."""
    query = sa.select(cards.c.state, sa.func.count()).where(
        ledger.undelivered(cards),
        cards.c.channel == channel,
        cards.c.state.in_(("pending", "dead", "folded", HELD)),
    )
    others: dict[str, int] = dict(conn.execute(query.group_by(cards.c.state)).all())
    return {**others, "delivered": _number(conn, channel) - sum(others.values())}


def _number(conn: sa.Connection, channel: str) -> int:
    counted = sa.select(card_sums.c.cards).where(card_sums.c.channel == channel).scalar_subquery()
    newer = (
        sa.select(sa.func.count())
        .where(cards.c.id > ledger.since(ledger.CARDS), cards.c.channel == channel)
        .scalar_subquery()
    )
    return conn.scalar(sa.select(sa.func.coalesce(counted, 0) + newer)) or 0
