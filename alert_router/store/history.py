"""What people ask of the past: pages of alerts, and one alert with its timeline."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alert_router.domain.matchers import Matcher
from alert_router.domain.model import Alert, Status
from alert_router.store import alerts as alert_rows
from alert_router.store.alerts import COLUMNS, alert_of
from alert_router.store.tables import alerts, cards, deliveries, to_json, transitions

MAX_SIBLINGS = 50
CHUNK = 500
"""How many rows are read at a time when the database cannot try a pattern itself."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a page is about; None and () leave a thing open."""

    status: Status | None = None
    severity: str | None = None
    alertname: str | None = None
    source: str | None = None
    matchers: tuple[Matcher, ...] = ()
    since: datetime | None = None
    """starts_at at or after."""
    until: datetime | None = None
    """starts_at before."""
    text: str | None = None
    """Anywhere in the name, labels and annotations, whatever the case."""


@dataclass(frozen=True, slots=True)
class Page:
    alerts: tuple[Alert, ...]
    next: int | None
    """The id before which the next page begins; None on the last."""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    at: datetime
    kind: str
    source: str
    detail: str


@dataclass(frozen=True, slots=True)
class DeliveryEntry:
    at: datetime
    channel: str
    action: str
    outcome: str
    status: int | None
    message_id: str | None
    took_ms: int
    detail: str


@dataclass(frozen=True, slots=True)
class Life:
    """One alert and all that happened to it and to its card."""

    alert: Alert
    transitions: tuple[TimelineEntry, ...]
    deliveries: tuple[DeliveryEntry, ...]
    siblings: tuple[Alert, ...]
    """Other alerts of the same incident, newest first, at most MAX_SIBLINGS."""


def page(conn: sa.Connection, filters: Filters, *, limit: int, before: int | None) -> Page:
    """Newest first. Keyset: the cost of a page does not grow with its distance from the top."""
    # PostgreSQL has regular expressions of another kind: there, the patterns are tried on rows already read.
    tried = tuple(one for one in filters.matchers if one.is_regex and conn.dialect.name != "sqlite")
    asked = replace(filters, matchers=tuple(one for one in filters.matchers if one not in tried))
    size = max(limit + 1, CHUNK) if tried else limit + 1
    found: list[Alert] = []
    while len(found) <= limit:
        chunk = _chunk(conn, asked, size=size, before=before)
        found += [alert for alert in chunk if all(one.matches(alert.labels) for one in tried)]
        if len(chunk) < size:
            break
        before = chunk[-1].id
    return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)


def _chunk(conn: sa.Connection, filters: Filters, *, size: int, before: int | None) -> list[Alert]:
    query = sa.select(*COLUMNS).where(*_conditions(filters)).order_by(alerts.c.id.desc()).limit(size)
    if before is not None:
        query = query.where(alerts.c.id < before)
    return [alert_of(row) for row in conn.execute(query)]


def life(conn: sa.Connection, alert_id: int) -> Life | None:
    alert = alert_rows.by_id(conn, alert_id)
    if alert is None:
        return None
    return Life(
        alert, _timeline(conn, alert_id), _deliveries(conn, alert.incident_id), _siblings(conn, alert)
    )


def firing(conn: sa.Connection) -> dict[str, int]:
    """How many alerts fire now, by severity."""
    rows = conn.execute(
        sa.select(alerts.c.severity, sa.func.count())
        .where(alerts.c.status == Status.FIRING)
        .group_by(alerts.c.severity)
    )
    return {str(severity): n for severity, n in rows}


def severities(conn: sa.Connection) -> list[str]:
    return list(conn.scalars(sa.select(alerts.c.severity).distinct().order_by(alerts.c.severity)))


def alertnames(conn: sa.Connection) -> list[str]:
    return list(conn.scalars(sa.select(alerts.c.alertname).distinct().order_by(alerts.c.alertname)))


def _conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    equal = {
        alerts.c.status: filters.status,
        alerts.c.severity: filters.severity,
        alerts.c.alertname: filters.alertname,
        alerts.c.source: filters.source,
    }
    found = [column == value for column, value in equal.items() if value is not None]
    if filters.since is not None:
        found.append(alerts.c.starts_at >= filters.since)
    if filters.until is not None:
        found.append(alerts.c.starts_at < filters.until)
    if filters.text:
        found.append(_contains(filters.text))
    return found + [_matches(matcher) for matcher in filters.matchers]


def _contains(text: str) -> sa.ColumnElement[bool]:
    as_json = to_json(text)[1:-1]  # there, a quote or a backslash is written with one before it
    return sa.or_(
        alerts.c.alertname.icontains(text, autoescape=True),
        *(
            sa.cast(column, sa.Text).icontains(as_json, autoescape=True)
            for column in (alerts.c.labels, alerts.c.annotations)
        ),
    )


def _matches(matcher: Matcher) -> sa.ColumnElement[bool]:
    """A label that is missing is the empty string, as everywhere in Prometheus."""
    value = sa.func.coalesce(alerts.c.labels[matcher.name].as_string(), "")
    if matcher.is_regex:
        found = value.regexp_match(matcher.pattern)
        return sa.not_(found) if matcher.negates else found
    return value != matcher.value if matcher.negates else value == matcher.value


def _timeline(conn: sa.Connection, alert_id: int) -> tuple[TimelineEntry, ...]:
    columns = (transitions.c.at, transitions.c.kind, transitions.c.source, transitions.c.detail)
    rows = conn.execute(
        sa.select(*columns).where(transitions.c.alert_id == alert_id).order_by(transitions.c.id)
    )
    return tuple(TimelineEntry(*row) for row in rows)


def _deliveries(conn: sa.Connection, incident_id: int) -> tuple[DeliveryEntry, ...]:
    """Of the incident's cards, and of the digests that tell them instead."""
    columns = [deliveries.c[name] for name in DeliveryEntry.__dataclass_fields__]
    own, folded = cards.alias("own"), cards.alias("folded")
    telling = sa.union(
        sa.select(own.c.id).where(own.c.incident_id == incident_id),
        sa.select(cards.c.id)
        .join(folded, folded.c.folded_into == cards.c.digest_id)
        .where(folded.c.incident_id == incident_id),
    )
    rows: Sequence[Any] = conn.execute(
        sa.select(*columns).where(deliveries.c.card_id.in_(telling)).order_by(deliveries.c.id)
    ).all()
    return tuple(DeliveryEntry(*row) for row in rows)


def _siblings(conn: sa.Connection, alert: Alert) -> tuple[Alert, ...]:
    rows = conn.execute(
        sa.select(*COLUMNS)
        .where(alerts.c.incident_id == alert.incident_id, alerts.c.id != alert.id)
        .order_by(alerts.c.id.desc())
        .limit(MAX_SIBLINGS)
    )
    return tuple(map(alert_of, rows))
