"""What Discord's answer means for a card: a pure table, and the writing down of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

import sqlalchemy as sa

from alert_router.discord import embeds
from alert_router.discord.client import Reply
from alert_router.discord.packer import Payload
from alert_router.discord.responses import ChannelGone, MessageGone, Rejected, Sent, TryAgain
from alert_router.domain import rate_limits
from alert_router.domain.rate_limits import Quota
from alert_router.store import card_queue
from alert_router.store import rate_limits as rate_limit_rows
from alert_router.store.card_queue import Attempt, Claim

MAX_BACKOFF_S = 300.0
STOPPED_S = 65.0
"""What the channel stopped at comes a little after the others once it is back: should it be this card that
the channel cannot bear, it stops nobody else for good."""


@dataclass(frozen=True, slots=True)
class CardUpdate:
    """How a claimed card stands now."""

    claim: Claim
    attempt: Attempt | None
    """None when no request was made."""
    values: Mapping[str, Any]
    """The columns of the card that change."""
    done: bool
    """The state that was claimed needs no more telling."""
    now: datetime
    created: bool = False
    allowance: Quota | None = None
    """What the answer said about the pace."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message on its way: what is told and how it is known again."""

    payload: Payload
    digest: str


def unchanged(claim: Claim, now: datetime) -> CardUpdate:
    """People see the wanted state already."""
    return CardUpdate(claim, None, {"attempts": 0, "error": None}, done=True, now=now)


def postponed(claim: Claim, now: datetime, *, wait_s: float) -> CardUpdate:
    """Not its turn: no fault of the card, no attempt."""
    return CardUpdate(claim, None, {"due_at": now + timedelta(seconds=wait_s)}, done=False, now=now)


def unrendered(claim: Claim, reason: str, now: datetime) -> CardUpdate:
    """An error of ours, or of a template: it comes back with back-off, and says why it waits."""
    return CardUpdate(claim, None, _later(claim, reason, now, after_s=None, paced=False), done=False, now=now)


def of(claim: Claim, reply: Reply, told: Told, *, now: datetime, took_s: float) -> CardUpdate:
    action = "create" if claim.message_id is None else "edit"
    allowance = rate_limits.allowance(reply.facts) if reply.facts else None

    def settled(
        outcome: str, detail: str, values: Mapping[str, Any], *, done: bool = False, created: bool = False
    ) -> CardUpdate:
        message_id = values.get("message_id", claim.message_id)
        attempt = Attempt(now, action, outcome, reply.status, message_id, int(took_s * 1000), detail)
        return CardUpdate(claim, attempt, values, done, now, created, allowance)

    match reply.outcome:
        case Sent(message_id, message_url):
            values = _sent(claim, told, message_id, message_url, now)
            return settled("sent", "", values, done=True, created=claim.message_id is None)
        case TryAgain(reason, after_s, paced):
            return settled("retry", reason, _later(claim, reason, now, after_s=after_s, paced=paced))
        case Rejected(reason) if claim.degraded < embeds.PLAIN:
            return settled("degraded", reason, _again(reason, now, degraded=claim.degraded + 1))
        case Rejected(reason):
            return settled("rejected", reason, {"state": "dead", "error": reason}, done=True)
        case MessageGone(reason) if claim.message_id is not None:
            anew = _again(reason, now, message_id=None, sent_hash=None, priority=card_queue.NEW)
            return settled("gone", reason, anew)
        case MessageGone(
            reason
        ):  # said of a message that was to be made: whatever it means, not at once again
            return settled("retry", reason, _later(claim, reason, now, after_s=None, paced=False))
        case ChannelGone(reason):
            return settled("stopped", reason, _again(reason, now + timedelta(seconds=STOPPED_S)))
        case _:
            assert_never(reply.outcome)


def _sent(
    claim: Claim, told: Told, message_id: str, message_url: str | None, now: datetime
) -> dict[str, Any]:
    # An edit's answer may leave the link out; the one we know stays.
    known = {"message_url": message_url} if message_url else {}
    return known | {
        "message_id": message_id,
        "sent_hash": told.digest,
        "sent_body": told.payload,
        "sent_at": now,
        "edited": claim.message_id is not None,
        "attempts": 0,
        "error": None,
    }


def _later(
    claim: Claim, reason: str, now: datetime, *, after_s: float | None, paced: bool
) -> Mapping[str, Any]:
    """When the channel is the trouble, the card is due at once and the channel's pace makes it wait."""
    if paced:
        return _again(reason, now)
    wait_s = min(after_s or 2.0**claim.attempts, MAX_BACKOFF_S)
    return {"due_at": now + timedelta(seconds=wait_s), "attempts": claim.attempts + 1, "error": reason}


def _again(reason: str, at: datetime, **changes: Any) -> Mapping[str, Any]:
    return {"due_at": at, "error": reason, **changes}


def write_down(conn: sa.Connection, settlement: CardUpdate) -> bool:
    """False when the lease was lost to another: then the card is that one's, and stays as it is."""
    claim, now = settlement.claim, settlement.now
    if settlement.attempt is not None:
        card_queue.record(conn, claim, settlement.attempt)
    if settlement.allowance is not None:
        rate_limit_rows.note(conn, claim.channel, settlement.allowance, now)
    held = card_queue.settle(conn, claim, now, settlement.values, done=settlement.done)
    if held and settlement.created:
        card_queue.dirty_older(conn, claim, now)
    return held
