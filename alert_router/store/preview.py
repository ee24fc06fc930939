"""The question of the page /preview: what was told last, as it was sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alert_router.store.tables import alerts, cards


@dataclass(frozen=True, slots=True)
class PreviewCard:
    id: int
    channel: str
    incident_id: int
    alert_id: int | None
    """The newest alert of the incident: where its history is."""
    state: str
    body: dict[str, Any]
    """The message as Discord was sent it."""
    created_at: datetime
    sent_at: datetime
    edited: bool


def latest(conn: sa.Connection, limit: int) -> tuple[PreviewCard, ...]:
    """Newest first, told cards only."""
    newest_alert = (
        sa.select(sa.func.max(alerts.c.id))
        .where(alerts.c.incident_id == cards.c.incident_id)
        .scalar_subquery()
    )
    rows = conn.execute(
        sa.select(
            cards.c.id,
            cards.c.channel,
            cards.c.incident_id,
            newest_alert.label("alert_id"),
            cards.c.state,
            cards.c.sent_body,
            cards.c.created_at,
            cards.c.sent_at,
            cards.c.edited,
        )
        .where(cards.c.sent_at.is_not(None))
        .order_by(cards.c.id.desc())
        .limit(limit)
    )
    return tuple(PreviewCard(*row) for row in rows)
