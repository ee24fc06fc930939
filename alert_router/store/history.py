"""Alerts as people look them up: pages of a list, and one alert with its timeline."""

from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain.matchers import Matcher
from alert_router.domain.model import Alert, Status
from alert_router.store import alerts as alert_rows
from alert_router.store import deliveries, rows
from alert_router.store.alerts import COLUMNS, alert_of
from alert_router.store.deliveries import Delivery
from alert_router.store.tables import alerts, to_json, transitions

MAX_SIBLINGS = 50
CHUNK = 500
"""How many rows are read at a time when the database cannot match a pattern itself."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which alerts a page lists; None and () do not filter."""

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
class AlertDetail:
    """One alert with all that happened to it and to its card."""

    alert: Alert
    transitions: tuple[TimelineEntry, ...]
    deliveries: tuple[Delivery, ...]
    siblings: tuple[Alert, ...]
    """Other alerts of the same incident, newest first, at most MAX_SIBLINGS."""


def page(conn: sa.Connection, filters: Filters, *, limit: int, before: int | None) -> Page:
    """Newest first. Keyset: the cost of a page does not grow with its distance from the top."""
    # PostgreSQL has regular expressions of another kind: there, patterns are matched after reading.
    later = tuple(one for one in filters.matchers if one.is_regex and conn.dialect.name != "sqlite")
    in_sql = replace(filters, matchers=tuple(one for one in filters.matchers if one not in later))
    size = max(limit + 1, CHUNK) if later else limit + 1
    matching: list[Alert] = []
    while len(matching) <= limit:
        chunk = _chunk(conn, in_sql, size=size, before=before)
        matching += [alert for alert in chunk if all(one.matches(alert.labels) for one in later)]
        if len(chunk) < size:
            break
        before = chunk[-1].id
    return Page(tuple(matching[:limit]), matching[limit - 1].id if len(matching) > limit else None)


def _chunk(conn: sa.Connection, filters: Filters, *, size: int, before: int | None) -> list[Alert]:
    query = sa.select(*COLUMNS).where(*_conditions(filters)).order_by(alerts.c.id.desc()).limit(size)
    if before is not None:
        query = query.where(alerts.c.id < before)
    return [alert_of(row) for row in conn.execute(query)]


def alert_detail(conn: sa.Connection, alert_id: int) -> AlertDetail | None:
    alert = alert_rows.by_id(conn, alert_id)
    if alert is None:
        return None
    return AlertDetail(
        alert,
        _timeline(conn, alert_id),
        deliveries.of_incident(conn, alert.incident_id),
        _siblings(conn, alert),
    )


def firing(conn: sa.Connection) -> dict[str, int]:
    """How many alerts fire now, by severity."""
    query = sa.select(alerts.c.severity, sa.func.count()).where(alerts.c.status == Status.FIRING)
    return {str(severity): n for severity, n in conn.execute(query.group_by(alerts.c.severity))}


def values_of(conn: sa.Connection, column: str) -> tuple[str, ...]:
    """The different values that a column of `alerts` has."""
    return tuple(conn.scalars(sa.select(alerts.c[column]).distinct().order_by(alerts.c[column])))


def _conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    equal = {
        alerts.c.status: filters.status,
        alerts.c.severity: filters.severity,
        alerts.c.alertname: filters.alertname,
        alerts.c.source: filters.source,
    }
    conditions = [column == value for column, value in equal.items() if value is not None]
    if filters.since is not None:
        conditions.append(alerts.c.starts_at >= filters.since)
    if filters.until is not None:
        conditions.append(alerts.c.starts_at < filters.until)
    if filters.text:
        conditions.append(_contains(filters.text))
    return conditions + [_matches(matcher) for matcher in filters.matchers]


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
        matches = value.regexp_match(matcher.pattern)
        return sa.not_(matches) if matcher.negates else matches
    return value != matcher.value if matcher.negates else value == matcher.value


def _timeline(conn: sa.Connection, alert_id: int) -> tuple[TimelineEntry, ...]:
    query = sa.select(*rows.columns(TimelineEntry, transitions)).where(transitions.c.alert_id == alert_id)
    return tuple(TimelineEntry(*row) for row in conn.execute(query.order_by(transitions.c.id)))


def _siblings(conn: sa.Connection, alert: Alert) -> tuple[Alert, ...]:
    query = (
        sa.select(*COLUMNS)
        .where(alerts.c.incident_id == alert.incident_id, alerts.c.id != alert.id)
        .order_by(alerts.c.id.desc())
        .limit(MAX_SIBLINGS)
    )
    return tuple(map(alert_of, conn.execute(query)))
