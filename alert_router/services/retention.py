"""Removes what is past its retention, in transactions so short that no webhook waits for one."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from alert_router.domain.retention import Retention
from alert_router.store import pruning, space
from alert_router.store.engine import Store
from alert_router.store.writer import Writer

EVERY_S = 60.0
RUN_S = 20.0
"""For so long one run goes on while there is more to remove."""
TARGET_S = 0.02
"""How long a step shall hold the writer; its size follows from how long the last one took."""
MIN_ROWS, MAX_ROWS = 1, 500
Step = Callable[[sa.Connection, int], int]


@dataclass(slots=True)
class BatchSize:
    """How many rows the next step takes."""

    rows: int = 20

    def took(self, seconds: float) -> None:
        factor = min(max(TARGET_S / max(seconds, 1e-4), 0.25), 2.0)
        self.rows = min(max(round(self.rows * factor), MIN_ROWS), MAX_ROWS)


@dataclass(slots=True)
class Pruning:
    store: Store
    writer: Writer
    retention: Retention
    clock: Callable[[], datetime]
    steady: Callable[[], float] = time.monotonic
    size: BatchSize = field(default_factory=BatchSize)

    async def run_once(self) -> None:
        await self.run(until=self.steady() + RUN_S, report=lambda _kind, _number: None)

    async def run(self, *, until: float, report: Callable[[str, int], None]) -> Mapping[str, int]:
        """Remove all that is due, or as much as can be done until then; rows by kind. report: as it goes."""
        removed: dict[str, int] = {}
        for kind, step in steps(self.retention, self.clock()):
            while self.steady() < until and (number := await self._run(step)):
                removed[kind] = removed.get(kind, 0) + number
                report(kind, removed[kind])
        if removed and self.store.dialect == "sqlite":
            while self.steady() < until and await self.writer.run(space.give_back):
                pass
        return removed

    async def _run(self, step: Step) -> int:
        return await self.writer.run(partial(self._timed, step))

    def _timed(self, step: Step, conn: sa.Connection) -> int:
        began = self.steady()
        removed = step(conn, self.size.rows)
        self.size.took(self.steady() - began)
        return removed


def steps(retention: Retention, now: datetime) -> Iterator[tuple[str, Step]]:
    """By kind; each is taken until it removes nothing."""
    if retention.alerts is not None:
        before = now - retention.alerts
        yield "alerts", lambda conn, rows: pruning.incidents_over(conn, before, rows)
        yield "alerts", lambda conn, rows: pruning.digests_over(conn, before, rows)
        yield "runs", lambda conn, rows: pruning.runs_before(conn, before, rows)
        yield "marks", lambda conn, rows: pruning.marks_before(conn, before, rows)
        yield "silences", lambda conn, rows: pruning.silences_before(conn, before, rows)
    yield "receivers", pruning.receivers_over
    if retention.deliveries is not None:
        sent_before = now - retention.deliveries
        yield "deliveries", lambda conn, rows: pruning.deliveries_before(conn, sent_before, rows)
        yield "deliveries", lambda conn, rows: pruning.decisions_before(conn, sent_before, rows)
    if retention.quarantine is not None:
        kept_before = now - retention.quarantine
        yield "quarantine", lambda conn, rows: pruning.quarantine_before(conn, kept_before, rows)
    if retention.quarantine_bytes is not None:
        most = retention.quarantine_bytes
        yield "quarantine", lambda conn, rows: pruning.quarantine_over(conn, most, rows)
