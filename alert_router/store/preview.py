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
    incident_id: int
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
    columns = rows.columns(PreviewCard, cards, alert_id=card_state.newest_alert_id(), body=cards.c.sent_body)
    sent = sa.select(*columns).where(cards.c.sent_at.is_not(None))
    return tuple(PreviewCard(*row) for row in conn.execute(sent.order_by(cards.c.id.desc()).limit(limit)))
