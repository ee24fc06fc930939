"""The queue of cards: which are due in a channel, who delivers one, what became of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from alert_router.domain import rate_limits
from alert_router.domain.model import CLOCK_SKEW_S, ChannelName, Status
from alert_router.domain.notify_values import Reason
from alert_router.domain.rate_limits import Capacity
from alert_router.store import rows
from alert_router.store.table_writer import TableWriter
from alert_router.store.tables import cards, digests, incidents

NEW_CRITICAL, NEW, RESOLVE, EDIT = range(4)
"""The order in which cards are delivered."""
HELD = "held"
"""The state of a card that may be requested later: quiet hours, or all of its alerts are silenced."""
LEASE_S = 30.0
"""Longer than a request to Discord takes, by either of two clocks, so that a lease ends only when its holder
is gone; and no longer, because the card of a crashed router waits until then."""
NEW_POST = ""
"""The thread_id of a card whose forum post is gone: the next message opens another."""
MAX_DELAY_S = 300.0
"""The furthest ahead that a card is ever made due."""


@dataclass(frozen=True, slots=True)
class NewCard:
    """A request for a message that shows an incident's present state in a channel."""

    incident_id: int
    channel: ChannelName
    generation: int
    priority: int
    due_at: datetime
    waiting_since: datetime
    created_at: datetime
    """All three are the time of the request."""
    reason: str = Reason.FIRST
    """Why there is a new message."""
    mention_of: int | None = None
    """The alert by whose route people are mentioned."""
    escalates: str | None = None
    """The channel whose alerts it shows beside those of its own, because nobody has acknowledged them."""


@dataclass(frozen=True, slots=True)
class CardEdit:
    """A request to show the incident's present state in a card that there is."""

    of_incident: int
    of_channel: ChannelName
    of_generation: int
    create_priority: int
    """Of one that is not sent yet."""
    edit_priority: int
    now: datetime
    edit_at: datetime
    """Later than now, by at most MAX_DELAY_S, for an edit that may wait for others to join it."""
    mention: int | None = None
    """The alert by whose route people are mentioned, of a card that is not sent yet; None changes nothing."""


@dataclass(frozen=True, slots=True)
class HeldCard:
    """The first card of a channel that must not be notified now."""

    incident_id: int
    channel: ChannelName
    created_at: datetime
    decide_at: datetime | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A card that this router may deliver until the lease ends."""

    card_id: int
    incident_id: int | None
    """None: it is a digest's card."""
    digest_id: int | None
    channel: ChannelName
    generation: int
    wanted_rev: int
    attempts: int
    degraded: int
    lease: str
    message_id: str | None
    sent_hash: str | None
    old_edit: bool
    """It edits a message older than Discord's hour, which has a rate limit of its own."""
    thread_id: str | None = None
    """Where its message is, or is to be: the forum post of the incident's earlier cards. Empty: a new one."""
    content: str | None = None
    """Of its message, as created."""
    created_at: datetime | None = None
    """When the card was requested."""


def created(at: datetime) -> dict[str, datetime]:
    """The columns of a new card that depend on the time; tables.py has the others' defaults."""
    return {"due_at": at, "waiting_since": at, "created_at": at}


_HOLD = sa.insert(cards).values(generation=1, state=HELD, priority=NEW)
_DECIDE_AT = (
    sa.update(cards)
    .where(cards.c.id == sa.bindparam("which"))
    .values(decide_at=sa.bindparam("moment", type_=cards.c.decide_at.type))
)


def dirty(
    at: datetime | sa.ColumnElement[Any],
    *,
    create_priority: Any,
    edit_priority: Any = EDIT,
    due_at: Any = None,
) -> dict[str, Any]:
    """The columns of a card whose wanted state has changed at this time. due_at: the same if None.

    A folded card stays in its digest: the digest is edited instead.
    """
    if isinstance(at, datetime):
        at = sa.literal(at, cards.c.due_at.type)
    folded = cards.c.folded_into.is_not(None)
    return {
        "wanted_rev": cards.c.wanted_rev + 1,
        "state": sa.case((folded, "folded"), else_="pending"),
        "due_at": sa.case((folded, sa.null()), else_=at if due_at is None else due_at),
        "waiting_since": sa.case((folded, sa.null()), else_=sa.func.coalesce(cards.c.waiting_since, at)),
        "attempts": sa.case((cards.c.state == "dead", 0), else_=cards.c.attempts),
        "priority": sa.case((cards.c.message_id.is_(None), create_priority), else_=edit_priority),
    }


def _request_anew(statement: rows.Insert) -> rows.Insert:
    """A card that marked a channel as held becomes the new one; one that is there shows the state."""
    now, held = statement.excluded.created_at, cards.c.state == HELD
    values = dirty(now, create_priority=statement.excluded.priority, due_at=_due_at(now, now))
    return statement.on_conflict_do_update(
        index_elements=["incident_id", "channel", "generation"],
        set_={
            **values,
            "created_at": sa.case((held, now), else_=cards.c.created_at),
            "reason": sa.case((held, statement.excluded.reason), else_=cards.c.reason),
            "mention_of": _mention(statement.excluded.mention_of),
        },
    )


create = TableWriter(cards, NewCard, _request_anew).insert


def edit(conn: sa.Connection, edits: Sequence[CardEdit]) -> None:
    """Mark cards dirty. A card in back-off keeps its due time."""
    conn.execute(_EDIT, list(map(rows.to_row, edits)))


def _due_at(now: sa.ColumnElement[Any], edit_at: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    backs_off = sa.and_(cards.c.state == "pending", cards.c.attempts > 0, cards.c.due_at > now)
    return sa.case(
        (backs_off, cards.c.due_at),
        (cards.c.message_id.is_(None), now),
        # A change never postpones an earlier one: a card that changes all the time would never be edited.
        (cards.c.due_at < edit_at, cards.c.due_at),
        else_=edit_at,
    )


def _mention(alert_id: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    known = cards.c.mention_of
    return sa.case((cards.c.message_id.is_(None), sa.func.coalesce(alert_id, known)), else_=known)


def _time(name: str) -> sa.BindParameter[datetime]:
    return sa.bindparam(name, type_=cards.c.due_at.type)


_EDIT = (
    sa.update(cards)
    .where(
        cards.c.incident_id == sa.bindparam("of_incident", type_=sa.BigInteger),
        cards.c.channel == sa.bindparam("of_channel"),
        cards.c.generation == sa.bindparam("of_generation"),
    )
    .values(
        **dirty(
            _time("now"),
            create_priority=sa.bindparam("create_priority", type_=sa.Integer),
            edit_priority=sa.bindparam("edit_priority", type_=sa.Integer),
            due_at=_due_at(_time("now"), _time("edit_at")),
        ),
        mention_of=_mention(sa.bindparam("mention", type_=sa.BigInteger)),
    )
)


def hold(conn: sa.Connection, held: Sequence[HeldCard]) -> None:
    """Mark channels that are not notified yet: the rule says when, or whether."""
    conn.execute(_HOLD, list(map(rows.to_row, held)))


def decide_at(conn: sa.Connection, moments: Sequence[tuple[int, datetime | None]]) -> None:
    """When the notify rule is asked again about the incidents of these cards; None: not by time alone."""
    conn.execute(_DECIDE_AT, [{"which": card_id, "moment": moment} for card_id, moment in moments])


def digests_of(conn: sa.Connection, incident_ids: Collection[int]) -> list[int]:
    """The digests that show cards of these incidents."""
    return list(conn.scalars(_digests_of(conn.dialect.name), rows.bound(conn, incident_ids)))


@cache
def _digests_of(dialect: str) -> sa.Select[tuple[int]]:
    ids = rows.table(dialect, sa.BigInteger())
    return (
        sa.select(cards.c.folded_into)
        .where(cards.c.incident_id.in_(sa.select(ids.c.value)), cards.c.folded_into.is_not(None))
        .distinct()
    )


def is_due(conn: sa.Connection, channel: ChannelName, now: datetime, capacity: Capacity) -> bool:
    """Whether `claim` would find a card."""
    return conn.scalar(_NEXT, _claim_parameters(channel, now, capacity)) is not None


def claim(
    conn: sa.Connection, channel: ChannelName, now: datetime, capacity: Capacity, *, lease: str
) -> Claim | None:
    """The next card to deliver in this channel, taken until the lease ends; None when none is due.

    lease: a name nobody else has, the fence of the outcome.
    """
    lease_until = now + timedelta(seconds=LEASE_S)
    parameters = {"new_lease": lease, "new_lease_until": lease_until}
    row = conn.execute(_CLAIM, parameters | _claim_parameters(channel, now, capacity)).one_or_none()
    return _in_its_post(conn, Claim(*row)) if row else None


def _in_its_post(conn: sa.Connection, claim: Claim) -> Claim:
    """A new card of an incident that has a forum post already."""
    if claim.thread_id is not None or claim.message_id is not None or claim.incident_id is None:
        return claim
    parameters = {"of_incident": claim.incident_id, "of_channel": claim.channel}
    return replace(claim, thread_id=conn.scalar(_POST, parameters))


def _claim_parameters(channel: ChannelName, now: datetime, capacity: Capacity) -> dict[str, Any]:
    skew = timedelta(seconds=CLOCK_SKEW_S)
    return {
        "of_channel": channel,
        "max_priority": NEW_CRITICAL if capacity.critical_only else EDIT,
        "old_edits": capacity.old_edits,
        "now": now,
        "past_clock": now + skew,
        "past_delay": now + timedelta(seconds=MAX_DELAY_S) + skew,
        "past_lease": now + timedelta(seconds=LEASE_S) + skew,
        "hour_ago": now - timedelta(seconds=rate_limits.OLD_MESSAGE_S),
    }


# A time further ahead than it is ever set was written before the clock stepped back; ignore it. A message
# from before such a step may be old: its age is not known.
_IS_DUE = sa.or_(cards.c.due_at <= _time("now"), cards.c.due_at > _time("past_delay"))
_IS_FREE = sa.or_(
    cards.c.lease_until.is_(None),
    cards.c.lease_until <= _time("now"),
    cards.c.lease_until > _time("past_lease"),
)
_IS_OLD_EDIT = sa.and_(
    cards.c.message_id.is_not(None),
    sa.or_(cards.c.created_at <= _time("hour_ago"), cards.c.created_at > _time("past_clock")),
)
_NEXT = (
    sa.select(cards.c.id)
    .where(
        cards.c.channel == sa.bindparam("of_channel"),
        cards.c.due_at.is_not(None),  # spelled out, so that the partial index can serve it
        cards.c.priority <= sa.bindparam("max_priority"),
        _IS_DUE,
        _IS_FREE,
        sa.or_(sa.bindparam("old_edits", type_=sa.Boolean), sa.not_(_IS_OLD_EDIT)),
    )
    .order_by(cards.c.priority, cards.c.due_at, cards.c.id)
    .limit(1)
)
_POST = (
    sa.select(cards.c.thread_id)
    .where(
        cards.c.incident_id == sa.bindparam("of_incident", type_=sa.BigInteger),
        cards.c.channel == sa.bindparam("of_channel"),
        cards.c.thread_id.is_not(None),
    )
    .order_by(cards.c.id.desc())
    .limit(1)
)
"""Each card of an incident in a forum is a message in the same post."""
_CLAIM = (
    sa.update(cards)
    .where(cards.c.id == _NEXT.scalar_subquery())
    .values(lease=sa.bindparam("new_lease"), lease_until=_time("new_lease_until"))
    .returning(
        *rows.columns(
            Claim,
            cards,
            card_id=cards.c.id,
            old_edit=_IS_OLD_EDIT,
            content=cards.c.sent_body["content"].as_string(),
        )
    )
)
_IS_RESOLVED = (
    sa.select(incidents.c.id)
    .where(incidents.c.id == cards.c.incident_id, incidents.c.status == Status.RESOLVED)
    .exists()
)
_EDIT_PRIORITY = sa.case(
    # A digest is as urgent as what it has folded since.
    (cards.c.digest_id.is_not(None), cards.c.priority),
    (_IS_RESOLVED, RESOLVE),
    else_=EDIT,
)
"""Of a card that became dirty while it was delivered: a resolve goes before other edits."""


def settle(
    conn: sa.Connection, claim: Claim, now: datetime, values: Mapping[str, Any], *, done: bool
) -> bool:
    """Store the outcome of the claimed card and release it; False when the lease was lost to another router.

    done: the claimed state needs no further delivery. A card that became dirty meanwhile stays due.
    """
    current = cards.c.wanted_rev == claim.wanted_rev
    released: dict[str, Any] = {"lease": None, "lease_until": None}
    if done:
        has_message = values.get("message_id", claim.message_id) is not None
        released |= {
            "due_at": sa.case((current, sa.null()), else_=now),
            "waiting_since": sa.case((current, sa.null()), else_=now),
            "state": sa.case((current, values.get("state", "delivered")), else_="pending"),
            # A card that nobody has seen yet stays as urgent as it was.
            "priority": sa.case((current, EDIT), else_=_EDIT_PRIORITY) if has_message else cards.c.priority,
        }
    changed = conn.execute(
        sa.update(cards)
        .where(cards.c.id == claim.card_id, cards.c.lease == claim.lease)
        .values({**values, **released})
    )
    return changed.rowcount == 1


def mark_previous_dirty(conn: sa.Connection, claim: Claim, now: datetime) -> None:
    """After a create: the messages that it replaces must link to it."""
    if claim.digest_id is not None:
        mark_replaced_dirty(conn, claim.channel, cards.c.folded_into == claim.digest_id, now)
        replaced = sa.select(digests.c.id).where(digests.c.replaced_by == claim.digest_id)
        parameters = {"of_channel": claim.channel, "now": now}
        conn.execute(_MARK_MESSAGES.where(cards.c.digest_id.in_(replaced)), parameters)
        return
    parameters = {
        "of_incident": claim.incident_id,
        "of_channel": claim.channel,
        "before": claim.card_id,
        "now": now,
    }
    conn.execute(_MARK_PREVIOUS, parameters)


def mark_replaced_dirty(
    conn: sa.Connection, channel: ChannelName, folded: sa.ColumnElement[bool], now: datetime
) -> None:
    """The older messages of the incidents whose cards are folded must link to the digest."""
    same = sa.select(cards.c.incident_id).where(folded)
    before = sa.select(incidents.c.previous_id).where(incidents.c.id.in_(same))
    which = sa.or_(cards.c.incident_id.in_(same), cards.c.incident_id.in_(before))
    conn.execute(_MARK_MESSAGES.where(which), {"of_channel": channel, "now": now})


_MARK_MESSAGES = (
    sa.update(cards)
    .where(cards.c.channel == sa.bindparam("of_channel"), cards.c.message_id.is_not(None))
    .values(dirty(_time("now"), create_priority=EDIT))
)
_OF_INCIDENT = sa.bindparam("of_incident", type_=sa.BigInteger)
_PREVIOUS_ID = sa.select(incidents.c.previous_id).where(incidents.c.id == _OF_INCIDENT).scalar_subquery()
_MARK_PREVIOUS = _MARK_MESSAGES.where(
    sa.or_(
        sa.and_(cards.c.incident_id == _OF_INCIDENT, cards.c.id < sa.bindparam("before")),
        cards.c.incident_id == _PREVIOUS_ID,
    )
)


def release_all(conn: sa.Connection) -> None:
    """For a router that starts and is alone on its database (SQLite): the holder of every lease is gone."""
    conn.execute(sa.update(cards).where(cards.c.lease.is_not(None)).values(lease=None, lease_until=None))
