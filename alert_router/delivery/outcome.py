"""What Discord's reply means for a card: a pure table, and its storage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

import sqlalchemy as sa

from alert_router.delivery.card_facts import Missing
from alert_router.discord import embeds
from alert_router.discord.client import Reply
from alert_router.discord.embeds import RenderedMessage
from alert_router.discord.responses import ChannelGone, MessageGone, Rejected, Sent, TryAgain
from alert_router.domain import rate_limits
from alert_router.domain.rate_limits import Quota
from alert_router.store import card_queue, deliveries, postings
from alert_router.store import rate_limits as shared_limits
from alert_router.store.card_queue import MAX_DELAY_S, Claim
from alert_router.store.deliveries import Delivery
from alert_router.store.postings import Posting

STOPPED_S = 65.0
"""When the channel recovers, retry the card it stopped on this much later than the rest, so that a card that
breaks the channel cannot block the others."""


@dataclass(frozen=True, slots=True)
class CardUpdate:
    """The new state of a claimed card."""

    claim: Claim
    values: Mapping[str, Any]
    """The columns of the card that change."""
    now: datetime
    done: bool = False
    """The claimed state needs no further delivery."""
    delivery: Delivery | None = None
    """None when no request was made."""
    created: bool = False
    postings: Sequence[Posting] = ()
    """What a create has announced. One that was refused for good counts: it is not asked for again."""
    quota: Quota | None = None
    """What the reply says about the rate limit."""


@dataclass(frozen=True, slots=True)
class RenderedCard:
    message: RenderedMessage
    postings: Sequence[Posting] = ()
    """What the message announces; an edit announces nothing."""
    missing: Missing | None = None
    """What could be added to it later."""


def unchanged(claim: Claim, now: datetime) -> CardUpdate:
    """The message shows the wanted state already."""
    return CardUpdate(claim, {"attempts": 0, "error": None}, now, done=True)


def postponed(claim: Claim, now: datetime) -> CardUpdate:
    """The lease may end before the reply comes: claim the card again."""
    return CardUpdate(claim, {"due_at": now}, now)


def not_rendered(claim: Claim, reason: str, now: datetime) -> CardUpdate:
    """A template failed, or this program: retry with back-off."""
    return CardUpdate(claim, _retry(claim, reason, now), now)


def from_reply(
    claim: Claim, reply: Reply, rendered: RenderedCard, *, now: datetime, took_s: float
) -> CardUpdate:
    outcome, values = _outcome(claim, reply, rendered.message, now)
    created = claim.message_id is None
    done = outcome in ("sent", "rejected")
    return CardUpdate(
        claim,
        values,
        now,
        done=done,
        delivery=Delivery(
            at=now,
            channel=claim.channel,
            action="create" if created else "edit",
            outcome=outcome,
            status=reply.status,
            message_id=values.get("message_id", claim.message_id),
            took_ms=int(took_s * 1000),
            detail=values["error"] or "",
        ),
        created=created and outcome == "sent",
        postings=rendered.postings if done else (),
        quota=rate_limits.quota(reply.rate) if reply.rate else None,
    )


def _outcome(
    claim: Claim, reply: Reply, message: RenderedMessage, now: datetime
) -> tuple[str, Mapping[str, Any]]:
    """The outcome's name in `deliveries`, and the columns of the card that change."""
    match reply.outcome:
        case Sent(message_id, message_url, thread_id):
            # The reply to an edit may lack the link; keep the known one.
            link = {"message_url": message_url} if message_url else {}
            thread = {"thread_id": thread_id} if thread_id else {}
            return "sent", link | thread | {
                "message_id": message_id,
                "sent_hash": message.hash,
                "sent_body": _shown(claim, message.payload),
                "sent_at": now,
                "edited": claim.message_id is not None,
                "attempts": 0,
                "error": None,
            }
        case TryAgain(reason, _, rate_limited=True):
            # Due at once: the rate limit makes it wait.
            return "retry", {"due_at": now, "error": reason}
        case TryAgain(reason, after_s):
            return "retry", _retry(claim, reason, now, after_s)
        case Rejected(reason) if claim.degraded < embeds.PLAIN:
            return "degraded", {"due_at": now, "error": reason, "degraded": claim.degraded + 1}
        case Rejected(reason):
            return "rejected", {"state": "dead", "error": reason}
        case MessageGone(reason, with_post) if claim.message_id is not None or with_post:
            anew = {"message_id": None, "sent_hash": None, "priority": card_queue.NEW}
            post = {"thread_id": card_queue.NEW_POST} if with_post else {}
            return "gone", {"due_at": now, "error": reason, **anew, **post}
        case MessageGone(reason):  # in reply to a create: whatever it means, not at once again
            return "retry", _retry(claim, reason, now)
        case ChannelGone(reason):
            return "stopped", {"due_at": now + timedelta(seconds=STOPPED_S), "error": reason}
        case _:
            assert_never(reply.outcome)


def _shown(claim: Claim, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """What people see: an edit leaves the content as it was created."""
    kept = {"content": claim.content} if claim.message_id is not None and claim.content else {}
    return {**kept, **payload}


def _retry(claim: Claim, reason: str, now: datetime, after_s: float | None = None) -> Mapping[str, Any]:
    """With back-off, unless the reply says when."""
    wait_s = min(after_s or 2.0**claim.attempts, MAX_DELAY_S)
    return {"due_at": now + timedelta(seconds=wait_s), "attempts": claim.attempts + 1, "error": reason}


def save(conn: sa.Connection, update: CardUpdate) -> bool:
    """False when the lease was lost to another router: then the card stays as that router left it."""
    claim, now = update.claim, update.now
    if update.delivery is not None:
        deliveries.insert(conn, claim.card_id, update.delivery)
    if update.quota is not None:
        shared_limits.save(conn, claim.channel, update.quota, now)
    held = card_queue.settle(conn, claim, now, update.values, done=update.done)
    if held:
        postings.save(conn, update.postings, now)
    if held and update.created:
        card_queue.mark_previous_dirty(conn, claim, now)
    return held
