"""Decisions: why an incident did or did not get a new message in a channel. Appended when they change."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain.model import ChannelName
from alert_router.store import rows
from alert_router.store.table_writer import TableWriter
from alert_router.store.tables import decisions


@dataclass(frozen=True, slots=True)
class DecisionRow:
    incident_id: int
    channel: ChannelName
    at: datetime
    action: str
    reason: str
    due_at: datetime | None
    generation: int | None
    """The card's, where one was requested."""


append = TableWriter(decisions, DecisionRow).insert


def of_incident(conn: sa.Connection, incident_id: int) -> tuple[DecisionRow, ...]:
    """Oldest first."""
    query = sa.select(*rows.columns(DecisionRow, decisions)).where(decisions.c.incident_id == incident_id)
    return tuple(DecisionRow(*row) for row in conn.execute(query.order_by(decisions.c.id)))
