"""Keeps the sums of the history up to date, outside of the commits of webhooks.

It looks and counts in reads, and hands the writer a few rows; what another router has counted meanwhile is
not counted again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

import sqlalchemy as sa

from alert_router.store import card_sums, history_sums, unnotified
from alert_router.store.engine import Store
from alert_router.store.history_sums import Changed
from alert_router.store.writer import Writer

EVERY_S = 2.0
DUTY = 0.1
"""At most this share of the time is spent on it, however much there is to count."""
ROUNDS = 20
"""So often in one run while there is more."""


class Work(Protocol):
    def __bool__(self) -> bool:
        """Whether there is anything to save."""


T = TypeVar("T")
W = TypeVar("W", bound=Work)


@dataclass(slots=True)
class HistorySums:
    store: Store
    writer: Writer
    steady: Callable[[], float] = time.monotonic
    _rest_until: float = field(default=float("-inf"))

    async def run_once(self) -> None:
        """Count what has changed, unless the last run took long and is not rested from."""
        started = self.steady()
        if started < self._rest_until:
            return
        for _ in range(ROUNDS):
            if not await self._round():
                break
        took_s = self.steady() - started
        self._rest_until = self.steady() + took_s * (1 / DUTY - 1)

    async def catch_up(self) -> None:
        """Count until nothing is left."""
        while await self._round():
            pass

    async def _round(self) -> bool:
        """Whether there may be more."""
        return any(
            [
                await self._count(history_sums.look, self._save_recounts),
                await self._count(card_sums.look, self._saving(card_sums.save)),
                await self._count(unnotified.look, self._saving(unnotified.save)),
            ]
        )

    async def _count(self, look: Callable[[sa.Connection], W], save: Callable[[W], Awaitable[None]]) -> bool:
        work = await asyncio.to_thread(self._read, look)
        if not work:
            return False
        await save(work)
        return True

    def _read(self, look: Callable[[sa.Connection], T]) -> T:
        with self.store.read() as conn:
            return look(conn)

    def _saving(self, save: Callable[[sa.Connection, W], None]) -> Callable[[W], Awaitable[None]]:
        return lambda work: self.writer.run(lambda conn: save(conn, work))

    async def _save_recounts(self, changed: Changed) -> None:
        """A transaction for each hour and day, so that webhooks wait for none of them."""
        for hour in sorted(changed.hours):
            recount = await asyncio.to_thread(self._read, partial(history_sums.recount, hour=hour))
            await self.writer.run(partial(history_sums.save_hour, recount=recount))
        for day in sorted({hour.date() for hour in changed.hours}):
            rows = await asyncio.to_thread(self._read, partial(history_sums.read_day, day=day))
            await self.writer.run(partial(history_sums.save_day, day=day, rows=rows))
        await self.writer.run(partial(history_sums.finish, changed=changed))
