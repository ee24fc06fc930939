"""What changed before an incident: what was reported, and other incidents that began."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from alert_router.store import marks
from alert_router.store.tables import alerts

MAX_ROWS = 100
"""The latest are looked at: a storm has more alerts than a chart has room."""
MAX_CHANGES = 20


@dataclass(frozen=True, slots=True)
class Change:
    at: datetime
    text: str
    """In a few words, unescaped."""
    reported: bool
    """Somebody said so, such as a deployment; else it is the beginning of another incident."""


def before(conn: sa.Connection, incident_id: int, since: datetime, until: datetime) -> list[Change]:
    """The latest first."""
    reported = (Change(mark.at, mark.title, reported=True) for mark in marks.between(conn, since, until))
    found = [*reported, *_began(conn, incident_id, since, until)]
    return sorted(found, key=attrgetter("at"), reverse=True)[:MAX_CHANGES]


def _began(conn: sa.Connection, incident_id: int, since: datetime, until: datetime) -> Iterator[Change]:
    """Each incident once, with its latest alert of that time."""
    columns = (alerts.c.incident_id, alerts.c.alertname, alerts.c.starts_at, alerts.c.ends_at)
    query = (
        sa.select(*columns, alerts.c.source, alerts.c.annotations, alerts.c.severity_rank)
        .where(alerts.c.starts_at.between(since, until), alerts.c.incident_id != incident_id)
        .order_by(alerts.c.starts_at.desc(), alerts.c.id.desc())
        .limit(MAX_ROWS)
    )
    seen: dict[int, Any] = {}
    for row in conn.execute(query):
        seen.setdefault(row.incident_id, row)
    yield from islice(map(_change, seen.values()), MAX_CHANGES)


def _change(row: Any) -> Change:
    """A report that was over at once tells of something that was done; another alert tells that it began."""
    if row.source != "events" or row.ends_at != row.starts_at:
        return Change(row.starts_at, f"{row.alertname} began", reported=False)
    texts = (row.annotations.get("summary", ""), row.annotations.get("description", ""))
    return Change(row.starts_at, ": ".join(filter(None, texts)) or row.alertname, reported=True)
