"""Makes the messages in one channel equal to the stored state, card by card.

Level-triggered: each pass renders the present state and sends it when it differs from what was sent. A crash,
a restart or an hour of 429 needs no case of its own.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from alert_router.config.holder import ConfigurationHolder
from alert_router.delivery import digests, outcome, rendering
from alert_router.delivery.connection import Channel, Connection
from alert_router.delivery.illustrator import Illustrator
from alert_router.delivery.outcome import CardUpdate, RenderedCard
from alert_router.delivery.rate_limiter import RateLimiter
from alert_router.discord.client import MAX_REQUEST_S
from alert_router.discord.embeds import Renderer
from alert_router.domain.model import ChannelName
from alert_router.store import card_queue
from alert_router.store.card_queue import Claim
from alert_router.store.engine import Store, Unavailable
from alert_router.store.writer import Writer

log = logging.getLogger(__name__)
POLL_S = 1.0
"""How often to look for work without being woken: another router on the same database may have left some."""
REST = 9.0
"""After each look and each card a worker rests for so many times as long as that took: on a busy machine the
intake goes first, for a card takes as much work as some hundred alerts."""
MAX_REST_S = 0.25
STOP_S = 20.0
"""Longer than a request to Discord takes."""
CLAIM_STALE_S = card_queue.LEASE_S - MAX_REQUEST_S
"""A card claimed longer ago is not sent: its lease could end before the reply comes."""
DB_RETRY_S = 0.5
"""How soon to try again to store an outcome."""
NEEDS_PERSON = frozenset({"rejected", "stopped"})
"""The outcomes that are logged as errors."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time of day for what is stored; a clock in seconds that never steps for waiting and rate limits."""

    now: Callable[[], datetime]
    steady: Callable[[], float]


class DeliveryWorker:
    """Delivers to one channel, a request at a time."""

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
        configuration: ConfigurationHolder,
        illustrator: Illustrator | None = None,
        observe: Callable[[str, str, float], None] | None = None,
        observe_unreachable: Callable[[str], None] | None = None,
    ) -> None:
        """rate_limiter and illustrator: shared by all channels of this process.

        observe: called with (action, outcome, seconds) for every request, for the metrics.
        observe_unreachable: called for each link of a new message that people cannot open, with its kind.
        """
        self.name = name
        self._connection = Connection(name, channel, rate_limiter, clocks.steady)
        self._store = store
        self._writer = writer
        self._renderer = renderer
        self._clocks = clocks
        self._rate_limiter = rate_limiter
        self._configuration = configuration
        self._illustrator = illustrator
        self._observe = observe
        self._observe_unreachable = observe_unreachable
        self._woken = asyncio.Event()
        self._stopping = False
        self._finished = asyncio.Event()

    @property
    def stopped(self) -> str | None:
        """Why nothing is delivered until a person intervenes; None while the channel works."""
        return self._connection.stopped

    def wake(self) -> None:
        self._woken.set()

    async def stop(self) -> None:
        """Let the request under way end and its outcome be stored: cut off, it might be sent again."""
        self._stopping = True
        self.wake()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finished.wait(), STOP_S)

    async def run(self) -> None:
        """Deliver until stopped."""
        prepared = False
        while not self._stopping:
            self._woken.clear()
            started = self._clocks.steady()
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
            rest_s = min(REST * (self._clocks.steady() - started), MAX_REST_S)
            if idle_s > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), min(idle_s, POLL_S))
            if not self._stopping:
                await asyncio.sleep(rest_s)
        self._finished.set()

    async def prepare(self) -> None:
        """Find out whose rate limit the channel shares, and whether its webhook is there."""
        await self._connection.check()
        if self.stopped is not None:
            log.error("channel %s: accepts nothing: %s", self.name, self.stopped)

    async def step(self) -> float:
        """Deliver one card; seconds until it is worth looking again (0: at once)."""
        if not await self._connection.is_open():
            return POLL_S
        idle_s = await asyncio.to_thread(self._idle_s)
        if idle_s > 0:
            return idle_s
        requested_at = self._clocks.steady()
        claim = await self._writer.run(self._claim)
        if claim is None:
            return POLL_S
        await self._deliver(claim, requested_at)
        return 0.0

    def _idle_s(self) -> float:
        """Reads whether there is work: only then is it worth a write transaction. 0: there is."""
        with self._store.read() as conn:
            now = self._clocks.now()
            capacity = self._rate_limiter.capacity(conn, self.name, now)
            if capacity.wait_s > 0:
                return capacity.wait_s
            per_minute = self._rate_limiter.per_minute(self.name)
            is_due = card_queue.is_due(conn, self.name, now, capacity) or digests.is_due(
                conn, self.name, now, per_minute=per_minute
            )
        return 0.0 if is_due else POLL_S

    def _claim(self, conn: sa.Connection) -> Claim | None:
        """Decided again, for another router may have been faster."""
        # The time is read inside the transaction: by an earlier time, the lease of a router that claimed
        # while this one waited would look like one from before a clock step, and both would deliver.
        now = self._clocks.now()
        capacity = self._rate_limiter.capacity(conn, self.name, now)
        if capacity.wait_s > 0:
            return None
        per_minute = self._rate_limiter.per_minute(self.name)
        digests.update(conn, self.name, self._configuration.current, now, per_minute=per_minute)
        return card_queue.claim(conn, self.name, now, capacity, lease=secrets.token_hex(8))

    async def _deliver(self, claim: Claim, requested_at: float) -> None:
        try:
            rendered = await self._rendered(claim)
        except Unavailable:
            raise
        except Exception as error:  # a template's fault must neither come back at once nor be silent
            log.exception("card %d cannot be rendered", claim.card_id)
            reason = f"cannot be rendered: {type(error).__name__}: {error}"
            await self._save(outcome.not_rendered(claim, reason, self._clocks.now()))
            return
        if claim.message_id is not None and rendered.message.hash == claim.sent_hash:
            await self._save(outcome.unchanged(claim, self._clocks.now()))
            return
        started = self._clocks.steady()
        if started - requested_at >= CLAIM_STALE_S:
            await self._save(outcome.postponed(claim, self._clocks.now()))
            return
        reply = await self._connection.send(claim, rendered.message)
        took_s = self._clocks.steady() - started
        update = outcome.from_reply(claim, reply, rendered, now=self._clocks.now(), took_s=took_s)
        self._report(update, took_s)
        if update.created and self._observe_unreachable is not None:
            for kind in rendered.message.unreachable:
                self._observe_unreachable(kind)
        await self._save(update)

    async def _rendered(self, claim: Claim) -> RenderedCard:
        """A new message waits a moment for its values: an edit would not bring them to anyone's attention."""
        rendered = await asyncio.to_thread(self._render, claim)
        if self._illustrator is None or not rendered.missing:
            return rendered
        if claim.message_id is not None:
            self._illustrator.request(rendered.missing)
        elif await self._illustrator.measured(rendered.missing):
            return await asyncio.to_thread(self._render, claim)
        return rendered

    def _render(self, claim: Claim) -> RenderedCard:
        with self._store.read() as conn:
            now = self._clocks.now()
            return rendering.render(conn, claim, self._renderer, self._configuration.current, now)

    def _report(self, update: CardUpdate, took_s: float) -> None:
        delivery = update.delivery
        if delivery is None:
            return
        if self._observe is not None:
            self._observe(delivery.action, delivery.outcome, took_s)
        if delivery.outcome != "sent":
            level = logging.ERROR if delivery.outcome in NEEDS_PERSON else logging.WARNING
            card_id = update.claim.card_id
            log.log(level, "card %d: %s %s: %s", card_id, delivery.action, delivery.outcome, delivery.detail)

    async def _save(self, update: CardUpdate) -> None:
        """Retry while the database is away: a create whose outcome is lost would be repeated."""
        save = partial(outcome.save, update=update)
        while True:
            try:
                held = await self._writer.run(save)
            except Unavailable as error:
                log.warning("card %d: the outcome is not stored yet: %s", update.claim.card_id, error)
                await asyncio.sleep(DB_RETRY_S)
                continue
            if not held:
                log.warning("card %d: the lease was lost to another router", update.claim.card_id)
            return
