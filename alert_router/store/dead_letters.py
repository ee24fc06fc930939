"""Cards that Discord refused for good: kept, visible, replayable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alert_router.store.tables import alerts, cards


@dataclass(frozen=True, slots=True)
class DeadLetter:
    card_id: int
    channel: str
    incident_id: int | None
    alert_id: int | None
    """The newest alert of the incident; None for a digest."""
    reason: str
    created_at: datetime


def waiting(conn: sa.Connection) -> tuple[DeadLetter, ...]:
    """Oldest first."""
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
            newest_alert,
            sa.func.coalesce(cards.c.error, ""),
            cards.c.created_at,
        )
        .where(cards.c.state == "dead")
        .order_by(cards.c.id)
    )
    return tuple(DeadLetter(*row) for row in rows)


def replay(conn: sa.Connection, now: datetime, card_ids: Sequence[int] | None = None) -> int:
    """Tell them again, as they would be told today; how many. None: all of them."""
    statement = sa.update(cards).where(cards.c.state == "dead")
    if card_ids is not None:
        statement = statement.where(cards.c.id.in_(card_ids))
    return conn.execute(
        statement.values(
            state="pending",
            due_at=now,
            waiting_since=now,
            attempts=0,
            degraded=0,
            wanted_rev=cards.c.wanted_rev + 1,
        )
    ).rowcount
