"""Deliveries: the log of requests to Discord."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alert_router.store import rows
from alert_router.store.tables import cards, deliveries


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to create or edit a card, and its outcome."""

    at: datetime
    channel: str
    action: str
    outcome: str
    took_ms: int
    status: int | None
    message_id: str | None
    detail: str


def insert(conn: sa.Connection, card_id: int, delivery: Delivery) -> None:
    conn.execute(sa.insert(deliveries), {"card_id": card_id, **rows.to_row(delivery)})


def of_incident(conn: sa.Connection, incident_id: int) -> tuple[Delivery, ...]:
    """Of the incident's cards, and of the digests that show them; oldest first."""
    own, folded = cards.alias("own"), cards.alias("folded")
    card_ids = sa.union(
        sa.select(own.c.id).where(own.c.incident_id == incident_id),
        sa.select(cards.c.id)
        .join(folded, folded.c.folded_into == cards.c.digest_id)
        .where(folded.c.incident_id == incident_id),
    )
    query = sa.select(*rows.columns(Delivery, deliveries)).where(deliveries.c.card_id.in_(card_ids))
    return tuple(Delivery(*row) for row in conn.execute(query.order_by(deliveries.c.id)))
