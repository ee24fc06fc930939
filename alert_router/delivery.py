"""Makes what people see in a channel equal to what is stored, card by card, forever.

Level-triggered: each pass renders the present state and sends it when it differs from what was sent. A crash,
a restart or an hour of 429 needs no case of its own.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, assert_never

import sqlalchemy as sa

from alert_router import pacing
from alert_router.discord import embeds
from alert_router.discord.client import Reply
from alert_router.discord.embeds import Renderer
from alert_router.discord.packer import Payload
from alert_router.discord.verdicts import ChannelGone, MessageGone, Rejected, Sent, TryAgain
from alert_router.model import ChannelName
from alert_router.pacing import Pace
from alert_router.store import card_state, cards
from alert_router.store.cards import Attempt, Claim
from alert_router.store.engine import Store, Unavailable
from alert_router.store.writer import Writer

log = logging.getLogger(__name__)
LEASE_S = 60.0
"""Longer than any request to Discord may take, so that a lease ends only when its holder is gone."""
BACKOFF_MOST_S = 300.0
CHANNEL_GONE_S = 300.0
POLL_S = 1.0
"""How often to look when nobody wakes us: another router on the same database may have left work."""
STOP_S = 20.0
"""Longer than a request to Discord may take."""
STORE_AWAY_S = 0.5
"""How soon to try again to write down what happened."""


class Channel(Protocol):
    async def create(self, payload: Payload) -> Reply: ...

    async def edit(self, message_id: str, payload: Payload) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time of day for what is stored; a clock that never steps for waiting and pacing, in seconds."""

    now: Callable[[], datetime]
    steady: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Settlement:
    claim: Claim
    attempt: Attempt | None
    values: Mapping[str, Any]
    done: bool
    now: datetime
    created: bool = False


class Delivery:
    """The one who delivers to one channel, a request at a time."""

    def __init__(
        self,
        name: ChannelName,
        channel: Channel,
        *,
        store: Store,
        writer: Writer,
        renderer: Renderer,
        clocks: Clocks,
        per_minute: int = pacing.CHANNEL_REQUESTS,
        observe: Callable[[str, str, float], None] = lambda *_: None,
    ) -> None:
        """observe: told (action, outcome, seconds) of every request, for the metrics."""
        self._name = name
        self._channel = channel
        self._store = store
        self._writer = writer
        self._renderer = renderer
        self._clocks = clocks
        self._observe = observe
        self._pace = Pace(most=per_minute)
        self._woken = asyncio.Event()
        self._stopping = False
        self._stopped = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def stop(self) -> None:
        """Let the request under way end and be written down: cut off, it might be sent again."""
        self._stopping = True
        self.wake()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), STOP_S)

    async def run(self) -> None:
        """Deliver until stopped."""
        await self._restore_pace()
        while not self._stopping:
            self._woken.clear()
            try:
                idle_s = await self.step()
            except Unavailable as error:
                log.warning("channel %s: the database is away: %s", self._name, error)
                idle_s = POLL_S
            except Exception:  # one card's fault must not silence the channel: it comes back after its lease
                log.exception("channel %s: delivering failed", self._name)
                idle_s = POLL_S
            if idle_s > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), min(idle_s, POLL_S))
        self._stopped.set()

    async def step(self) -> float:
        """Deliver one card; seconds until it is worth looking again (0: at once)."""
        wait_s = pacing.ready_at(self._pace, self._clocks.steady()) - self._clocks.steady()
        if wait_s > 0:
            return wait_s
        claim = await self._writer.submit(self._claim, self._clocks.now())
        if claim is None:
            return POLL_S
        await self._deliver(claim)
        return 0.0

    async def _deliver(self, claim: Claim) -> None:
        payload = await asyncio.to_thread(self._render, claim)
        wanted = embeds.digest(payload)
        if claim.message_id is not None and wanted == claim.sent_hash:
            await self._settle(_Settlement(claim, None, {}, done=True, now=self._clocks.now()))
            return
        started = self._clocks.steady()
        reply = await self._send(claim, payload)
        took_s = self._clocks.steady() - started
        settlement = _settlement(claim, reply, payload, wanted, now=self._clocks.now(), took_s=took_s)
        self._tell(settlement, took_s)
        await self._settle(settlement)

    def _render(self, claim: Claim) -> Payload:
        with self._store.read() as conn:
            state = card_state.of(
                conn, incident_id=claim.incident_id, channel=claim.channel, generation=claim.generation
            )
        return self._renderer.render(state, claim.degraded)

    async def _send(self, claim: Claim, payload: Payload) -> Reply:
        self._pace = pacing.sending(self._pace, self._clocks.steady())
        if claim.message_id is None:
            reply = await self._channel.create(payload)
        else:
            reply = await self._channel.edit(claim.message_id, payload)
        if reply.facts is not None:
            self._pace = pacing.answered(self._pace, reply.facts, self._clocks.steady())
        if isinstance(reply.outcome, ChannelGone):
            # Asking a deleted webhook again and again gets the whole address blocked.
            self._pace = pacing.paused(self._pace, CHANNEL_GONE_S, self._clocks.steady())
        return reply

    def _tell(self, settlement: _Settlement, took_s: float) -> None:
        attempt, claim = settlement.attempt, settlement.claim
        if attempt is None:
            return
        self._observe(attempt.action, attempt.outcome, took_s)
        if attempt.outcome != "sent":
            level = logging.ERROR if attempt.outcome == "rejected" else logging.WARNING
            log.log(
                level, "card %d: %s %s: %s", claim.card_id, attempt.action, attempt.outcome, attempt.detail
            )

    async def _settle(self, settlement: _Settlement) -> None:
        """Write it down, however long the database is away: forgetting a create would repeat it."""
        while True:
            try:
                held = await self._writer.submit(self._write, settlement)
            except Unavailable as error:
                log.warning("card %d: not written down yet: %s", settlement.claim.card_id, error)
                await asyncio.sleep(STORE_AWAY_S)
                continue
            if not held:
                log.warning("card %d: the lease was lost to another router", settlement.claim.card_id)
            return

    async def _restore_pace(self) -> None:
        """A restarted router must not burst: what went out in the last window still counts."""
        now, steady = self._clocks.now(), self._clocks.steady()
        since = now - timedelta(seconds=pacing.CHANNEL_WINDOW_S)
        sent = await asyncio.to_thread(self._sent_since, since)
        ages = [max((now - at).total_seconds(), 0.0) for at in sent]
        self._pace = replace(self._pace, sent=tuple(steady - age for age in ages))

    def _sent_since(self, since: datetime) -> list[datetime]:
        with self._store.read() as conn:
            return cards.sent_since(conn, self._name, since)

    def _claim(self, conn: sa.Connection, moments: Sequence[datetime]) -> list[Claim | None]:
        return [
            cards.claim(
                conn,
                self._name,
                now,
                lease=secrets.token_hex(8),
                lease_s=LEASE_S,
                max_wait_s=BACKOFF_MOST_S,
            )
            for now in moments
        ]

    def _write(self, conn: sa.Connection, settlements: Sequence[_Settlement]) -> list[bool]:
        return [_write_down(conn, one) for one in settlements]


def _write_down(conn: sa.Connection, settlement: _Settlement) -> bool:
    claim, now = settlement.claim, settlement.now
    if settlement.attempt is not None:
        cards.record(conn, claim, settlement.attempt)
    held = cards.settle(conn, claim, now, settlement.values, done=settlement.done)
    if held and settlement.created:
        cards.dirty_older(conn, claim, now)
    return held


def _settlement(
    claim: Claim, reply: Reply, payload: Payload, wanted: str, *, now: datetime, took_s: float
) -> _Settlement:
    """What an answer means for the card."""
    action = "create" if claim.message_id is None else "edit"

    def settled(outcome: str, detail: str, values: Mapping[str, Any], *, done: bool = False) -> _Settlement:
        message_id = values.get("message_id", claim.message_id)
        attempt = Attempt(now, action, outcome, reply.status, message_id, int(took_s * 1000), detail)
        return _Settlement(claim, attempt, values, done, now, created=done and action == "create")

    match reply.outcome:
        case Sent(message_id, message_url):
            values = _sent(payload, wanted, message_id, message_url, now) | {"edited": action == "edit"}
            return settled("sent", "", values, done=True)
        case TryAgain(reason, after_s, paced):
            return settled("retry", reason, _later(claim, reason, now, after_s=after_s, paced=paced))
        case Rejected(reason) if claim.degraded < embeds.PLAIN:
            return settled(
                "degraded", reason, {"degraded": claim.degraded + 1, "due_at": now, "error": reason}
            )
        case Rejected(reason):
            return settled("rejected", reason, {"state": "dead", "error": reason}, done=True)
        case MessageGone(reason):
            return settled(
                "gone", reason, {"message_id": None, "sent_hash": None, "due_at": now, "error": reason}
            )
        case ChannelGone(reason):
            return settled("stopped", reason, _later(claim, reason, now, after_s=CHANNEL_GONE_S, paced=True))
        case _:
            assert_never(reply.outcome)


def _sent(
    payload: Payload, wanted: str, message_id: str, message_url: str | None, now: datetime
) -> dict[str, Any]:
    # An edit's answer may leave the link out; the one we know stays.
    known = {"message_url": message_url} if message_url else {}
    return known | {
        "message_id": message_id,
        "sent_hash": wanted,
        "sent_body": payload,
        "sent_at": now,
        "attempts": 0,
        "error": None,
    }


def _later(
    claim: Claim, reason: str, now: datetime, *, after_s: float | None, paced: bool
) -> Mapping[str, Any]:
    """When the channel is the trouble, the card is due at once and the channel's pace makes it wait."""
    if paced:
        return {"due_at": now, "error": reason}
    wait_s = min(after_s or 2.0**claim.attempts, BACKOFF_MOST_S)
    return {"due_at": now + timedelta(seconds=wait_s), "attempts": claim.attempts + 1, "error": reason}
