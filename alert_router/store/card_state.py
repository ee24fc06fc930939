"""Everything that a card's message shows, read from the tables."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import filterfalse
from operator import attrgetter

import sqlalchemy as sa

from alert_router.domain import overview
from alert_router.domain.model import Alert, CardState, ChannelName, Incident, TransitionKind
from alert_router.store import card_alerts, rows
from alert_router.store.alerts import COLUMNS, alert_of
from alert_router.store.card_queue import Claim
from alert_router.store.incidents import incident_of
from alert_router.store.tables import alerts, cards, incidents, transitions

MAX_ALERTS = 100
"""More than a message can list; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Why the card is in its channel, and why people are notified by it."""

    channel: ChannelName
    escalates: ChannelName | None
    """The channel whose alerts are shown beside those of its own, for nobody has acknowledged them."""
    copy_of: ChannelName | None
    """The channel that did not take the card of which this is a copy."""
    mirrors_rev: int | None
    """Set while the copy is kept up to date."""
    reason: str
    mention_of: int | None

    @property
    def routed_to(self) -> ChannelName:
        """The channel whose card it is, or would be."""
        return self.copy_of or self.channel


def subject_of(conn: sa.Connection, card_id: int) -> Subject:
    columns = rows.columns(Subject, cards)
    return Subject(*conn.execute(sa.select(*columns).where(cards.c.id == card_id)).one())


def of(conn: sa.Connection, claim: Claim) -> CardState:
    """What the claimed card of an incident must show, but for notes and announcements."""
    # The incident first: an episode that begins meanwhile may be shown, but does not count as announced.
    row = conn.execute(sa.select(incidents).where(incidents.c.id == claim.incident_id)).one()
    incident = incident_of(row)
    newest = _alerts(conn, incident.id, claim.card_id)
    shown = tuple(newest[:MAX_ALERTS])
    return CardState(
        # Its other alerts are shown in other channels.
        incident=replace(incident, firing=sum(alert.firing for alert in newest)),
        alerts=shown,
        more_alerts=len(newest) - len(shown),
        generation=claim.generation,
        newer_url=_newer_url(conn, incident, claim),
        recoveries=_recoveries(conn, shown) if shown and not shown[-1].firing else {},
        overview=overview.of(newest),
    )


@dataclass(frozen=True, slots=True)
class Previous:
    """The card that announced before this one."""

    posted_at: datetime
    revision: int


_OF_CARD: sa.BindParameter[int] = sa.bindparam("of_card", type_=sa.BigInteger)
_CARD, _DIGEST = cards.alias("card"), cards.alias("digest")
_PREVIOUS = (
    sa.select(cards.c.posted_at, cards.c.revision)
    .select_from(_CARD)
    .join(cards, sa.and_(cards.c.incident_id == _CARD.c.incident_id, card_alerts.same_subject(cards, _CARD)))
    .where(_CARD.c.id == _OF_CARD, cards.c.id < _CARD.c.id, cards.c.posted_at.is_not(None))
    .order_by(cards.c.id.desc())
    .limit(1)
)


def previous_of(conn: sa.Connection, claim: Claim) -> Previous | None:
    """The newest posted one of the same incident and subject."""
    row = conn.execute(_PREVIOUS, {"of_card": claim.card_id}).one_or_none()
    return Previous(row.posted_at, row.revision or 0) if row else None


def moved_to(conn: sa.Connection, incident_id: int) -> list[str]:
    """The channels in which alerts of the incident are shown now."""
    channels = conn.scalars(
        sa.select(alerts.c.channels).where(alerts.c.incident_id == incident_id).distinct()
    )
    return sorted({name for text in channels for name in text.split("|") if name})


def _alerts(conn: sa.Connection, incident_id: int, card_id: int) -> list[Alert]:
    newest_ids = (
        sa.select(sa.func.max(alerts.c.id))
        .select_from(alerts.join(cards, cards.c.id == card_id))
        .where(alerts.c.incident_id == incident_id, card_alerts.is_shown_by(cards))
        .group_by(alerts.c.source, alerts.c.fingerprint)
    )
    episodes = conn.execute(sa.select(*COLUMNS).where(alerts.c.id.in_(newest_ids)))
    return sorted(map(alert_of, episodes), key=_worst_first)


def _worst_first(alert: Alert) -> tuple[bool, int, int]:
    return not alert.firing, -alert.severity_rank, -alert.id


_OF_INCIDENT: sa.BindParameter[int] = sa.bindparam("of_incident", type_=sa.BigInteger)
_NEXT_INCIDENTS = sa.select(incidents.c.id).where(
    incidents.c.key == sa.bindparam("of_key", type_=sa.Text), incidents.c.previous_id == _OF_INCIDENT
)
_NEWER = (
    sa.select(sa.func.coalesce(cards.c.message_url, _DIGEST.c.message_url))
    .select_from(
        _CARD.join(cards, card_alerts.same_subject(cards, _CARD)).outerjoin(
            _DIGEST, _DIGEST.c.digest_id == cards.c.folded_into
        )
    )
    .where(_CARD.c.id == _OF_CARD, sa.or_(cards.c.message_id.is_not(None), _DIGEST.c.message_id.is_not(None)))
    .order_by(cards.c.id.desc())
    .limit(1)
)
_NEXT_GENERATION = _NEWER.where(cards.c.incident_id == _OF_INCIDENT, cards.c.id > _OF_CARD)
_NEXT_INCIDENT = _NEWER.where(cards.c.incident_id.in_(_NEXT_INCIDENTS))


def _newer_url(conn: sa.Connection, incident: Incident, claim: Claim) -> str | None:
    """The message of a later card of this incident, or of the incident that came after it.

    A folded card's message is that of its digest. Empty when its link is unknown; None when there is none.
    """
    of_card = {"of_card": claim.card_id, "of_incident": incident.id}
    row = (
        conn.execute(_NEXT_GENERATION, of_card).one_or_none()
        or conn.execute(_NEXT_INCIDENT, {**of_card, "of_key": incident.key}).one_or_none()
    )
    return (row[0] or "") if row else None


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
