"""Copies, in a channel's fallback, of the cards that the channel does not take."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alert_router.domain import digest_policy
from alert_router.domain.model import ChannelName, Status
from alert_router.store import card_alerts, card_queue, digests, rows
from alert_router.store.card_queue import NEW, NEW_CRITICAL
from alert_router.store.tables import alerts, cards, incidents


@dataclass(frozen=True, slots=True)
class StuckCriteria:
    """Which pending cards of a channel are copied."""

    at_once: bool
    """All of them: the channel takes nothing."""
    failures: int
    """Those with so many failures in a row..."""
    since: datetime | None
    """...and those that have failed or were never sent, and have waited since then; None: not yet."""


@dataclass(frozen=True, slots=True)
class Original:
    """A stuck card whose copy is missing or outdated."""

    id: int
    incident_id: int
    escalates: str | None
    copy_of: str
    """The channel whose alerts it shows: its own, unless it is a copy itself."""
    wanted_rev: int
    priority: int
    reason: str
    mention_of: int | None
    copy_id: int | None
    """Its newest copy."""

    @property
    def needs_new_copy(self) -> bool:
        """A card that is newer than the copy notifies people anew."""
        return self.copy_id is None or self.copy_id < self.id


def outdated(
    conn: sa.Connection, channel: ChannelName, fallback: ChannelName, stuck: StuckCriteria
) -> list[Original]:
    copy, newest = cards.alias("copy"), cards.alias("newest")
    copy_of = sa.func.coalesce(cards.c.copy_of, channel)
    newest_copy_id = (
        sa.select(sa.func.max(newest.c.id))
        .where(
            newest.c.incident_id == cards.c.incident_id,
            newest.c.channel == fallback,
            newest.c.copy_of == copy_of,
            newest.c.escalates.is_not_distinct_from(cards.c.escalates),
        )
        .correlate(cards)
        .scalar_subquery()
    )
    columns = rows.columns(Original, cards, copy_of=copy_of, copy_id=copy.c.id)
    query = (
        sa.select(*columns)
        .select_from(cards.outerjoin(copy, copy.c.id == newest_copy_id))
        .where(
            cards.c.channel == channel,
            cards.c.incident_id.is_not(None),
            _is_stuck(conn, stuck),
            _is_current(),
            sa.or_(copy.c.id.is_(None), copy.c.mirrors_rev.is_distinct_from(cards.c.wanted_rev)),
        )
    )
    return [Original(*row) for row in conn.execute(query)]


def _is_current() -> sa.ColumnElement[bool]:
    newer = cards.alias("newer")
    return ~(
        sa.select(newer.c.id)
        .where(
            newer.c.incident_id == cards.c.incident_id,
            newer.c.id > cards.c.id,
            card_alerts.same_subject(newer, cards),
        )
        .exists()
    )


def _is_stuck(conn: sa.Connection, stuck: StuckCriteria) -> sa.ColumnElement[bool]:
    """By itself, or with the digest that shows it."""
    waiting_digests = conn.scalars(
        sa.select(cards.c.digest_id).where(cards.c.digest_id.is_not(None), _waits(stuck))
    ).all()
    if not waiting_digests:
        return _waits(stuck)
    return sa.or_(_waits(stuck), cards.c.folded_into.in_(waiting_digests))


def _waits(stuck: StuckCriteria) -> sa.ColumnElement[bool]:
    pending = cards.c.state == "pending"
    if stuck.at_once:
        return pending
    reasons = [cards.c.attempts >= stuck.failures]
    if stuck.since is not None:
        # A rate limit is not a failure of the card, but it delays the card all the same.
        hindered = sa.or_(cards.c.attempts > 0, cards.c.error.is_not(None), cards.c.message_id.is_(None))
        reasons.append(sa.and_(hindered, cards.c.waiting_since <= stuck.since))
    return sa.and_(pending, sa.or_(*reasons))


def copy(conn: sa.Connection, fallback: ChannelName, original: Original, now: datetime) -> None:
    """Make the copy, or mark it dirty."""
    create_priority = min(original.priority, NEW)
    if original.needs_new_copy:
        new = _NewCopy(
            incident_id=original.incident_id,
            channel=fallback,
            copy_of=original.copy_of,
            escalates=original.escalates,
            mirrors_rev=original.wanted_rev,
            priority=create_priority,
            reason=original.reason,
            mention_of=original.mention_of,
        )
        _insert(conn, new, now, replaces=original.copy_id)
        return
    conn.execute(
        sa.update(cards)
        .where(cards.c.id == original.copy_id)
        .values(mirrors_rev=original.wanted_rev, **card_queue.dirty(now, create_priority=create_priority))
    )
    _touch_digests(conn, [original.copy_id], now)


@dataclass(frozen=True, slots=True)
class OpenCopy:
    """A sent copy that is kept up to date."""

    id: int
    incident_id: int
    channel: ChannelName
    copy_of: ChannelName
    escalates: str | None
    mirrors_rev: int
    posted_at: datetime
    revision: int
    announced_rank: int | None
    is_acknowledged: bool


def with_news(conn: sa.Connection) -> list[OpenCopy]:
    """The copies that show a firing alert which none of their messages has announced.

    Their originals are not sent yet, so that the notify rule asks for no other message there.
    """
    news = (
        sa.select(alerts.c.id)
        .where(
            alerts.c.incident_id == cards.c.incident_id,
            alerts.c.status == Status.FIRING,
            alerts.c.suppressed.is_(None),
            alerts.c.revision > cards.c.revision,
            card_alerts.is_shown_by(cards),
        )
        .correlate(cards)
        .exists()
    )
    columns = rows.columns(OpenCopy, cards, is_acknowledged=incidents.c.acknowledged_at.is_not(None))
    query = (
        sa.select(*columns)
        .select_from(cards.join(incidents, incidents.c.id == cards.c.incident_id))
        .where(cards.c.mirrors_rev.is_not(None), cards.c.posted_at.is_not(None), news)
    )
    return [OpenCopy(*row) for row in conn.execute(query)]


def posted(conn: sa.Connection, copy: OpenCopy, since: datetime) -> list[tuple[datetime, int | None]]:
    """When copies of the same cards were posted since then, and the worst severity each of them announced."""
    query = sa.select(cards.c.posted_at, cards.c.announced_rank).where(
        cards.c.incident_id == copy.incident_id,
        cards.c.channel == copy.channel,
        cards.c.copy_of == copy.copy_of,
        cards.c.posted_at > since,
    )
    return [(row.posted_at, row.announced_rank) for row in conn.execute(query)]


def copy_anew(
    conn: sa.Connection, copy: OpenCopy, *, reason: str, mention_of: int | None, now: datetime
) -> None:
    """A new message, for people must be notified of what the copy shows since."""
    new = _NewCopy(
        incident_id=copy.incident_id,
        channel=copy.channel,
        copy_of=copy.copy_of,
        escalates=copy.escalates,
        mirrors_rev=copy.mirrors_rev,
        priority=NEW_CRITICAL,
        reason=reason,
        mention_of=mention_of,
    )
    _insert(conn, new, now, replaces=copy.id)


@dataclass(frozen=True, slots=True)
class _NewCopy:
    """The columns of a copy's card."""

    incident_id: int
    channel: ChannelName
    copy_of: str
    escalates: str | None
    mirrors_rev: int
    priority: int
    reason: str
    mention_of: int | None


def _insert(conn: sa.Connection, new: _NewCopy, now: datetime, *, replaces: int | None) -> None:
    """replaces: the copy that is not kept up to date any more."""
    conn.execute(sa.update(cards).where(cards.c.id == replaces).values(mirrors_rev=None))
    # Below zero: the channel may have cards of the incident of its own, which count upwards.
    last = sa.select(sa.func.min(cards.c.generation)).where(
        cards.c.incident_id == new.incident_id,
        cards.c.channel == new.channel,
        cards.c.copy_of.is_not(None),
    )
    generation = (conn.scalar(last) or 0) - 1
    conn.execute(
        sa.insert(cards).values(generation=generation, **rows.to_row(new), **card_queue.created(now))
    )


def _touch_digests(conn: sa.Connection, card_ids: Sequence[int | None], now: datetime) -> None:
    ids = rows.table_of(conn, {card_id for card_id in card_ids if card_id is not None}, sa.BigInteger())
    digest_ids = conn.scalars(
        sa.select(cards.c.folded_into)
        .where(cards.c.id.in_(sa.select(ids.c.value)), cards.c.folded_into.is_not(None))
        .distinct()
    ).all()
    digests.touch(conn, digest_ids, now, every_s=digest_policy.EDIT_EVERY_S)


def over(conn: sa.Connection, channel: ChannelName, fallback: ChannelName) -> list[int]:
    """The copies in the fallback of cards that the channel shows now."""
    query = sa.select(cards.c.id).where(
        cards.c.channel == fallback, cards.c.mirrors_rev.is_not(None), _is_delivered(channel)
    )
    return list(conn.scalars(query))


def abandoned(conn: sa.Connection, fallbacks: Collection[tuple[ChannelName, ChannelName]]) -> list[int]:
    """The copies that are kept up to date for a channel which does not exist, or has another fallback now.

    fallbacks: each channel that has one, and its fallback.
    """
    copies = conn.execute(
        sa.select(cards.c.id, cards.c.copy_of, cards.c.channel).where(cards.c.mirrors_rev.is_not(None))
    )
    # A channel's fallback may have a fallback in turn.
    chains = set(fallbacks)
    while longer := {(a, d) for a, b in chains for c, d in fallbacks if b == c} - chains:
        chains |= longer
    return [copy_id for copy_id, copy_of, channel in copies if (copy_of, channel) not in chains]


def end_copies(conn: sa.Connection, card_ids: Sequence[int], now: datetime) -> None:
    """Let the copies' messages say that they change no more. One that is not sent yet is never sent."""
    ids = rows.table_of(conn, card_ids, sa.BigInteger())
    ended = cards.c.id.in_(sa.select(ids.c.value))
    unsent = sa.and_(
        cards.c.message_id.is_(None), cards.c.lease.is_(None), cards.c.state.in_(("pending", "dead"))
    )
    conn.execute(
        sa.update(cards)
        .where(ended, unsent)
        .values(mirrors_rev=None, state="delivered", due_at=None, waiting_since=None, attempts=0, error=None)
    )
    conn.execute(
        sa.update(cards)
        .where(ended, cards.c.mirrors_rev.is_not(None))
        .values(mirrors_rev=None, **card_queue.dirty(now, create_priority=NEW))
    )
    _touch_digests(conn, card_ids, now)


def _is_delivered(channel: ChannelName) -> sa.ColumnElement[bool]:
    """By its own message in the channel, or by a digest there; or nothing is left to deliver there."""
    original, digest = cards.alias("original"), cards.alias("digest")
    delivered = sa.or_(
        original.c.state == "delivered",
        sa.and_(original.c.state == "folded", digest.c.state == "delivered"),
    )
    newest = cards.alias("newest")
    subject: list[Any] = [
        original.c.incident_id == cards.c.incident_id,
        original.c.channel == channel,
        original.c.escalates.is_not_distinct_from(cards.c.escalates),
        # A copy of a copy has the same channel in copy_of as the copy.
        sa.func.coalesce(original.c.copy_of, channel) == cards.c.copy_of,
    ]
    is_newest = ~(
        sa.select(newest.c.id)
        .where(
            newest.c.incident_id == original.c.incident_id,
            newest.c.id > original.c.id,
            card_alerts.same_subject(newest, original),
        )
        .exists()
    )
    return (
        sa.select(original.c.id)
        .select_from(original.outerjoin(digest, digest.c.digest_id == original.c.folded_into))
        .where(*subject, delivered, is_newest)
        .exists()
    )
