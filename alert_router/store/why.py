"""Why there was, or was not, a new message about an alert: from the stored decisions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain import notify_words
from alert_router.domain.model import Alert, ChannelName, Origin, split_channels
from alert_router.domain.notify_values import Action, Reason
from alert_router.domain.notify_words import Facts
from alert_router.store import decisions
from alert_router.store.decisions import DecisionRow
from alert_router.store.tables import cards

MAX_DECISIONS = 200


@dataclass(frozen=True, slots=True)
class Explained:
    at: datetime
    action: str
    """create | edit | none"""
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one channel."""

    channel: ChannelName
    announced_at: datetime | None
    """When a message announced the alert; None: none has."""
    message_url: str | None
    sentence: str
    """The answer as it is now."""
    decisions: tuple[Explained, ...]
    """What was decided while the alert counted, oldest first, and before it the decision in force."""


@dataclass(frozen=True, slots=True)
class _Posted:
    at: datetime
    revision: int
    url: str | None


def of(conn: sa.Connection, alert: Alert, now: datetime) -> tuple[Answer, ...]:
    """One answer for each channel in which the alert is shown; none while it has not been decided."""
    made = decisions.of_incident(conn, alert.incident_id)[-MAX_DECISIONS:]
    channels = split_channels(alert.channels) or tuple(dict.fromkeys(one.channel for one in made))
    return tuple(
        _answer(alert, channel, _posted(conn, alert.incident_id, channel), _of_channel(made, channel), now)
        for channel in channels
    )


def _of_channel(made: Sequence[DecisionRow], channel: ChannelName) -> list[DecisionRow]:
    return [one for one in made if one.channel == channel]


def _answer(
    alert: Alert,
    channel: ChannelName,
    posted: Sequence[_Posted],
    made: Sequence[DecisionRow],
    now: datetime,
) -> Answer:
    first = next((one for one in posted if one.revision >= alert.revision), None)
    own = _in_force(made, alert)
    explained = tuple(
        Explained(one.at, one.action, one.reason, _sentence(one, posted, one.at)) for one in own
    )
    if first is not None:
        reason = next((one.reason for one in own if one.action == Action.CREATE), None)
        return Answer(channel, first.at, first.url, notify_words.announced(first.at, reason, now), explained)
    without = notify_words.BACKFILLED if alert.origin == Origin.BACKFILLED else notify_words.UNDECIDED
    sentence = _sentence(own[-1], posted, now) if own else without
    return Answer(channel, None, None, sentence, explained)


def _in_force(made: Sequence[DecisionRow], alert: Alert) -> list[DecisionRow]:
    """A decision is stored when it changes: what was decided before the alert may have been decided of it."""
    since = alert.counts_since or alert.received_at
    before = [one for one in made if one.at < since]
    return [*before[-1:], *(one for one in made if one.at >= since)]


def _sentence(one: DecisionRow, posted: Sequence[_Posted], now: datetime) -> str:
    last = next((card.at for card in reversed(posted) if card.at <= one.at), None)
    facts = Facts(Action(one.action), Reason(one.reason), one.at, posted_at=last, due_at=one.due_at)
    return notify_words.sentence(facts, now)


def _posted(conn: sa.Connection, incident_id: int, channel: ChannelName) -> list[_Posted]:
    return list(_cards(conn, incident_id, channel))


def _cards(conn: sa.Connection, incident_id: int, channel: ChannelName) -> Iterator[_Posted]:
    """Oldest first; of a folded card the message is the digest's."""
    digest = cards.alias("digest")
    query = (
        sa.select(
            cards.c.posted_at,
            sa.func.coalesce(cards.c.revision, 0),
            sa.func.coalesce(cards.c.message_url, digest.c.message_url),
        )
        .select_from(cards.outerjoin(digest, digest.c.digest_id == cards.c.folded_into))
        .where(
            cards.c.incident_id == incident_id,
            cards.c.channel == channel,
            cards.c.copy_of.is_(None),
            cards.c.posted_at.is_not(None),
            sa.or_(cards.c.state != "dead", cards.c.message_id.is_not(None)),
        )
        .order_by(cards.c.generation)
    )
    for row in conn.execute(query):
        yield _Posted(*row)
