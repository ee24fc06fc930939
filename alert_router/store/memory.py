"""The times before this one: of an incident's group or, where that names no alert, of its worst label set."""

from typing import Any

import sqlalchemy as sa

from alert_router.domain.memory import MAX_PAST, SPAN, Past
from alert_router.domain.model import Alert, Incident
from alert_router.store.tables import acknowledgements, alerts, incidents

ALERTNAME = "alertname"


def past(conn: sa.Connection, incident: Incident, worst: Alert | None) -> list[Past]:
    """Newest first: at most MAX_PAST, of the SPAN before it began."""
    if ALERTNAME in incident.group_labels:
        query = of_group(incident)
    elif worst is not None:
        query = of_label_set(worst)
    else:
        return []
    return [Past(row.began_at, row.ended_at, row.by, row.note or "") for row in conn.execute(query)]


def of_group(incident: Incident) -> sa.Select[Any]:
    return (
        _select(incidents.c.opened_at, incidents.c.resolved_at, incidents.c.id)
        .where(
            incidents.c.key == incident.key,
            incidents.c.id < incident.id,
            incidents.c.opened_at > incident.opened_at - SPAN,
        )
        .order_by(incidents.c.opened_at.desc(), incidents.c.id.desc())
        .limit(MAX_PAST)
    )


def of_label_set(alert: Alert) -> sa.Select[Any]:
    return (
        _select(alerts.c.starts_at, alerts.c.ends_at, alerts.c.incident_id)
        .where(
            alerts.c.source == alert.source,
            alerts.c.fingerprint == alert.fingerprint,
            alerts.c.starts_at > alert.starts_at - SPAN,
            alerts.c.starts_at < alert.starts_at,
        )
        .order_by(alerts.c.starts_at.desc())
        .limit(MAX_PAST)
    )


def _select(
    began_at: sa.Column[Any], ended_at: sa.Column[Any], incident_id: sa.Column[Any]
) -> sa.Select[Any]:
    """With who acknowledged the incident last."""
    others = acknowledgements.alias()
    newest = (
        sa.select(sa.func.max(others.c.id))
        .where(others.c.incident_id == incident_id)
        .correlate(incident_id.table)
        .scalar_subquery()
    )
    columns = (acknowledgements.c.by, acknowledgements.c.note)
    return sa.select(began_at.label("began_at"), ended_at.label("ended_at"), *columns).select_from(
        incident_id.table.outerjoin(acknowledgements, acknowledgements.c.id == newest)
    )
