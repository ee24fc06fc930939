"""Keeps the search index up with the alerts, within seconds and outside of their commits."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from alert_router.store import search_index, search_writer
from alert_router.store.engine import Store
from alert_router.store.search_index import Coverage, Document
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
        self._check()
        while self._add_next() and self.steady() < until:
            pass

    def _check(self) -> None:
        """Build it anew when there is none, it is of another database, or mostly of alerts that are gone."""
        coverage = self.writer.coverage()
        with self.store.read() as conn:
            oldest, newest = search_writer.oldest_id(conn), search_writer.newest_id(conn)
        if coverage is None or coverage.last_id > newest or _is_stale(coverage, oldest):
            self.writer.rebuild(oldest)

    def _add_next(self) -> bool:
        """Whether there may be more."""
        coverage = self.writer.coverage()
        documents = self._documents(coverage.last_id if coverage else 0)
        if documents:
            self.writer.add(documents)
        return len(documents) == BATCH

    def _documents(self, after: int) -> list[Document]:
        with self.store.read() as conn:
            return list(search_index.documents(conn, after, BATCH))


def _is_stale(coverage: Coverage, oldest: int) -> bool:
    gone = oldest - coverage.first_id
    return gone > MIN_STALE and gone > (coverage.last_id - coverage.first_id) / 2
