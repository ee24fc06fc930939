"""What a card announced when its message was created: read with what it shows, stored with the outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain.model import Status
from alert_router.store import card_alerts
from alert_router.store.card_queue import Claim
from alert_router.store.tables import alerts, cards, incidents

DIGEST_REVISION = 0
"""Digests have none: what they have announced is known of each folded card."""


@dataclass(frozen=True, slots=True)
class Posting:
    """Of one card: what its create shows, at the moment of the state that was rendered."""

    card_id: int
    at: datetime
    revision: int
    """The incident's."""
    announced_rank: int | None
    """The worst severity that fires unsuppressed; None where nothing does."""


def read(conn: sa.Connection, claim: Claim, at: datetime) -> tuple[Posting, ...]:
    """Of the claimed card, and of the cards folded into it.

    Read it before what the card shows: an episode that begins meanwhile may be shown, but is not announced.
    """
    if claim.digest_id is None:
        return _postings(conn, cards.c.id == claim.card_id, at)
    folded = _postings(conn, cards.c.folded_into == claim.digest_id, at)
    ranks = [posting.announced_rank for posting in folded if posting.announced_rank is not None]
    return (Posting(claim.card_id, at, DIGEST_REVISION, max(ranks, default=None)), *folded)


def _postings(conn: sa.Connection, which: sa.ColumnElement[bool], at: datetime) -> tuple[Posting, ...]:
    worst = (
        sa.select(sa.func.max(alerts.c.severity_rank))
        .where(
            alerts.c.incident_id == cards.c.incident_id,
            alerts.c.status == Status.FIRING,
            alerts.c.suppressed.is_(None),
            card_alerts.is_shown_by(cards),
        )
        .scalar_subquery()
    )
    query = (
        sa.select(cards.c.id, incidents.c.revision, worst)
        .select_from(cards.join(incidents, incidents.c.id == cards.c.incident_id))
        .where(which)
    )
    return tuple(Posting(card_id, at, revision, rank) for card_id, revision, rank in conn.execute(query))


_NOW = sa.bindparam("now", type_=cards.c.decide_at.type)
_SAVE = (
    sa.update(cards)
    .where(cards.c.id == sa.bindparam("which"))
    .values(
        posted_at=sa.bindparam("at", type_=cards.c.posted_at.type),
        revision=sa.bindparam("shown"),
        announced_rank=sa.bindparam("rank"),
        # The notify rule is asked about what has begun meanwhile; of a copy, when its original is.
        decide_at=sa.case((cards.c.copy_of.is_(None), _NOW), else_=sa.null()),
    )
)


def save(conn: sa.Connection, postings: Sequence[Posting], now: datetime) -> None:
    """The messages were created, or refused for good: then they are not asked for again."""
    if postings:
        parameters = [
            {
                "which": posting.card_id,
                "at": posting.at,
                "shown": posting.revision,
                "rank": posting.announced_rank,
                "now": now,
            }
            for posting in postings
        ]
        conn.execute(_SAVE, parameters)
