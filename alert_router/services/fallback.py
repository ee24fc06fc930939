"""Shows in a channel's fallback the cards that the channel does not accept, until it accepts them again."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.config.holder import ConfigurationHolder
from alert_router.domain.model import ChannelName
from alert_router.store import fallback_cards
from alert_router.store.engine import Store
from alert_router.store.fallback_cards import Original, StuckCriteria
from alert_router.store.writer import Writer

FAILURES = 5
"""After this many failures in a row a card goes to the fallback channel."""


@dataclass(slots=True)
class _Work:
    copies: list[tuple[ChannelName, Original]] = field(default_factory=list)
    """Each with the channel for the copy."""
    ended: set[int] = field(default_factory=set)
    """Copies that are to say that they change no more."""


@dataclass(frozen=True, slots=True)
class Fallback:
    configuration: ConfigurationHolder
    after_s: float
    """A card that has failed, or was never sent, goes to the fallback channel after waiting this long."""
    started_at: datetime
    """The wait counts from here on: before, there was no router to deliver to the channel."""
    is_stopped: Callable[[ChannelName], bool]
    """Whether the channel accepts nothing at all."""
    store: Store
    writer: Writer
    wake: Callable[[Collection[ChannelName]], None]
    clock: Callable[[], datetime]

    async def run_once(self) -> int:
        """How many copies must be sent or edited."""
        work = await asyncio.to_thread(self._read)
        if not work.copies and not work.ended:
            return 0
        changed = await self.writer.run(self._apply)
        self.wake({fallback for _, fallback in self._fallbacks()})
        return changed

    def _fallbacks(self) -> list[tuple[ChannelName, ChannelName]]:
        channels = self.configuration.current.channels.values()
        return [(channel.name, channel.fallback) for channel in channels if channel.fallback is not None]

    def _read(self) -> _Work:
        with self.store.read() as conn:
            return self._work(conn, self.clock())

    def _work(self, conn: sa.Connection, now: datetime) -> _Work:
        work = _Work()
        fallbacks = self._fallbacks()
        for channel, fallback in fallbacks:
            stuck = StuckCriteria(
                at_once=self.is_stopped(channel), failures=FAILURES, since=self._since(now)
            )
            originals = fallback_cards.outdated(conn, channel, fallback, stuck)
            work.copies += [(fallback, original) for original in originals]
            work.ended.update(fallback_cards.over(conn, channel, fallback))
        work.ended.update(fallback_cards.abandoned(conn, fallbacks))
        return work

    def _apply(self, conn: sa.Connection) -> int:
        """Reads again: another router may have been faster."""
        now = self.clock()
        work = self._work(conn, now)
        for fallback, original in work.copies:
            fallback_cards.copy(conn, fallback, original, now)
        if work.ended:
            fallback_cards.end_copies(conn, sorted(work.ended), now)
        return len(work.copies) + len(work.ended)

    def _since(self, now: datetime) -> datetime | None:
        wait = timedelta(seconds=self.after_s)
        # In either direction: the clock may have been ahead at the start.
        return now - wait if abs(now - self.started_at) >= wait else None
