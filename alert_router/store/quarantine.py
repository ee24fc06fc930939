"""What could not be understood, kept as it came with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alert_router.store.tables import quarantine

_WAITS = quarantine.c.resolved_at.is_(None)


@dataclass(frozen=True, slots=True)
class Refused:
    at: datetime
    source: str
    reason: str
    body: bytes
    alerts: int = 1
    """How many are in it."""


@dataclass(frozen=True, slots=True)
class Kept:
    id: int
    refused: Refused


def keep(conn: sa.Connection, refused: Sequence[Refused]) -> None:
    if refused:
        conn.execute(sa.insert(quarantine), [_row(one) for one in refused])


def _row(one: Refused) -> dict[str, Any]:
    # The reason names fields as the sender did; PostgreSQL stores no NUL in a text.
    reason = one.reason.replace("\x00", "\ufffd")
    return {"at": one.at, "source": one.source, "reason": reason, "body": one.body}


def size(conn: sa.Connection) -> int:
    """How many wait for a person to look at them."""
    return conn.scalar(sa.select(sa.func.count()).select_from(quarantine).where(_WAITS)) or 0


def waiting(conn: sa.Connection, *, most_bytes: int) -> tuple[Kept, ...]:
    """Oldest first; of each body so many bytes."""
    kept = quarantine.c
    body = sa.func.substr(kept.body, 1, most_bytes, type_=sa.LargeBinary)
    query = sa.select(kept.id, kept.at, kept.source, kept.reason, body).where(_WAITS).order_by(kept.id)
    return tuple(Kept(row[0], Refused(*row[1:])) for row in conn.execute(query))


def resolve(conn: sa.Connection, now: datetime, ids: Sequence[int] | None = None) -> int:
    """A person has dealt with them; how many. None: all of them. They stay in the table."""
    statement = sa.update(quarantine).where(_WAITS)
    if ids is not None:
        statement = statement.where(quarantine.c.id.in_(ids))
    return conn.execute(statement.values(resolved_at=now)).rowcount
