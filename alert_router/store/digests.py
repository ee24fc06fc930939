"""Digests: one card for many incidents when there are more than the rate limit allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.domain.model import Alert, ChannelName, DigestCount, DigestState, Status
from alert_router.domain.notify_values import Reason
from alert_router.store import card_alerts, card_queue, rows
from alert_router.store.alerts import COLUMNS, alert_of
from alert_router.store.card_queue import EDIT, NEW_CRITICAL
from alert_router.store.tables import alerts, cards, digests, incidents

MAX_ALERTS = 120
"""More than a message can list; the counts cover all of them."""

_NEW = sa.and_(
    cards.c.due_at.is_not(None),
    cards.c.message_id.is_(None),
    cards.c.digest_id.is_(None),
    cards.c.lease.is_(None),
)
"""Cards that are due, without a message and not being delivered."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What decides about a channel's digest."""

    waiting: int
    """How many new cards wait."""
    digest_id: int | None
    """The open digest; None where there is none."""
    last_folded_at: datetime | None


_OPEN = (
    sa.select(digests.c.id, digests.c.last_folded_at)
    .where(digests.c.channel == sa.bindparam("of_channel"), digests.c.ended_at.is_(None))
    .subquery("open")
)
_WAITING = (
    sa.select(sa.func.count()).where(cards.c.channel == sa.bindparam("of_channel"), _NEW).scalar_subquery()
)
_ONE = sa.select(_WAITING.label("waiting")).subquery("one")
_BACKLOG = sa.select(_ONE.c.waiting, _OPEN.c.id, _OPEN.c.last_folded_at).select_from(
    _ONE.outerjoin(_OPEN, sa.true())
)


def backlog(conn: sa.Connection, channel: ChannelName) -> Backlog:
    return Backlog(*conn.execute(_BACKLOG, {"of_channel": channel}).one())


def begin(conn: sa.Connection, channel: ChannelName, now: datetime, *, reason: Reason = Reason.FIRST) -> int:
    digest_id = conn.scalar(
        sa.insert(digests).values(channel=channel, began_at=now, last_folded_at=now).returning(digests.c.id)
    )
    conn.execute(
        sa.insert(cards).values(
            digest_id=digest_id,
            channel=channel,
            generation=1,
            priority=NEW_CRITICAL,
            reason=reason,
            **card_queue.created(now),
        )
    )
    return int(digest_id or 0)


def fold(
    conn: sa.Connection, channel: ChannelName, digest_id: int, now: datetime, *, single: int
) -> int | None:
    """Fold the waiting new cards into the digest, except the first `single` critical ones.

    The most urgent priority among the folded cards; None when there is none.
    """
    critical = (
        sa.select(cards.c.id)
        .where(cards.c.channel == channel, _NEW, cards.c.priority == NEW_CRITICAL)
        .order_by(cards.c.due_at, cards.c.id)
        .limit(single)
    )
    folded = conn.execute(
        sa.update(cards)
        .where(cards.c.channel == channel, _NEW, cards.c.id.not_in(critical))
        .values(state="folded", folded_into=digest_id, due_at=None, waiting_since=None)
        .returning(cards.c.id, cards.c.priority)
    ).all()
    if folded:
        conn.execute(sa.update(digests).where(digests.c.id == digest_id).values(last_folded_at=now))
        ids = rows.table_of(conn, [row.id for row in folded], sa.BigInteger())
        card_queue.mark_replaced_dirty(conn, channel, cards.c.id.in_(sa.select(ids.c.value)), now)
    return min((row.priority for row in folded), default=None)


def touch(
    conn: sa.Connection, digest_ids: Sequence[int], now: datetime, *, every_s: float, priority: int = EDIT
) -> None:
    """Mark the digests' cards dirty, to be edited at most once in `every_s` seconds.

    priority: of the change. A digest that has folded critical alerts is as urgent as they are.
    """
    more_urgent = sa.and_(cards.c.due_at.is_not(None), cards.c.priority < priority)
    edit_priority = sa.case((more_urgent, cards.c.priority), else_=priority)
    for digest_id in digest_ids:
        sent_at = conn.scalar(sa.select(cards.c.sent_at).where(cards.c.digest_id == digest_id))
        edit_at = max(now, sent_at + timedelta(seconds=every_s)) if sent_at else now
        values = card_queue.dirty(
            edit_at,
            create_priority=NEW_CRITICAL,
            edit_priority=edit_priority,
            due_at=sa.func.coalesce(cards.c.due_at, edit_at),
        )
        conn.execute(sa.update(cards).where(cards.c.digest_id == digest_id).values(**values, decide_at=now))


def end(conn: sa.Connection, digest_id: int, now: datetime) -> None:
    end_all(conn, [digest_id], now)


def end_all(conn: sa.Connection, digest_ids: Sequence[int], now: datetime) -> None:
    """Those that are open fold nothing more."""
    conn.execute(
        sa.update(digests)
        .where(digests.c.id.in_(digest_ids), digests.c.ended_at.is_(None))
        .values(ended_at=now)
    )


def replace(conn: sa.Connection, digest_ids: Sequence[int], new_id: int) -> None:
    """Move what still fires into the new digest; the messages of the others will link to it."""
    firing = sa.select(incidents.c.id).where(
        incidents.c.id == cards.c.incident_id, incidents.c.status == Status.FIRING
    )
    conn.execute(
        sa.update(cards)
        .where(cards.c.folded_into.in_(digest_ids), firing.exists())
        .values(folded_into=new_id)
    )
    conn.execute(sa.update(digests).where(digests.c.id.in_(digest_ids)).values(replaced_by=new_id))
    conn.execute(sa.update(cards).where(cards.c.digest_id.in_(digest_ids)).values(decide_at=None))


def decide_at(conn: sa.Connection, digest_ids: Sequence[int], at: datetime | None) -> None:
    """When to ask the notify rule about the digests."""
    conn.execute(sa.update(cards).where(cards.c.digest_id.in_(digest_ids)).values(decide_at=at))


def to_decide(conn: sa.Connection, channel: ChannelName, now: datetime) -> list[int]:
    """The digests of the channel about which the notify rule is to be asked, and that were sent."""
    query = sa.select(cards.c.digest_id).where(
        cards.c.decide_at <= now,
        cards.c.channel == channel,
        cards.c.digest_id.is_not(None),
        cards.c.posted_at.is_not(None),
    )
    return list(conn.scalars(query))


@dataclass(frozen=True, slots=True)
class UnannouncedAlert:
    """A firing alert that was folded into a digest after the digest's message had been created."""

    alert: Alert
    routed_to: ChannelName
    escalates: ChannelName | None
    """The channel in which nobody has acknowledged it."""
    acknowledged: bool


def unannounced(conn: sa.Connection, digest_id: int, limit: int) -> list[UnannouncedAlert]:
    """Worst first."""
    routed_to = sa.func.coalesce(cards.c.copy_of, cards.c.channel)
    query = (
        sa.select(alerts.c.id, routed_to, cards.c.escalates, incidents.c.acknowledged_at.is_not(None))
        .select_from(
            cards.join(incidents, incidents.c.id == cards.c.incident_id).join(
                alerts, alerts.c.incident_id == incidents.c.id
            )
        )
        .where(
            cards.c.folded_into == digest_id,
            cards.c.revision.is_(None),
            alerts.c.status == Status.FIRING,
            alerts.c.suppressed.is_(None),
            card_alerts.is_shown_by(cards),
        )
        .order_by(alerts.c.severity_rank.desc(), alerts.c.id)
        .limit(limit)
    )
    episodes = conn.execute(query).all()
    ids = rows.table_of(conn, [row[0] for row in episodes], sa.BigInteger())
    by_id = {
        row.id: alert_of(row)
        for row in conn.execute(sa.select(*COLUMNS).where(alerts.c.id.in_(sa.select(ids.c.value))))
    }
    return [UnannouncedAlert(by_id[alert_id], *rest) for alert_id, *rest in episodes]


@dataclass(frozen=True, slots=True)
class PostedDigest:
    id: int
    posted_at: datetime
    announced_rank: int | None


def posted(conn: sa.Connection, channel: ChannelName, limit: int) -> list[PostedDigest]:
    """The newest messages of digests in the channel."""
    query = (
        sa.select(cards.c.digest_id, cards.c.posted_at, cards.c.announced_rank)
        .select_from(digests.join(cards, cards.c.digest_id == digests.c.id))
        .where(digests.c.channel == channel, cards.c.posted_at.is_not(None))
        .order_by(digests.c.id.desc())
        .limit(limit)
    )
    return [PostedDigest(*row) for row in conn.execute(query)]


def reason_of(conn: sa.Connection, digest_id: int) -> str:
    """Why people are notified by the digest's message."""
    return str(conn.scalar(sa.select(cards.c.reason).where(cards.c.digest_id == digest_id)))


def replaced_at(conn: sa.Connection, digest_id: int) -> datetime | None:
    """When the message was created that this digest replaces; None where it is the first."""
    replaced = sa.select(digests.c.id).where(digests.c.replaced_by == digest_id)
    moment: datetime | None = conn.scalar(
        sa.select(sa.func.max(cards.c.posted_at)).where(cards.c.digest_id.in_(replaced))
    )
    return moment


def copied_channels(conn: sa.Connection, digest_id: int) -> dict[ChannelName, bool]:
    """The channels whose copies the digest shows, and whether any of these is still kept up to date."""
    query = (
        sa.select(cards.c.copy_of, sa.func.count(cards.c.mirrors_rev))
        .where(cards.c.folded_into == digest_id, cards.c.copy_of.is_not(None))
        .group_by(cards.c.copy_of)
        .order_by(cards.c.copy_of)
    )
    return {ChannelName(name): bool(count) for name, count in conn.execute(query)}


def state(conn: sa.Connection, digest_id: int) -> DigestState:
    """What the digest's card shows, but for notes and announcements."""
    digest = conn.execute(sa.select(digests).where(digests.c.id == digest_id)).one()
    inside = _inside(digest_id)
    # An incident that was announced anew during the storm has two cards in it.
    incident_count = conn.scalar(
        sa.select(sa.func.count(sa.distinct(cards.c.incident_id))).where(cards.c.folded_into == digest_id)
    )
    earliest = conn.scalar(sa.select(sa.func.min(alerts.c.starts_at)).where(inside))
    return DigestState(
        began_at=digest.began_at,
        ended_at=digest.ended_at,
        incidents=incident_count or 0,
        counts=_counts(conn, inside),
        alerts=_alerts(conn, inside),
        earliest=earliest or digest.began_at,
        newer_url=_newer_url(conn, digest.replaced_by),
    )


def _inside(digest_id: int) -> sa.ColumnElement[bool]:
    """The alerts of the folded cards: of each card those that it would show."""
    folded = (
        sa.select(alerts.c.id)
        .select_from(cards.join(alerts, alerts.c.incident_id == cards.c.incident_id))
        .where(cards.c.folded_into == digest_id, card_alerts.is_shown_by(cards))
    )
    return alerts.c.id.in_(folded)


def _newer_url(conn: sa.Connection, digest_id: int | None) -> str | None:
    """Of the message that took over, once it was sent; empty when its link is unknown."""
    if digest_id is None:
        return None
    sent = sa.select(cards.c.message_url).where(
        cards.c.digest_id == digest_id, cards.c.message_id.is_not(None)
    )
    row = conn.execute(sent).one_or_none()
    return (row.message_url or "") if row else None


def _counts(conn: sa.Connection, inside: sa.ColumnElement[bool]) -> tuple[DigestCount, ...]:
    firing = sa.func.sum(sa.case((alerts.c.status == Status.FIRING, 1), else_=0))
    rank = sa.func.max(alerts.c.severity_rank)
    counts = conn.execute(
        sa.select(alerts.c.alertname, alerts.c.severity, firing, sa.func.count(), rank)
        .where(inside)
        .group_by(alerts.c.alertname, alerts.c.severity)
    )
    worst_first = sorted(counts, key=lambda row: (not row[2], -row[4], -row[2], row[0]))
    return tuple(
        DigestCount(name, severity, int(on), total - int(on), rank)
        for name, severity, on, total, rank in worst_first
    )


def _alerts(conn: sa.Connection, inside: sa.ColumnElement[bool]) -> tuple[Alert, ...]:
    worst_first = (
        sa.select(*COLUMNS)
        .where(inside)
        .order_by(alerts.c.status, alerts.c.severity_rank.desc(), alerts.c.id)
        .limit(MAX_ALERTS)
    )
    return tuple(map(alert_of, conn.execute(worst_first)))
