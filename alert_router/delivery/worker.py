"""Makes what people see in a channel equal to what is stored, card by card, forever.

Level-triggered: each pass renders the present state and sends it when it differs from what was sent. A crash,
a restart or an hour of 429 needs no case of its own.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa

from alert_router.delivery import outcome
from alert_router.delivery.outcome import MAX_BACKOFF_S, CardUpdate, Told
from alert_router.delivery.rate_limiter import RateLimiter
from alert_router.discord import embeds
from alert_router.discord.client import MAX_REQUEST_S, Place, Reply
from alert_router.discord.embeds import Renderer
from alert_router.discord.packer import Payload
from alert_router.discord.responses import ChannelGone
from alert_router.domain import digest_policy, rate_limits
from alert_router.domain.model import CLOCK_SKEW_S, ChannelName
from alert_router.store import card_queue, card_state, digests
from alert_router.store import rate_limits as rate_limit_rows
from alert_router.store.card_queue import Claim
from alert_router.store.engine import Store, Unavailable
from alert_router.store.writer import Writer

log = logging.getLogger(__name__)
POLL_S = 1.0
"""How often to look when nobody wakes us: another router on the same database may have left work."""
CHECK_S = 60.0
"""How often a stopped channel is asked whether it is back: its address only, never a message."""
STOP_S = 20.0
"""Longer than a request to Discord may take."""
CLAIM_STALE_S = card_queue.LEASE_S - MAX_REQUEST_S
"""A card that was claimed so long ago is not sent: its lease could end before the answer is there."""
DB_RETRY_S = 0.5
"""How soon to try again to write down what happened."""
REFUSALS = frozenset({"rejected", "stopped"})
"""The outcomes that need a person."""


class Channel(Protocol):
    async def create(self, payload: Payload) -> Reply: ...

    async def edit(self, message_id: str, payload: Payload) -> Reply: ...

    async def look(self) -> Place | None:
        """Where the channel leads; None when it is not there."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time of day for what is stored; a clock that never steps for waiting and pacing, in seconds."""

    now: Callable[[], datetime]
    steady: Callable[[], float]


class DeliveryWorker:
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
        rate_limiter: RateLimiter,
        per_minute: int = rate_limits.CHANNEL_REQUESTS,
        observe: Callable[[str, str, float], None] = lambda *_: None,
    ) -> None:
        """rate_limiter: shared by all channels of this process.

        per_minute: more new cards than that are a storm.

        observe: told (action, outcome, seconds) of every request, for the metrics.
        """
        self.name = name
        self.stopped: str | None = None
        """Why nothing gets through until a person mends it; None when the channel works."""
        self._channel = channel
        self._store = store
        self._writer = writer
        self._renderer = renderer
        self._clocks = clocks
        self._pacer = rate_limiter
        self._per_minute = per_minute
        self._observe = observe
        self._checked_at = clocks.steady()
        self._placed = False
        """Whether Discord has told where the webhook leads."""
        self._woken = asyncio.Event()
        self._stopping = False
        self._finished = asyncio.Event()
        rate_limiter.register(name)

    def wake(self) -> None:
        self._woken.set()

    async def stop(self) -> None:
        """Let the request under way end and be written down: cut off, it might be sent again."""
        self._stopping = True
        self.wake()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finished.wait(), STOP_S)

    async def run(self) -> None:
        """Deliver until stopped."""
        prepared = False
        while not self._stopping:
            self._woken.clear()
            try:
                if not prepared:
                    await self.prepare()
                    prepared = True
                idle_s = await self.step()
            except Unavailable as error:
                log.warning("channel %s: the database is away: %s", self.name, error)
                idle_s = POLL_S
            except Exception:  # one card's fault must not silence the channel
                log.exception("channel %s: delivering failed", self.name)
                idle_s = POLL_S
            if idle_s > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), min(idle_s, POLL_S))
        self._finished.set()

    async def prepare(self) -> None:
        """Find out whose pace we share."""
        await self._find_place()

    async def step(self) -> float:
        """Deliver one card; seconds until it is worth looking again (0: at once)."""
        if self.stopped is not None and not await self._is_back():
            return POLL_S
        if not self._placed and self._may_look():
            await self._find_place()
        wait_s = self._pacer.wait_s(self.name)
        if wait_s > 0:
            return wait_s
        asked_at = self._clocks.steady()
        claim = await self._writer.run(self._claim)
        if not isinstance(claim, Claim):
            return claim
        await self._deliver(claim, asked_at)
        return 0.0

    def _may_look(self) -> bool:
        due = self._clocks.steady() - self._checked_at >= CHECK_S
        return due and self._pacer.wait_s(self.name) == 0

    async def _find_place(self) -> bool:
        """Ask where the webhook leads: whose pace it shares, and how its messages are linked."""
        self._checked_at = self._clocks.steady()
        place = await self._channel.look()
        if place is None:
            return False
        self._placed = True
        self._pacer.register(self.name, place.channel_id)
        return True

    async def _is_back(self) -> bool:
        if not self._may_look() or not await self._find_place():
            return False
        log.info("channel %s: takes messages again", self.name)
        self.stopped = None
        return True

    async def _deliver(self, claim: Claim, asked_at: float) -> None:
        old_edit = self._is_old_edit(claim)
        if old_edit and (wait_s := self._pacer.old_edit_wait_s(self.name)) > 0:
            await self._settle(outcome.postponed(claim, self._clocks.now(), wait_s=wait_s))
            return
        try:
            payload = await asyncio.to_thread(self._render, claim)
        except Unavailable:
            raise
        except Exception as error:  # a template's fault must neither come back at once nor be silent
            log.exception("card %d cannot be rendered", claim.card_id)
            reason = f"cannot be rendered: {type(error).__name__}: {error}"
            await self._settle(outcome.unrendered(claim, reason, self._clocks.now()))
            return
        told = Told(payload, embeds.digest(payload))
        if claim.message_id is not None and told.digest == claim.sent_hash:
            await self._settle(outcome.unchanged(claim, self._clocks.now()))
            return
        started = self._clocks.steady()
        if started - asked_at >= CLAIM_STALE_S:
            await self._settle(outcome.postponed(claim, self._clocks.now(), wait_s=0.0))
            return
        reply = await self._send(claim, payload, old_edit=old_edit)
        took_s = self._clocks.steady() - started
        settled = outcome.of(claim, reply, told, now=self._clocks.now(), took_s=took_s)
        self._tell(settled, took_s)
        await self._settle(settled)

    def _is_old_edit(self, claim: Claim) -> bool:
        """One from before a clock's step may be: its age is not known."""
        age_s = (self._clocks.now() - claim.created_at).total_seconds()
        return claim.message_id is not None and not -CLOCK_SKEW_S <= age_s < rate_limits.OLD_S

    def _render(self, claim: Claim) -> Payload:
        with self._store.read() as conn:
            if claim.incident_id is None:
                state = digests.state(conn, claim.digest_id or 0)
                return self._renderer.render_digest(state, claim.degraded)
            card = card_state.of(
                conn, incident_id=claim.incident_id, channel=claim.channel, generation=claim.generation
            )
        return self._renderer.render(card, claim.degraded)

    async def _send(self, claim: Claim, payload: Payload, *, old_edit: bool) -> Reply:
        self._pacer.leaves(self.name, old_edit=old_edit)
        if claim.message_id is None:
            reply = await self._channel.create(payload)
        else:
            reply = await self._channel.edit(claim.message_id, payload)
        if reply.facts is not None:
            self._pacer.answered(self.name, reply.facts)
        if isinstance(reply.outcome, ChannelGone):
            # Asking a deleted webhook again and again gets the whole address blocked.
            self.stopped = reply.outcome.reason
            self._checked_at = self._clocks.steady()
        return reply

    def _tell(self, settled: CardUpdate, took_s: float) -> None:
        attempt, claim = settled.attempt, settled.claim
        if attempt is None:
            return
        self._observe(attempt.action, attempt.outcome, took_s)
        if attempt.outcome != "sent":
            level = logging.ERROR if attempt.outcome in REFUSALS else logging.WARNING
            log.log(
                level, "card %d: %s %s: %s", claim.card_id, attempt.action, attempt.outcome, attempt.detail
            )

    async def _settle(self, settled: CardUpdate) -> None:
        """Write it down, however long the database is away: forgetting a create would repeat it."""
        while True:
            try:
                held = await self._writer.run(lambda conn: outcome.write_down(conn, settled))
            except Unavailable as error:
                log.warning("card %d: not written down yet: %s", settled.claim.card_id, error)
                await asyncio.sleep(DB_RETRY_S)
                continue
            if not held:
                log.warning("card %d: the lease was lost to another router", settled.claim.card_id)
            return

    def _claim(self, conn: sa.Connection) -> Claim | float:
        """The card to deliver; the seconds to wait when there is none, or no room for it."""
        # Read when it is our turn to write: by an earlier hour, the lease of a router that claimed while we
        # waited would look like one from before a clock's step, and both would tell the card.
        now = self._clocks.now()
        together = self._pacer.together(self.name)
        room = rate_limit_rows.room(conn, self.name, together, now, per_minute=self._per_minute)
        if room.wait_s > 0:
            return room.wait_s
        self._fold_storm(conn, now)
        claim = card_queue.claim(
            conn,
            self.name,
            now,
            lease=secrets.token_hex(8),
            lease_s=card_queue.LEASE_S,
            max_wait_s=MAX_BACKOFF_S,
            critical_only=room.critical_only,
        )
        return claim or POLL_S

    def _fold_storm(self, conn: sa.Connection, now: datetime) -> None:
        """More new cards than the pace can carry become one; it takes what comes until it is quiet again."""
        digest = digests.open_one(conn, self.name)
        waiting = digests.waiting(conn, self.name)
        if digest_policy.folds(waiting, per_minute=self._per_minute, in_digest=digest is not None):
            digest_id = digest.id if digest else digests.begin(conn, self.name, now)
            first = digests.fold(conn, self.name, digest_id, now, single=digest_policy.SINGLE_CRITICALS)
            if first is not None:
                digests.touch(conn, [digest_id], now, every_s=digest_policy.EDIT_EVERY_S, priority=first)
                return
        # In either direction: a clock that stepped back must not keep the storm going for hours.
        if digest and abs(now - digest.last_folded_at) >= timedelta(seconds=digest_policy.QUIET_S):
            digests.end(conn, digest.id, now)
            digests.touch(conn, [digest.id], now, every_s=digest_policy.EDIT_EVERY_S)
