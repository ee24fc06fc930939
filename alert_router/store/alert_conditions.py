"""Filters as conditions of SQL on the table `alerts`. A condition decides; an index only finds candidates."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alert_router.domain.matchers import Matcher
from alert_router.domain.model import Status
from alert_router.store.filters import Filters, Standing
from alert_router.store.tables import alerts, cards, incidents, to_json

Condition = sa.ColumnElement[bool]

FIRES: Condition = alerts.c.status == sa.literal_column("'firing'")
"""The status is spelled as in the partial index: a bound parameter would not match its condition."""
IS_OVER: Condition = alerts.c.status == Status.RESOLVED
POSTED: Condition = sa.and_(
    cards.c.posted_at.is_not(None), sa.or_(cards.c.state != "dead", cards.c.message_id.is_not(None))
)
"""A message shows the card: its own, or a digest's. A refused one counts for the notify rule only."""
NOTIFIED: Condition = sa.exists().where(
    cards.c.incident_id == alerts.c.incident_id,
    cards.c.copy_of.is_(None),
    cards.c.revision >= alerts.c.revision,
    POSTED,
)


def label(name: str) -> sa.ColumnElement[str]:
    """A label that is missing is the empty string, as everywhere in Prometheus."""
    return sa.func.coalesce(alerts.c.labels[name].as_string(), "")


def matches(matcher: Matcher) -> Condition:
    value = label(matcher.name)
    if matcher.is_regex:
        found = value.regexp_match(matcher.pattern)
        return sa.not_(found) if matcher.negates else found
    return value != matcher.value if matcher.negates else value == matcher.value


def contains(text: str) -> Condition:
    as_json = to_json(text)[1:-1]  # there, a quote or a backslash is written with one before it
    return sa.or_(
        alerts.c.alertname.icontains(text, autoescape=True),
        *(
            sa.cast(column, sa.Text).icontains(as_json, autoescape=True)
            for column in (alerts.c.labels, alerts.c.annotations)
        ),
    )


def _standing(standing: Standing) -> Condition:
    match standing:
        case Standing.FIRING:
            return FIRES
        case Standing.RESOLVED:
            return IS_OVER
        case Standing.SILENCED:
            return sa.and_(FIRES, alerts.c.suppressed.is_not(None))
        case Standing.ACKNOWLEDGED:
            held = sa.exists().where(
                incidents.c.id == alerts.c.incident_id, incidents.c.acknowledged_at.is_not(None)
            )
            return sa.and_(FIRES, held)


def _since(moment: datetime) -> Condition:
    return alerts.c.starts_at >= moment


def _until(moment: datetime) -> Condition:
    return alerts.c.starts_at < moment


CONDITIONS: Mapping[str, Callable[[Any], Condition]] = {
    "status": _standing,
    "severity": lambda value: alerts.c.severity == value,
    "alertname": lambda value: alerts.c.alertname == value,
    "source": lambda value: alerts.c.source == value,
    "team": lambda value: label("team") == value,
    "notified": lambda value: NOTIFIED if value else sa.not_(NOTIFIED),
    "since": _since,
    "until": _until,
    "text": contains,
}
"""By field of Filters."""


def conditions(filters: Filters) -> list[Condition]:
    found = [
        condition(value)
        for field, condition in CONDITIONS.items()
        if (value := getattr(filters, field)) is not None and value != ""
    ]
    return found + [matches(matcher) for matcher in filters.matchers]


def split(filters: Filters, dialect: str) -> tuple[Filters, tuple[Matcher, ...]]:
    """What the database can decide, and the patterns that it cannot: PostgreSQL's are of another kind."""
    later = tuple(one for one in filters.matchers if one.is_regex and dialect != "sqlite")
    return replace(filters, matchers=tuple(one for one in filters.matchers if one not in later)), later
