"""One alert with its timeline, and the values that filters can have."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain.model import Alert
from alert_router.store import alerts as alert_rows
from alert_router.store import deliveries, rows, search_index
from alert_router.store.alerts import COLUMNS, alert_of
from alert_router.store.deliveries import Delivery
from alert_router.store.tables import alerts, transitions

MAX_SIBLINGS = 50
MAX_VALUES = 1_000


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


def alertnames(conn: sa.Connection) -> tuple[str, ...]:
    """Those of all alerts, at most MAX_VALUES: one look into the index for each, not a scan of it."""
    return tuple(conn.scalars(rows.each_value(alerts.c.alertname, MAX_VALUES)))


def label_names(conn: sa.Connection) -> tuple[str, ...]:
    """Those of all alerts, at most MAX_VALUES; one that is new appears after some seconds."""
    return search_index.label_names(conn, MAX_VALUES)


def values_of(
    conn: sa.Connection, name: str, *, prefix: str = "", limit: int = MAX_VALUES
) -> tuple[str, ...]:
    """The values of a label that begin so, in their order; one that is new appears after some seconds."""
    return search_index.suggestions(conn, name, prefix, limit)


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
