"""Cards that Discord refused for good: kept, visible, replayable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alert_router.store import card_queue, card_state, rows
from alert_router.store.tables import cards


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
    columns = rows.columns(
        DeadLetter,
        cards,
        card_id=cards.c.id,
        alert_id=card_state.newest_alert_id(),
        reason=sa.func.coalesce(cards.c.error, ""),
    )
    query = sa.select(*columns).where(cards.c.state == "dead").order_by(cards.c.id)
    return tuple(DeadLetter(*row) for row in conn.execute(query))


def replay(conn: sa.Connection, now: datetime, card_ids: Sequence[int] | None = None) -> int:
    """Send them again in their present state; how many. None: all of them."""
    statement = sa.update(cards).where(cards.c.state == "dead")
    if card_ids is not None:
        statement = statement.where(cards.c.id.in_(card_ids))
    priority = cards.c.priority
    dirty = card_queue.dirty(now, create_priority=priority, edit_priority=priority)
    return conn.execute(statement.values(degraded=0, **dirty)).rowcount
