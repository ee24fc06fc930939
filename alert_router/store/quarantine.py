"""What could not be understood, kept as it came with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alert_router.store.tables import quarantine


@dataclass(frozen=True, slots=True)
class Refused:
    at: datetime
    source: str
    reason: str
    body: bytes
    alerts: int = 1
    """How many are in it."""


def keep(conn: sa.Connection, refused: Sequence[Refused]) -> None:
    if refused:
        conn.execute(sa.insert(quarantine), [_row(one) for one in refused])


def _row(one: Refused) -> dict[str, Any]:
    # The reason names fields as the sender did; PostgreSQL stores no NUL in a text.
    reason = one.reason.replace("\x00", "\ufffd")
    return {"at": one.at, "source": one.source, "reason": reason, "body": one.body}


def size(conn: sa.Connection) -> int:
    """How many wait for a person to look at them."""
    query = sa.select(sa.func.count()).select_from(quarantine).where(quarantine.c.resolved_at.is_(None))
    return conn.scalar(query) or 0
