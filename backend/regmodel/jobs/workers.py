"""Processes that do the heavy work, so that the API process only ever waits.

One for trainings, one for measurements: a long training must not hold up an /evaluate.
"""

import asyncio
import concurrent.futures
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

T = TypeVar("T")


class WorkerDied(Exception):
    """The process ended under the work: killed, out of memory, or over its time."""


class Worker:
    """One process, started at first use and anew after a death. Work waits in line."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._pool: _Pool | None = None
        self._line = asyncio.Lock()

    async def run(self, timeout_s: float, work: Callable[..., T], *args: object) -> T:
        """Raises WorkerDied, or what the work raised. The time counts from the start of the work.

        A process that died before it began is nobody's failure: another one gets the work, once.
        """
        async with self._line:
            try:
                return await self._tried(timeout_s, work, args)
            except _NeverBegan:
                return await self._tried(timeout_s, work, args)

    async def _tried(self, timeout_s: float, work: Callable[..., T], args: tuple[object, ...]) -> T:
        pool = self._started()
        begun = pool.begun
        try:
            return await asyncio.wait_for(asyncio.wrap_future(pool.submit(work, args)), timeout_s)
        except BrokenProcessPool as error:
            self.stop()
            reason = f"the {self._name} process was killed or ran out of memory"
            raise (_NeverBegan(reason) if pool.begun == begun else WorkerDied(reason)) from error
        except TimeoutError as error:
            self.stop()
            raise WorkerDied(f"the {self._name} process was ended after {timeout_s:g} s") from error

    def stop(self) -> None:
        """End the process now; work in progress is lost, and its caller is told."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.kill()

    @property
    def pids(self) -> tuple[int, ...]:
        return () if self._pool is None else self._pool.pids

    def _started(self) -> "_Pool":
        if self._pool is None:
            self._pool = _Pool()
        return self._pool


class _NeverBegan(WorkerDied):
    """The process was dead before it could take up the work."""


class _Pool:
    """A pool of one process that shows how many works it has begun, also after its death."""

    def __init__(self) -> None:
        # Not fork: the API process has threads, and a forked lock that is held stays held.
        context = multiprocessing.get_context("spawn")
        self._begun = context.RawValue("L", 0)
        self._pool = concurrent.futures.ProcessPoolExecutor(
            max_workers=1, mp_context=context, initializer=_begin, initargs=(os.getpid(), self._begun)
        )

    def submit(self, work: Callable[..., T], args: tuple[object, ...]) -> Future[T]:
        """Raises BrokenProcessPool when the process is known to be dead."""
        return self._pool.submit(_carried_out, work, args)

    @property
    def begun(self) -> int:
        return int(self._begun.value)

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(self._pool._processes or ())  # noqa: SLF001 - as in kill

    def kill(self) -> None:
        # No public way before Python 3.14 (terminate_workers); the attribute has been there since 3.2.
        for process in list((self._pool._processes or {}).values()):  # noqa: SLF001
            process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)


class _Place:
    """In the worker process: where it counts the works it has begun."""

    begun: Any = None


def _carried_out(work: Callable[..., T], args: tuple[object, ...]) -> T:
    _Place.begun.value += 1
    return work(*args)


def _begin(parent: int, begun: Any) -> None:
    """Leave Ctrl-C to the parent, and do not outlive it whatever ended it."""
    _Place.begun = begun
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    tick = threading.Event()
    while os.getppid() == parent:
        tick.wait(1)
    os._exit(1)
