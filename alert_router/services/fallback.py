"""Copies to another channel the cards that the main channel does not take, until it works again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.domain.model import ChannelName
from alert_router.store import fallback_cards
from alert_router.store.fallback_cards import StuckCriteria
from alert_router.store.writer import Writer

FAILURES = 5
"""A card that failed so often in a row is copied."""


@dataclass(frozen=True, slots=True)
class Fallback:
    main: ChannelName
    other: ChannelName
    after_s: float
    """A card that has failed or was never sent is copied after so long."""
    started_at: datetime
    """That time counts from here on: while the router was down, the main channel had no chance."""
    is_stopped: Callable[[], bool]
    """Whether the main channel takes nothing at all."""
    writer: Writer
    wake: Callable[[], None]

    async def run_once(self, now: datetime) -> int:
        """How many cards are to be sent or edited in the other channel."""
        changed = await self.writer.submit(_apply, lambda conn: self._copy(conn, now))
        if changed:
            self.wake()
        return changed

    def _copy(self, conn: sa.Connection, now: datetime) -> int:
        stuck = StuckCriteria(at_once=self.is_stopped(), failures=FAILURES, since=self._since(now))
        copied = fallback_cards.copy_stuck(conn, self.main, self.other, stuck, now)
        return copied + fallback_cards.end_copies(conn, self.main, self.other, now)

    def _since(self, now: datetime) -> datetime | None:
        wait = timedelta(seconds=self.after_s)
        # In either direction: the start may have been by a clock that was ahead.
        return now - wait if abs(now - self.started_at) >= wait else None


def _apply(conn, fns):  # type: ignore[no-untyped-def]
    return [fn(conn) for fn in fns]
