"""The one writer: runs every job that waits in one transaction, and wakes all callers after COMMIT."""

import asyncio
import itertools
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from alert_router.store.engine import Store, Unavailable

P = TypeVar("P")
R = TypeVar("R")
Handler = Callable[[sa.Connection, Sequence[P]], Sequence[R]]
"""Applies payloads that waited together, in their order; one result each. Touches the database only: it is
run again, alone, when a batch-mate failed."""

MAX_BATCH = 256


@dataclass(frozen=True, slots=True)
class _Job:
    handler: Handler[Any, Any]
    payload: Any
    done: asyncio.Future[Any]


class Writer:
    """Group commit: all who wait share one COMMIT, and each waits for the one that holds its work.

    It has a thread of its own, so that fsync never stops the event loop.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._jobs.put(None)
        self._thread.join()

    async def submit(self, handler: Handler[P, R], payload: P) -> R:
        """The handler's result, once it is on the disk. Raises Unavailable when it is not."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(handler, payload, done))
        return await done

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch, stop = self._waiting(first)
            self._commit(batch)
            if stop:
                return

    def _waiting(self, first: _Job) -> tuple[list[_Job], bool]:
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
        try:
            results = self._transact(batch)
        except Unavailable as error:
            _wake([(job, error) for job in batch])
        except Exception as error:  # noqa: BLE001 - the caller gets it; the writer must live for the others
            if len(batch) == 1:
                _wake([(batch[0], error)])
                return
            for job in batch:  # one of them is to blame: alone, it cannot cost the others
                self._commit([job])
        else:
            _wake(list(zip(batch, results, strict=True)))

    def _transact(self, batch: list[_Job]) -> list[Any]:
        results: list[Any] = []
        with self._store.write() as conn:
            for handler, jobs in itertools.groupby(batch, key=lambda job: job.handler):
                results.extend(handler(conn, [job.payload for job in jobs]))
        return results


def _wake(settled: list[tuple[_Job, Any]]) -> None:
    loop = settled[0][0].done.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: list[tuple[_Job, Any]]) -> None:
    for job, result in settled:
        if job.done.done():  # its caller went away; what it asked for is on the disk all the same
            continue
        if isinstance(result, BaseException):
            job.done.set_exception(result)
        else:
            job.done.set_result(result)
