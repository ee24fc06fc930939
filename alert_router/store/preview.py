"""The messages of the page /preview, as they were sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alert_router.store import card_state, rows
from alert_router.store.tables import cards


@dataclass(frozen=True, slots=True)
class PreviewCard:
    id: int
    channel: str
    incident_id: int | None
    alert_id: int | None
    """The newest alert of the incident: where its history is."""
    state: str
    body: dict[str, Any]
    """The payload."""
    created_at: datetime
    sent_at: datetime
    edited: bool


def latest(conn: sa.Connection, limit: int) -> tuple[PreviewCard, ...]:
    """Newest first, sent cards only."""
    return tuple(PreviewCard(*row) for row in conn.execute(_sent().limit(limit)))


def of_incident(conn: sa.Connection, incident_id: int) -> PreviewCard | None:
    """Its newest sent card."""
    row = conn.execute(_sent().where(cards.c.incident_id == incident_id).limit(1)).one_or_none()
    return PreviewCard(*row) if row else None


def _sent() -> sa.Select[Any]:
    columns = rows.columns(PreviewCard, cards, alert_id=card_state.newest_alert_id(), body=cards.c.sent_body)
    sent = sa.select(*columns).where(cards.c.sent_at.is_not(None), cards.c.sent_body.is_not(sa.null()))
    return sent.order_by(cards.c.id.desc())
