"""Shows in a second channel the cards that the main one does not accept, until it accepts them again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.domain.model import ChannelName
from alert_router.store import fallback_cards
from alert_router.store.writer import Writer

FAILURES = 5
"""After this many failures in a row a card goes to the fallback channel."""


@dataclass(frozen=True, slots=True)
class Fallback:
    main: ChannelName
    other: ChannelName
    after_s: float
    """A card that has failed, or was never sent, goes to the fallback channel after waiting this long."""
    started_at: datetime
    """The wait counts from here on: before, there was no router to deliver to the main channel."""
    is_stopped: Callable[[], bool]
    """Whether the main channel accepts nothing at all."""
    writer: Writer
    wake: Callable[[], None]
    clock: Callable[[], datetime]

    async def run_once(self) -> int:
        """How many cards of the fallback channel must be sent or edited."""
        now = self.clock()
        changed = await self.writer.run(lambda conn: self._apply(conn, now))
        if changed:
            self.wake()
        return changed

    def _apply(self, conn: sa.Connection, now: datetime) -> int:
        stuck = fallback_cards.StuckCriteria(
            at_once=self.is_stopped(), failures=FAILURES, since=self._since(now)
        )
        copied = fallback_cards.copy_stuck(conn, self.main, self.other, stuck, now)
        return copied + fallback_cards.end_copies(conn, self.main, self.other, now)

    def _since(self, now: datetime) -> datetime | None:
        wait = timedelta(seconds=self.after_s)
        # In either direction: the clock may have been ahead at the start.
        return now - wait if abs(now - self.started_at) >= wait else None
