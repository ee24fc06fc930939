"""What the notify rule is asked about: the episodes of incidents and their cards."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import CLOCK_SKEW_S, ChannelName, Labels, Status, split_channels
from alert_router.domain.notify_values import Beginning, Episode, Posted
from alert_router.domain.severity import Severity
from alert_router.store import card_queue, rows
from alert_router.store.tables import alerts, cards, decisions

MAX_EPISODES = 500
"""Of an incident, the episodes that are read: so many that fire, and so many that are over; the last to begin
first, so that what no message has announced is among them."""
MAX_WAIT = timedelta(hours=1)
"""Decisions are taken again after this long at the latest: a time further ahead was written before the clock
was set back."""
MAX_DUE = 200
"""How many incidents are decided in one transaction."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card of an incident: the newest of its channel, or posted lately."""

    id: int
    incident_id: int
    channel: ChannelName
    generation: int
    state: str
    message_id: str | None
    posted_at: datetime | None
    revision: int | None
    announced_rank: int | None
    decide_at: datetime | None
    escalates: str | None
    last_action: str | None
    last_reason: str | None
    last_due_at: datetime | None
    """The last decision about its channel."""

    @property
    def is_held(self) -> bool:
        """It marks a channel that has not been notified yet, and may be later."""
        return self.state == card_queue.HELD

    @property
    def is_unsent(self) -> bool:
        """Its message is on its way; a folded card's is that of its digest."""
        if self.state == "folded":
            return self.posted_at is None
        return self.state == "pending" and self.message_id is None

    @property
    def posted(self) -> Posted | None:
        if self.posted_at is None:
            return None
        rank = self.announced_rank
        return Posted(self.posted_at, self.revision or 0, None if rank is None else Severity(rank))


@dataclass(frozen=True, slots=True)
class Member:
    """An episode, where it is shown, and by which labels its route is chosen."""

    episode: Episode
    channels: tuple[ChannelName, ...]
    """Empty: it has not been routed yet, and is shown everywhere."""
    labels: Labels

    def is_in(self, channel: str) -> bool:
        return not self.channels or channel in self.channels


@dataclass(frozen=True, slots=True)
class State:
    """Of one incident."""

    members: Sequence[Member] = ()
    cards: Mapping[ChannelName, Sequence[Card]] = field(default_factory=dict)
    """By channel, the newest generation first."""


def read(conn: sa.Connection, incident_ids: Collection[int], since: datetime) -> Mapping[int, State]:
    """since: cards posted later are read beside the newest ones."""
    keys = rows.bound(conn, incident_ids)
    episodes: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    for row in conn.execute(_episodes(conn.dialect.name), keys):
        episodes[row.incident_id].append(row)
    own: dict[int, dict[ChannelName, list[Card]]] = defaultdict(lambda: defaultdict(list))
    for row in conn.execute(_cards(conn.dialect.name), {**keys, "since": since}):
        own[row.incident_id][row.channel].append(Card(*row))
    return {id_: State(_members(episodes[id_]), own[id_]) for id_ in incident_ids}


@cache
def _episodes(dialect: str) -> sa.Select[Any]:
    wanted = rows.table(dialect, sa.BigInteger())
    place = sa.func.row_number().over(
        partition_by=(alerts.c.incident_id, alerts.c.status),
        order_by=(alerts.c.revision.desc(), alerts.c.id.desc()),
    )
    columns = (
        alerts.c.id,
        alerts.c.incident_id,
        alerts.c.source,
        alerts.c.fingerprint,
        alerts.c.alertname,
        alerts.c.identity,
        alerts.c.severity_rank,
        alerts.c.status,
        alerts.c.suppressed,
        alerts.c.revision,
        sa.func.coalesce(alerts.c.counts_since, alerts.c.received_at).label("counts_since"),
        alerts.c.ends_at,
        alerts.c.beginning,
        alerts.c.channels,
        alerts.c.labels,
    )
    query = sa.select(*columns, place.label("place")).where(
        alerts.c.incident_id.in_(sa.select(wanted.c.value))
    )
    placed = query.subquery()
    return sa.select(placed).where(placed.c.place <= MAX_EPISODES).order_by(placed.c.id)


def _members(rows_: Sequence[sa.Row[Any]]) -> list[Member]:
    """A direct report and the monitoring's own alert for the same thing are one trouble, announced once."""
    reported = {_reported(row) for row in rows_ if row.source == "events"}
    if not reported:
        return [_member(row, "") for row in rows_]
    return [_member(row, _reported(row) if _reported(row) in reported else "") for row in rows_]


def _reported(row: sa.Row[Any]) -> str:
    return f"{row.alertname} {row.labels.get('model_type', '')}"


def _member(row: sa.Row[Any], identity: str) -> Member:
    episode = episode_of(row)
    if identity:
        episode = replace(episode, identity=identity)
    return Member(episode, split_channels(row.channels), row.labels)


def episode_of(alert: Any) -> Episode:
    """alert: a row, or an Alert that counts."""
    return Episode(
        id=alert.id,
        series=alert.fingerprint,
        identity=alert.identity or alert.fingerprint,
        severity=Severity(alert.severity_rank),
        firing=alert.status == Status.FIRING,
        suppressed=bool(alert.suppressed),
        revision=alert.revision,
        counts_since=alert.counts_since or alert.received_at,
        ended_at=alert.ends_at,
        beginning=Beginning(alert.beginning),
    )


@cache
def _cards(dialect: str) -> sa.Select[Any]:
    wanted = rows.table(dialect, sa.BigInteger())
    newer, last = cards.alias("newer"), decisions.alias("last")
    newest = (
        sa.select(sa.func.max(newer.c.generation))
        .where(newer.c.incident_id == cards.c.incident_id, newer.c.channel == cards.c.channel)
        .scalar_subquery()
    )
    last_id = (
        sa.select(sa.func.max(decisions.c.id))
        .where(decisions.c.incident_id == cards.c.incident_id, decisions.c.channel == cards.c.channel)
        .scalar_subquery()
    )
    columns = rows.columns(
        Card, cards, last_action=last.c.action, last_reason=last.c.reason, last_due_at=last.c.due_at
    )
    since = sa.bindparam("since", type_=cards.c.posted_at.type)
    return (
        sa.select(*columns)
        .select_from(cards.outerjoin(last, last.c.id == last_id))
        .where(
            cards.c.incident_id.in_(sa.select(wanted.c.value)),
            cards.c.copy_of.is_(None),
            sa.or_(cards.c.generation == newest, cards.c.posted_at > since, cards.c.decide_at.is_not(None)),
        )
        .order_by(cards.c.incident_id, cards.c.channel, cards.c.generation.desc())
    )


def channels(conn: sa.Connection, incident_ids: Collection[int]) -> Mapping[int, AbstractSet[str]]:
    """By incident, the channels in which it has cards that were posted."""
    wanted = rows.table_of(conn, incident_ids, sa.BigInteger())
    query = sa.select(cards.c.incident_id, cards.c.channel).where(
        cards.c.incident_id.in_(sa.select(wanted.c.value)), cards.c.posted_at.is_not(None)
    )
    by_incident: dict[int, set[str]] = defaultdict(set)
    for incident_id, channel in conn.execute(query):
        by_incident[incident_id].add(channel)
    return by_incident


_NOW = sa.bindparam("now", type_=cards.c.decide_at.type)
_LATEST = sa.bindparam("latest", type_=cards.c.decide_at.type)
_HAS_TIME = sa.and_(cards.c.decide_at.is_not(None), cards.c.incident_id.is_not(None))
# A statement for each, which reads a range of the partial index.
_DUE = sa.union(
    sa.select(cards.c.incident_id).where(_HAS_TIME, cards.c.decide_at <= _NOW),
    sa.select(cards.c.incident_id).where(_HAS_TIME, cards.c.decide_at > _LATEST),
).limit(MAX_DUE)


def due(conn: sa.Connection, now: datetime) -> list[int]:
    """Incidents about which the rule must be asked again, for time has passed."""
    latest = now + MAX_WAIT + timedelta(seconds=CLOCK_SKEW_S)
    return list(conn.scalars(_DUE, {"now": now, "latest": latest}))


def decide_at(due_at: datetime | None, now: datetime, before: datetime | None = None) -> datetime | None:
    """When to ask again: at this moment, or at an earlier one that is known already, if this is far ahead."""
    if due_at is None or due_at <= now + MAX_WAIT:
        return due_at
    return before if before is not None and now < before <= now + MAX_WAIT else now + MAX_WAIT


def first_alarm(
    conn: sa.Connection, incident_id: int, channel: ChannelName, *, since: datetime, lowest: Severity
) -> datetime | None:
    """When the channel first posted, since then, a card with a firing episode of at least this severity."""
    moment: datetime | None = conn.scalar(
        sa.select(sa.func.min(cards.c.posted_at)).where(
            cards.c.incident_id == incident_id,
            cards.c.channel == channel,
            cards.c.posted_at >= since,
            cards.c.announced_rank >= lowest,
        )
    )
    return moment


def last_escalation(conn: sa.Connection, incident_id: int, channel: ChannelName) -> datetime | None:
    """When the incident was last escalated from this channel."""
    moment: datetime | None = conn.scalar(
        sa.select(sa.func.max(cards.c.posted_at)).where(
            cards.c.incident_id == incident_id, cards.c.escalates == channel
        )
    )
    return moment
