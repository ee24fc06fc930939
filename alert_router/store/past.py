"""Stored alerts and what happened to them, for a replay. Two queries, however many there are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain.model import Labels
from alert_router.store.tables import alerts, incidents, transitions

FETCHED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class PastAlert:
    id: int
    fingerprint: str
    alertname: str
    labels: Labels
    sent_to: str
    ends_at: datetime | None
    incident_key: str
    """Of the group that its source sent."""


@dataclass(frozen=True, slots=True)
class PastTransition:
    alert_id: int
    at: datetime
    kind: str
    detail: str


def alerts_since(conn: sa.Connection, since: datetime) -> Mapping[int, PastAlert]:
    """Of the incidents that were open at that moment or later, with what they had before it."""
    query = (
        sa.select(
            alerts.c.id,
            alerts.c.fingerprint,
            alerts.c.alertname,
            alerts.c.labels,
            alerts.c.sent_to,
            alerts.c.ends_at,
            incidents.c.key,
        )
        .join(incidents, incidents.c.id == alerts.c.incident_id)
        .where(_open_since(since))
    )
    rows = conn.execution_options(yield_per=FETCHED_AT_ONCE).execute(query)
    return {row[0]: PastAlert(*row) for row in rows}


def transitions_since(conn: sa.Connection, since: datetime) -> Iterator[PastTransition]:
    """Of the same alerts, in the order in which they were recorded."""
    query = (
        sa.select(transitions.c.alert_id, transitions.c.at, transitions.c.kind, transitions.c.detail)
        .join(alerts, alerts.c.id == transitions.c.alert_id)
        .join(incidents, incidents.c.id == alerts.c.incident_id)
        .where(_open_since(since))
        .order_by(transitions.c.id)
    )
    rows = conn.execution_options(yield_per=FETCHED_AT_ONCE).execute(query)
    return (PastTransition(*row) for row in rows)


def _open_since(since: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(incidents.c.resolved_at.is_(None), incidents.c.resolved_at >= since)
