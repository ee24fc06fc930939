"""Shows in a channel's fallback the cards that the channel does not accept, until it accepts them again."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.config.holder import ConfigurationHolder
from alert_router.domain import notify_routes, notify_timing
from alert_router.domain.model import ChannelName
from alert_router.domain.notify_values import Action, Decision, Posted, Situation
from alert_router.domain.severity import Severity
from alert_router.services.incident_decisions import groups_of
from alert_router.store import fallback_cards, notify_state
from alert_router.store.engine import Store
from alert_router.store.fallback_cards import OpenCopy, Original, StuckCriteria
from alert_router.store.writer import Writer

FAILURES = 5
"""After this many failures in a row a card goes to the fallback channel."""


@dataclass(slots=True)
class _Work:
    copies: list[tuple[ChannelName, Original]] = field(default_factory=list)
    """Each with the channel for the copy."""
    news: list[tuple[OpenCopy, Decision]] = field(default_factory=list)
    """Copies whose alerts must be announced anew."""
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
        if not (work.copies or work.news or work.ended):
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
            stuck = StuckCriteria(at_once=self.is_stopped(channel), failures=FAILURES, since=self._since(now))
            originals = fallback_cards.outdated(conn, channel, fallback, stuck)
            work.copies += [(fallback, original) for original in originals]
            work.ended.update(fallback_cards.over(conn, channel, fallback))
        work.ended.update(fallback_cards.abandoned(conn, fallbacks))
        replaced = {original.copy_id for _, original in work.copies if original.needs_new_copy} | work.ended
        work.news = [each for each in self._news(conn, now) if each[0].id not in replaced]
        return work

    def _news(self, conn: sa.Connection, now: datetime) -> Iterator[tuple[OpenCopy, Decision]]:
        """By the notify rule, as if each copy were the card of the channel that does not take it."""
        copies = fallback_cards.with_news(conn)
        states = notify_state.read(conn, {copy.incident_id for copy in copies}, now)
        for copy in copies:
            groups = groups_of(states[copy.incident_id].members, copy.copy_of, self.configuration.current)
            recent = fallback_cards.posted(conn, copy, now - notify_timing.HOUR)
            situation = Situation(
                episodes=(),
                current=Posted(copy.posted_at, copy.revision, _severity(copy.announced_rank)),
                recent=tuple(Posted(at, copy.revision, _severity(rank)) for at, rank in recent),
                acknowledged=copy.is_acknowledged,
            )
            decision = notify_routes.decide(situation, groups, now)
            if decision.action is Action.CREATE:
                yield copy, decision

    def _apply(self, conn: sa.Connection) -> int:
        """Reads again: another router may have been faster."""
        now = self.clock()
        work = self._work(conn, now)
        for fallback, original in work.copies:
            fallback_cards.copy(conn, fallback, original, now)
        for copy, decision in work.news:
            fallback_cards.copy_anew(
                conn, copy, reason=decision.reason, mention_of=decision.mention_of, now=now
            )
        if work.ended:
            fallback_cards.end_copies(conn, sorted(work.ended), now)
        return len(work.copies) + len(work.news) + len(work.ended)

    def _since(self, now: datetime) -> datetime | None:
        wait = timedelta(seconds=self.after_s)
        # In either direction: the clock may have been ahead at the start.
        return now - wait if abs(now - self.started_at) >= wait else None


def _severity(rank: int | None) -> Severity | None:
    return None if rank is None else Severity(rank)
