"""Alertmanager's silences: who silenced what, why, and until when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alert_router.domain.matchers import Matcher
from alert_router.domain.model import Alert
from alert_router.store import rows
from alert_router.store.tables import silences

MAX_BETWEEN = 20
"""As many as a chart has room for."""


@dataclass(frozen=True, slots=True)
class Silence:
    id: str
    source_url: str
    """Whose it is."""
    created_by: str
    comment: str
    starts_at: datetime
    ends_at: datetime
    matchers: tuple[Matcher, ...]

    def is_active(self, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at

    def matches(self, alert: Alert) -> bool:
        return all(matcher.matches(alert.labels) for matcher in self.matchers)


def save(conn: sa.Connection, seen: Iterable[Silence]) -> None:
    """What is known already is brought up to date: a silence can be extended, and expired by hand."""
    known = {row.id: dict(row._mapping) for row in conn.execute(sa.select(silences))}  # noqa: SLF001
    values = [row for silence in seen if (row := _row(silence)) != known.get(silence.id)]
    if not values:
        return
    statement = rows.upsert(conn.dialect.name, silences)
    names = ("created_by", "comment", "starts_at", "ends_at", "matchers")
    changes = {name: statement.excluded[name] for name in names}
    conn.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changes), values)


def _row(silence: Silence) -> dict[str, object]:
    matchers = [{"name": one.name, "operator": one.operator, "value": one.value} for one in silence.matchers]
    return {**rows.to_row(silence), "matchers": matchers}


def all_since(conn: sa.Connection, since: datetime) -> tuple[Silence, ...]:
    """In effect at that moment or later, the newest first."""
    query = sa.select(*rows.columns(Silence, silences)).where(silences.c.ends_at > since)
    found = conn.execute(query.order_by(silences.c.starts_at.desc(), silences.c.id))
    return tuple(map(_silence, found))


def between(conn: sa.Connection, since: datetime, until: datetime) -> tuple[Silence, ...]:
    """Begun or ended in this time, both ends included: the latest MAX_BETWEEN."""
    query = (
        sa.select(*rows.columns(Silence, silences))
        .where(silences.c.ends_at >= since, silences.c.starts_at <= until)
        .where(sa.or_(silences.c.starts_at >= since, silences.c.ends_at <= until))
        .order_by(silences.c.starts_at.desc(), silences.c.id)
        .limit(MAX_BETWEEN)
    )
    return tuple(map(_silence, conn.execute(query)))


def _silence(row: sa.Row[Any]) -> Silence:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    matchers = tuple(Matcher(one["name"], one["operator"], one["value"]) for one in fields["matchers"])
    return Silence(**(fields | {"matchers": matchers}))


def of(alert: Alert, known: Sequence[Silence], now: datetime) -> Silence | None:
    """The one that silences the alert now: of several, the one that lasts longest."""
    if alert.suppressed != "silenced" or not alert.firing:
        return None
    own = [silence for silence in known if silence.is_active(now) and silence.matches(alert)]
    return max(own, key=lambda silence: silence.ends_at, default=None)
