"""Bodies and alerts that cannot be parsed, kept as they came with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import RefusedBody
from alert_router.store.tables import quarantine

_WAITS = quarantine.c.resolved_at.is_(None)


@dataclass(frozen=True, slots=True)
class Kept:
    id: int
    refused: RefusedBody


def keep(conn: sa.Connection, refused: Sequence[RefusedBody]) -> None:
    if refused:
        conn.execute(sa.insert(quarantine), list(map(_row, refused)))


def _row(refused: RefusedBody) -> dict[str, Any]:
    # The reason names fields as the sender did; PostgreSQL cannot store NUL.
    reason = refused.reason.replace("\x00", "\ufffd")
    return {"at": refused.at, "source": refused.source, "reason": reason, "body": refused.body}


def size(conn: sa.Connection) -> int:
    """How many wait for a person."""
    return conn.scalar(sa.select(sa.func.count()).select_from(quarantine).where(_WAITS)) or 0


def waiting(conn: sa.Connection, *, max_bytes: int) -> tuple[Kept, ...]:
    """Oldest first; of each body the first max_bytes bytes."""
    kept = quarantine.c
    body = sa.func.substr(kept.body, 1, max_bytes, type_=sa.LargeBinary)
    query = sa.select(kept.id, kept.at, kept.source, kept.reason, body).where(_WAITS).order_by(kept.id)
    return tuple(Kept(row[0], RefusedBody(*row[1:])) for row in conn.execute(query))


def resolve(conn: sa.Connection, now: datetime, ids: Sequence[int] | None = None) -> int:
    """Mark as dealt with by a person; how many that were. ids: None for all. They stay in the table."""
    statement = sa.update(quarantine).where(_WAITS)
    if ids is not None:
        statement = statement.where(quarantine.c.id.in_(ids))
    return conn.execute(statement.values(resolved_at=now)).rowcount
