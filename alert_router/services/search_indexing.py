"""Keeps the search index up with the alerts, within seconds and outside of their commits."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from alert_router.store import search_index, search_writer
from alert_router.store.engine import Store
from alert_router.store.search_index import Coverage
from alert_router.store.search_writer import SearchWriter

EVERY_S = 1.0
BATCH = 500
RUN_S = 0.2
"""For so long one run goes on while alerts are missing; the rest of the interval belongs to ingest."""
MIN_STALE = 100_000
"""Documents of alerts that are gone before it is worth building anew."""


@dataclass(slots=True)
class SearchIndexing:
    store: Store
    writer: SearchWriter
    steady: Callable[[], float] = time.monotonic

    async def run_once(self) -> None:
        await asyncio.to_thread(self._run, RUN_S)

    async def catch_up(self) -> None:
        await asyncio.to_thread(self._run, float("inf"))

    def _run(self, seconds: float) -> None:
        until = self.steady() + seconds
        with search_writer.unavailable_as_such():
            self._check()
            while any([self._add_next(), self._change_next()]) and self.steady() < until:
                pass

    def _check(self) -> None:
        """Build it anew when there is none, it is of another database, or mostly of alerts that are gone."""
        coverage = self.writer.coverage()
        with self.store.read() as conn:
            oldest, newest = search_writer.oldest_id(conn), search_writer.newest_id(conn)
            last_change = search_writer.newest_transition(conn)
        if coverage is None or coverage.last_id > newest or _is_stale(coverage, oldest):
            self.writer.rebuild(oldest, last_change)

    def _add_next(self) -> bool:
        """Whether there may be more."""
        after = self._known_to()
        with self.store.read() as conn:
            documents = list(search_index.documents(conn, after, BATCH))
        if documents:
            self.writer.add(after, documents)
        return len(documents) == BATCH

    def _change_next(self) -> bool:
        """The texts of alerts that it knows already. Whether there may be more."""
        start, known_to = self.writer.last_change(), self._known_to()
        with self.store.read() as conn:
            changes = search_index.changes(conn, start, known_to, BATCH)
        if changes.end > start:
            self.writer.change(changes)
        return changes.end > start

    def _known_to(self) -> int:
        coverage = self.writer.coverage()
        return coverage.last_id if coverage else 0


def _is_stale(coverage: Coverage, oldest: int) -> bool:
    gone = oldest - coverage.first_id
    return gone > MIN_STALE and gone > (coverage.last_id - coverage.first_id) / 2
