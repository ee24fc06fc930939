"""The question a card asks: everything its message tells."""

from collections.abc import Iterable

import sqlalchemy as sa

from alert_router.domain.model import (
    FALLBACK,
    Alert,
    CardState,
    ChannelName,
    Incident,
    TransitionKind,
    severity_rank,
)
from alert_router.store.alerts import COLUMNS, alert_of
from alert_router.store.incidents import incident_of
from alert_router.store.tables import alerts, cards, incidents, transitions

TOLD_HERE = "Told here because the main channel does not take it."
WORKS_AGAIN = "The main channel works again and tells how this goes on."
MAX_ALERTS = 100
"""More than a message can hold; the rest is counted."""


def of(conn: sa.Connection, *, incident_id: int, channel: ChannelName, generation: int) -> CardState:
    """The card of this generation of the incident, in this channel."""
    row = conn.execute(sa.select(incidents).where(incidents.c.id == incident_id)).one()
    incident = incident_of(row)
    shown, more = _alerts(conn, incident_id)
    return CardState(
        incident=incident,
        alerts=shown,
        more_alerts=more,
        generation=generation,
        newer_url=_newer_url(conn, incident, channel, generation),
        note=_note(conn, incident_id, channel, generation),
        recoveries=_recoveries(conn, [alert.id for alert in shown if not alert.firing]),
    )


def _note(conn: sa.Connection, incident_id: int, channel: ChannelName, generation: int) -> str:
    """In the fallback channel: why people read it there, and whether they still should."""
    if channel != FALLBACK:
        return ""
    mirrors = conn.scalar(
        sa.select(cards.c.mirrors_rev).where(
            cards.c.incident_id == incident_id, cards.c.generation == generation, cards.c.channel == channel
        )
    )
    return WORKS_AGAIN if mirrors is None else TOLD_HERE


def _alerts(conn: sa.Connection, incident_id: int) -> tuple[tuple[Alert, ...], int]:
    newest_ids = (
        sa.select(sa.func.max(alerts.c.id))
        .where(alerts.c.incident_id == incident_id)
        .group_by(alerts.c.source, alerts.c.fingerprint)
    )
    rows = conn.execute(
        sa.select(*COLUMNS)
        .where(alerts.c.id.in_(newest_ids))
        .order_by(alerts.c.status, alerts.c.id.desc())  # "firing" comes before "resolved"
    )
    found = sorted(map(alert_of, rows), key=_weight)
    return tuple(found[:MAX_ALERTS]), max(len(found) - MAX_ALERTS, 0)


def _weight(alert: Alert) -> tuple[bool, int, int]:
    return not alert.firing, -severity_rank(alert.severity), -alert.id


def _newer_url(conn: sa.Connection, incident: Incident, channel: ChannelName, generation: int) -> str | None:
    """The next generation of this incident, or the first card of the one that came after it.

    What was folded is told by its digest's message.
    """
    digest = cards.alias("digest")
    url = sa.func.coalesce(cards.c.message_url, digest.c.message_url)
    told = sa.and_(
        cards.c.channel == channel, sa.or_(cards.c.message_id.is_not(None), digest.c.message_id.is_not(None))
    )
    next_generation = sa.and_(cards.c.incident_id == incident.id, cards.c.generation > generation)
    next_incident = cards.c.incident_id.in_(
        sa.select(incidents.c.id).where(
            incidents.c.key == incident.key, incidents.c.previous_id == incident.id
        )
    )
    for newer in (next_generation, next_incident):
        row = conn.execute(
            sa.select(url.label("url"))
            .select_from(cards.outerjoin(digest, digest.c.digest_id == cards.c.folded_into))
            .where(told, newer)
            .order_by(cards.c.id.desc())
            .limit(1)
        ).one_or_none()
        if row is not None:
            return row.url or ""
    return None


def _recoveries(conn: sa.Connection, alert_ids: Iterable[int]) -> dict[int, str]:
    rows = conn.execute(
        sa.select(transitions.c.alert_id, transitions.c.detail)
        .where(
            transitions.c.alert_id.in_(list(alert_ids)),
            transitions.c.kind == TransitionKind.RESOLVED,
            transitions.c.source == "events",
        )
        .order_by(transitions.c.id)
    )
    return {row.alert_id: row.detail for row in rows}
