"""The one writer: runs all jobs that wait in one transaction, and wakes their callers after COMMIT."""

import asyncio
import itertools
import operator
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

import sqlalchemy as sa

from alert_router.store.engine import Store, Unavailable
from alert_router.store.write_outcomes import WriteOutcomes

P = TypeVar("P")
R = TypeVar("R")
Handler = Callable[[sa.Connection, Sequence[P]], Sequence[R]]
"""Applies items that waited together, in their order; one result each. Touches the database only: it is run
again, for one item at a time, when another job of the transaction failed."""

MAX_BATCH = 256


@dataclass(frozen=True, slots=True)
class _Job:
    handler: Handler[Any, Any]
    item: Any
    done: asyncio.Future[Any]


class Writer:
    """Group commit: all jobs that wait share one COMMIT, and each caller waits for the COMMIT of its job.

    It has a thread of its own, so that fsync never blocks the event loop.
    """

    def __init__(self, store: Store) -> None:
        self.outcomes = WriteOutcomes()
        self._store = store
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Finish the jobs that wait, then stop."""
        self._jobs.put(None)
        self._thread.join()

    async def run(self, job: Callable[[sa.Connection], R]) -> R:
        """The job's result, after COMMIT. Raises Unavailable when there was none."""
        return await self.run_batched(_run_each, job)

    async def run_batched(self, handler: Handler[P, R], item: P) -> R:
        """Like run, for items that are cheaper together: the handler gets all that wait in a row."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(handler, item, done))
        return await done

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch, stop = self._collect(first)
            self._commit(batch)
            if stop:
                return

    def _collect(self, first: _Job) -> tuple[list[_Job], bool]:
        batch = [first]
        while len(batch) < MAX_BATCH:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False

    def _commit(self, batch: list[_Job]) -> None:
        results: list[Any] = []
        try:
            with self.outcomes.observed() as look, self._store.write() as conn:
                for handler, jobs in itertools.groupby(batch, key=attrgetter("handler")):
                    results += handler(conn, list(map(attrgetter("item"), jobs)))
                look(conn)
        except Unavailable as error:
            _wake(batch, [error] * len(batch))
        except Exception as error:  # noqa: BLE001 - the caller gets it; the writer must live for the others
            if len(batch) == 1:
                _wake(batch, [error])
                return
            for job in batch:  # one of them failed: alone, it cannot cost the others
                self._commit([job])
        else:
            _wake(batch, results)


def _run_each(conn: sa.Connection, jobs: Sequence[Callable[[sa.Connection], R]]) -> list[R]:
    return list(map(operator.call, jobs, itertools.repeat(conn)))


def _wake(jobs: list[_Job], results: list[Any]) -> None:
    loop = jobs[0].done.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(_set_results, jobs, results)


def _set_results(jobs: list[_Job], results: list[Any]) -> None:
    for job, result in zip(jobs, results, strict=True):
        if job.done.done():  # the caller was cancelled; its job is committed all the same
            continue
        if isinstance(result, BaseException):
            job.done.set_exception(result)
        else:
            job.done.set_result(result)
