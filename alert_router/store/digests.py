"""Digests: one card for many incidents when there are more than the rate limit allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.domain.model import (
    FALLBACK,
    Alert,
    ChannelName,
    DigestCount,
    DigestState,
    Status,
    severity_rank,
)
from alert_router.store import card_queue, rows
from alert_router.store.alerts import COLUMNS, alert_of
from alert_router.store.card_queue import EDIT, NEW_CRITICAL
from alert_router.store.card_state import MAIN_IS_BACK, MAIN_IS_DOWN
from alert_router.store.tables import alerts, cards, digests

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


def begin(conn: sa.Connection, channel: ChannelName, now: datetime) -> int:
    digest_id = conn.scalar(
        sa.insert(digests).values(channel=channel, began_at=now, last_folded_at=now).returning(digests.c.id)
    )
    conn.execute(
        sa.insert(cards).values(
            digest_id=digest_id,
            channel=channel,
            generation=1,
            priority=NEW_CRITICAL,
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
        conn.execute(sa.update(cards).where(cards.c.digest_id == digest_id).values(values))


def end(conn: sa.Connection, digest_id: int, now: datetime) -> None:
    conn.execute(sa.update(digests).where(digests.c.id == digest_id).values(ended_at=now))


def state(conn: sa.Connection, digest_id: int) -> DigestState:
    digest = conn.execute(sa.select(digests).where(digests.c.id == digest_id)).one()
    folded = sa.select(cards.c.incident_id).where(cards.c.folded_into == digest_id)
    inside = alerts.c.incident_id.in_(folded)
    # An incident whose severity rose during the storm has two cards in it.
    incidents = conn.scalar(
        sa.select(sa.func.count(sa.distinct(cards.c.incident_id))).where(cards.c.folded_into == digest_id)
    )
    earliest = conn.scalar(sa.select(sa.func.min(alerts.c.starts_at)).where(inside))
    return DigestState(
        began_at=digest.began_at,
        ended_at=digest.ended_at,
        incidents=incidents or 0,
        counts=_counts(conn, inside),
        alerts=_alerts(conn, inside),
        earliest=earliest or digest.began_at,
        note=_note(conn, digest_id, digest.channel),
    )


def _note(conn: sa.Connection, digest_id: int, channel: ChannelName) -> str:
    if channel != FALLBACK:
        return ""
    copies = sa.select(cards.c.id).where(cards.c.folded_into == digest_id, cards.c.mirrors_rev.is_not(None))
    return MAIN_IS_DOWN if conn.scalar(sa.select(copies.exists())) else MAIN_IS_BACK


def _counts(conn: sa.Connection, inside: sa.ColumnElement[bool]) -> tuple[DigestCount, ...]:
    firing = sa.func.sum(sa.case((alerts.c.status == Status.FIRING, 1), else_=0))
    rows = conn.execute(
        sa.select(alerts.c.alertname, alerts.c.severity, firing, sa.func.count())
        .where(inside)
        .group_by(alerts.c.alertname, alerts.c.severity)
    )
    counts = [DigestCount(name, severity, int(on), total - int(on)) for name, severity, on, total in rows]
    return tuple(sorted(counts, key=_worst_first))


def _worst_first(count: DigestCount) -> tuple[bool, int, int, str]:
    return (count.firing == 0, -severity_rank(count.severity), -count.firing, count.alertname)


def _alerts(conn: sa.Connection, inside: sa.ColumnElement[bool]) -> tuple[Alert, ...]:
    rows = conn.execute(
        sa.select(*COLUMNS)
        .where(inside)
        .order_by(alerts.c.status, sa.case((alerts.c.severity == "critical", 0), else_=1), alerts.c.id)
        .limit(MAX_ALERTS)
    )
    return tuple(map(alert_of, rows))
