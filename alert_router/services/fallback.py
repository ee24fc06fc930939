"""Tells in another channel what the main one does not take, and says so; and that it is back when it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.domain.model import ChannelName
from alert_router.store import fallback_cards
from alert_router.store.writer import Writer

FAILURES = 5
"""So many failures in a row, and a card takes the other way."""


@dataclass(frozen=True, slots=True)
class Fallback:
    main: ChannelName
    other: ChannelName
    after_s: float
    """A card that has failed, or was never told, and waits for so long takes the other way."""
    started_at: datetime
    """The wait counts from here on: while we were down, the main channel did not have its chance."""
    is_stopped: Callable[[], bool]
    """Whether the main channel takes nothing at all."""
    writer: Writer
    wake: Callable[[], None]

    async def turn(self, now: datetime) -> int:
        """How many cards must be told, or told anew, in the other channel."""
        changed = await self.writer.submit(self._turn, now)
        if changed:
            self.wake()
        return changed

    def _turn(self, conn: sa.Connection, moments: Sequence[datetime]) -> list[int]:
        return [self._detour(conn, now) for now in moments]

    def _detour(self, conn: sa.Connection, now: datetime) -> int:
        stuck = fallback_cards.StuckCriteria(
            at_once=self.is_stopped(), failures=FAILURES, since=self._since(now)
        )
        leaving = fallback_cards.send(conn, self.main, self.other, stuck, now)
        return leaving + fallback_cards.end(conn, self.main, self.other, now)

    def _since(self, now: datetime) -> datetime | None:
        wait = timedelta(seconds=self.after_s)
        # In either direction: we may have started by a clock that was ahead.
        return now - wait if abs(now - self.started_at) >= wait else None
