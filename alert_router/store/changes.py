"""What changed before an incident: what was reported, silences, and other incidents that began."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

import sqlalchemy as sa

from alert_router.store import marks, silences
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
    """Somebody did it, such as a deployment or a silence; else it is the beginning of another incident."""


def before(conn: sa.Connection, incident_id: int, since: datetime, until: datetime) -> list[Change]:
    """What was reported first, for it is more often the reason; of each kind, the latest first."""
    reported = (Change(mark.at, mark.title, reported=True) for mark in marks.between(conn, since, until))
    silenced = _silenced(conn, since, until)
    found = [*reported, *silenced, *_began(conn, incident_id, since, until)]
    return sorted(found, key=attrgetter("reported", "at"), reverse=True)[:MAX_CHANGES]


def _silenced(conn: sa.Connection, since: datetime, until: datetime) -> Iterator[Change]:
    """That a silence ended matters as much: what it hid is heard again."""
    for silence in silences.between(conn, since, until):
        what = ", ".join(map(str, silence.matchers))
        if since <= silence.starts_at <= until:
            yield Change(silence.starts_at, f"{silence.created_by} silenced {what}", reported=True)
        if since <= silence.ends_at <= until:
            yield Change(silence.ends_at, f"the silence of {what} ended", reported=True)


def _began(conn: sa.Connection, incident_id: int, since: datetime, until: datetime) -> Iterator[Change]:
    """Each incident once, by its latest alert of that time. A report that was over at once began nothing."""
    lasted = sa.or_(alerts.c.ends_at.is_(None), alerts.c.ends_at > alerts.c.starts_at)
    query = (
        sa.select(alerts.c.incident_id, alerts.c.alertname, alerts.c.starts_at)
        .where(alerts.c.starts_at.between(since, until), alerts.c.incident_id != incident_id, lasted)
        .order_by(alerts.c.starts_at.desc(), alerts.c.id.desc())
        .limit(MAX_ROWS)
    )
    seen: set[int] = set()
    for row in conn.execute(query):
        if row.incident_id not in seen:
            seen.add(row.incident_id)
            yield Change(row.starts_at, f"{row.alertname} began", reported=False)
