"""What stands beside listed alerts: who has them, what silences them, which message shows them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import Alert, ChannelName, split_channels
from alert_router.store import card_queue, rows, silences
from alert_router.store.alert_conditions import POSTED
from alert_router.store.silences import Silence
from alert_router.store.tables import acknowledgements, alerts, cards, incidents

RECENT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    at: datetime
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class Message:
    """The newest message that shows an incident in a channel; a digest's where it was folded into one."""

    channel: ChannelName
    state: str
    """pending | delivered | dead"""
    url: str | None
    revision: int
    """The incident's, up to which it announces; -1: it was never posted."""


@dataclass(frozen=True, slots=True)
class ListedAlert:
    alert: Alert
    acknowledgement: Acknowledgement | None
    """Who has it, while it fires; who had it, once it is over."""
    silence: Silence | None
    """Set while Alertmanager silences it, where its API says why."""
    messages: tuple[Message, ...]
    """Of its channels, one each."""
    episodes_30d: int
    """How often its label set began to fire in the last 30 days, this time included."""

    @property
    def notified(self) -> bool:
        """A message has announced it."""
        return any(message.revision >= self.alert.revision for message in self.messages)


def with_extras(conn: sa.Connection, listed: Sequence[Alert], now: datetime) -> tuple[ListedAlert, ...]:
    if not listed:
        return ()
    incident_ids = {alert.incident_id for alert in listed}
    acknowledged = acknowledgements_of(conn, incident_ids)
    messages = messages_of(conn, incident_ids)
    episodes = _episodes(conn, listed, now - RECENT)
    silenced = silences.all_since(conn, now) if any(alert.suppressed for alert in listed) else ()
    return tuple(
        ListedAlert(
            alert,
            acknowledged.of(alert),
            silences.of(alert, silenced, now),
            _of_alert(messages[alert.incident_id], alert),
            episodes.get(alert.id, 1),
        )
        for alert in listed
    )


def _of_alert(messages: Iterable[Message], alert: Alert) -> tuple[Message, ...]:
    channels = split_channels(alert.channels)
    return tuple(message for message in messages if not channels or message.channel in channels)


@dataclass(frozen=True, slots=True)
class Acknowledgements:
    """Of some incidents."""

    present: Mapping[int, Acknowledgement]
    """By incident."""
    past: Mapping[int, Sequence[Acknowledgement]]
    """By incident, oldest first."""

    def of(self, alert: Alert) -> Acknowledgement | None:
        if alert.firing:
            return self.present.get(alert.incident_id)
        ended_at = max(alert.ends_at or alert.last_seen_at, alert.last_seen_at)
        own = [one for one in self.past.get(alert.incident_id, ()) if alert.starts_at <= one.at <= ended_at]
        return own[-1] if own else None


def acknowledgements_of(conn: sa.Connection, incident_ids: Iterable[int]) -> Acknowledgements:
    wanted = rows.table_of(conn, incident_ids, sa.BigInteger())
    past: dict[int, list[Acknowledgement]] = defaultdict(list)
    made = acknowledgements.c
    query = sa.select(made.incident_id, made.at, made.by, made.note).where(
        made.incident_id.in_(sa.select(wanted.c.value))
    )
    for incident_id, at, by, note in conn.execute(query.order_by(made.id)):
        past[incident_id].append(Acknowledgement(at, by, note))
    present: dict[int, Acknowledgement] = {}
    held = sa.select(incidents.c.id, incidents.c.acknowledged_at, incidents.c.acknowledged_by).where(
        incidents.c.id.in_(sa.select(wanted.c.value)), incidents.c.acknowledged_at.is_not(None)
    )
    for incident_id, at, by in conn.execute(held):
        notes = [one.note for one in past[incident_id] if one.at == at and one.by == by]
        present[incident_id] = Acknowledgement(at, by or "", notes[-1] if notes else "")
    return Acknowledgements(present, past)


def messages_of(conn: sa.Connection, incident_ids: Iterable[int]) -> Mapping[int, Sequence[Message]]:
    """By incident, the newest message of each channel; copies in a fallback channel do not count."""
    wanted, digest = rows.table_of(conn, incident_ids, sa.BigInteger()), cards.alias("digest")
    folded = cards.c.state == "folded"
    columns = (
        cards.c.incident_id,
        cards.c.channel,
        sa.case((folded, digest.c.state), else_=cards.c.state).label("state"),
        sa.case((folded, digest.c.message_url), else_=cards.c.message_url).label("url"),
        sa.case((POSTED, sa.func.coalesce(cards.c.revision, -1)), else_=-1).label("revision"),
    )
    query = (
        sa.select(*columns)
        .select_from(cards.outerjoin(digest, digest.c.digest_id == cards.c.folded_into))
        .where(
            cards.c.incident_id.in_(sa.select(wanted.c.value)),
            cards.c.copy_of.is_(None),
            cards.c.state != card_queue.HELD,
        )
        .order_by(cards.c.incident_id, cards.c.channel, cards.c.generation)
    )
    newest: dict[tuple[int, str], Message] = {}
    for row in conn.execute(query):
        newest[row.incident_id, row.channel] = _message(row, newest.get((row.incident_id, row.channel)))
    by_incident: dict[int, list[Message]] = defaultdict(list)
    for (incident_id, _), message in newest.items():
        by_incident[incident_id].append(message)
    return by_incident


def _message(row: Any, before: Message | None) -> Message:
    """What an earlier message announced stays announced."""
    revision = max(row.revision, before.revision if before else -1)
    url = row.url or (before.url if before else None)
    return Message(ChannelName(row.channel), row.state or "pending", url, revision)


def _episodes(conn: sa.Connection, listed: Sequence[Alert], since: datetime) -> Mapping[int, int]:
    """By alert."""
    wanted, other = (
        rows.table_of(conn, [alert.id for alert in listed], sa.BigInteger()),
        alerts.alias("other"),
    )
    number = (
        sa.select(sa.func.count())
        .where(
            other.c.source == alerts.c.source,
            other.c.fingerprint == alerts.c.fingerprint,
            other.c.starts_at >= since,
        )
        .correlate(alerts)
        .scalar_subquery()
    )
    query = sa.select(alerts.c.id, number).where(alerts.c.id.in_(sa.select(wanted.c.value)))
    return {alert_id: max(count, 1) for alert_id, count in conn.execute(query)}
