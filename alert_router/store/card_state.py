"""Everything that a card's message shows, read from the tables."""

from collections.abc import Iterable
from itertools import filterfalse
from operator import attrgetter

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
from alert_router.store.card_queue import Claim
from alert_router.store.incidents import incident_of
from alert_router.store.tables import alerts, cards, incidents, transitions

MAIN_IS_DOWN = "Sent here because the main channel does not take it."
MAIN_IS_BACK = "The main channel works again; updates are shown there."
MAX_ALERTS = 100
"""More than a message can list; the rest is counted."""


def of(conn: sa.Connection, claim: Claim) -> CardState:
    """What the claimed card of an incident must show."""
    row = conn.execute(sa.select(incidents).where(incidents.c.id == claim.incident_id)).one()
    incident = incident_of(row)
    shown, more = _alerts(conn, incident.id)
    return CardState(
        incident=incident,
        alerts=shown,
        more_alerts=more,
        generation=claim.generation,
        newer_url=_newer_url(conn, incident, claim.channel, claim.generation),
        note=_note(conn, claim) if claim.channel == FALLBACK else "",
        recoveries=_recoveries(conn, shown) if shown and not shown[-1].firing else {},
    )


def _note(conn: sa.Connection, claim: Claim) -> str:
    """In the fallback channel: why the card is there, and whether updates still come there."""
    mirrors = conn.scalar(sa.select(cards.c.mirrors_rev).where(cards.c.id == claim.card_id))
    return MAIN_IS_BACK if mirrors is None else MAIN_IS_DOWN


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
    newest = sorted(map(alert_of, rows), key=_worst_first)
    return tuple(newest[:MAX_ALERTS]), max(len(newest) - MAX_ALERTS, 0)


def _worst_first(alert: Alert) -> tuple[bool, int, int]:
    return not alert.firing, -severity_rank(alert.severity), -alert.id


def _newer_url(conn: sa.Connection, incident: Incident, channel: ChannelName, generation: int) -> str | None:
    """The message of a later generation of this incident, or of the incident that came after it.

    A folded card's message is that of its digest. Empty when its link is unknown; None when there is none.
    """
    digest = cards.alias("digest")
    url = sa.func.coalesce(cards.c.message_url, digest.c.message_url)
    sent = sa.and_(
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
            .where(sent, newer)
            .order_by(cards.c.id.desc())
            .limit(1)
        ).one_or_none()
        if row is not None:
            return row.url or ""
    return None


def _recoveries(conn: sa.Connection, shown: Iterable[Alert]) -> dict[int, str]:
    """Alert id to the reporter of its end, where that was a direct report."""
    resolved = filterfalse(attrgetter("firing"), shown)
    query = sa.select(transitions.c.alert_id, transitions.c.detail).where(
        transitions.c.alert_id.in_(list(map(attrgetter("id"), resolved))),
        transitions.c.kind == TransitionKind.RESOLVED,
        transitions.c.source == "events",
    )
    return dict(conn.execute(query.order_by(transitions.c.id)).all())


def newest_alert_id() -> sa.ScalarSelect[int | None]:
    """As a column of `cards`: the newest alert of the card's incident; NULL for a digest."""
    query = sa.select(sa.func.max(alerts.c.id)).where(alerts.c.incident_id == cards.c.incident_id)
    return query.scalar_subquery()
