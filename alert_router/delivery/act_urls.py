"""The links by which people act from a card."""

import sqlalchemy as sa

from alert_router.domain import act_links
from alert_router.domain.act_links import ActKind, ActLink, ActLinks, CardLinks
from alert_router.domain.model import CardState
from alert_router.sources.alertmanager import SOURCE
from alert_router.store import acts
from alert_router.store.card_queue import Claim


def of(conn: sa.Connection, claim: Claim, state: CardState, links: ActLinks | None) -> CardLinks:
    """None where nothing fires. Only what is stored goes in, so that the card changes with it alone."""
    incident = state.incident
    if links is None or not links.signer.key or not incident.is_firing or claim.created_at is None:
        return CardLinks()
    turns, expires_at = acts.turns(conn, incident.id), act_links.expiry(claim.created_at)

    def url(kind: ActKind, turn: int) -> str:
        return links.url(ActLink(kind, incident.id, turn, expires_at))

    can_silence = links.silences and any(alert.firing and alert.source == SOURCE for alert in state.alerts)
    return CardLinks(
        acknowledge="" if incident.acknowledged_at else url(ActKind.ACKNOWLEDGE, turns.acknowledge),
        unacknowledge=url(ActKind.UNACKNOWLEDGE, turns.acknowledge) if incident.acknowledged_at else "",
        silence=url(ActKind.SILENCE, turns.silence) if can_silence else "",
    )
