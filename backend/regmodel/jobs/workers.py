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
from typing import TypeVar

T = TypeVar("T")


class WorkerDied(Exception):
    """The process ended under the work: killed, out of memory, or over its time."""


class Worker:
    """One process, started at first use and anew after a death. Work waits in line."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._pool: concurrent.futures.ProcessPoolExecutor | None = None
        self._line = asyncio.Lock()

    async def run(self, timeout_s: float, work: Callable[..., T], *args: object) -> T:
        """Raises WorkerDied, or what the work raised. The time counts from the start of the work."""
        async with self._line:
            try:
                return await asyncio.wait_for(asyncio.wrap_future(self._submitted(work, args)), timeout_s)
            except BrokenProcessPool as error:
                self.stop()
                raise WorkerDied(f"the {self._name} process was killed or ran out of memory") from error
            except TimeoutError as error:
                self.stop()
                raise WorkerDied(f"the {self._name} process was ended after {timeout_s:g} s") from error

    def stop(self) -> None:
        """End the process now; work in progress is lost, and its caller is told."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        # No public way before Python 3.14 (terminate_workers); the attribute has been there since 3.2.
        for process in list((pool._processes or {}).values()):  # noqa: SLF001
            process.kill()
        pool.shutdown(wait=True, cancel_futures=True)

    def _submitted(self, work: Callable[..., T], args: tuple[object, ...]) -> Future[T]:
        """A process that died with nothing to do is nobody's failure: it is replaced and not told of."""
        if self._pool is not None and not _alive(self._pool):
            self.stop()
        try:
            return self._started().submit(work, *args)
        except BrokenProcessPool:
            self.stop()
            return self._started().submit(work, *args)

    @property
    def pids(self) -> tuple[int, ...]:
        return () if self._pool is None else tuple(self._pool._processes or ())  # noqa: SLF001 - as above

    def _started(self) -> concurrent.futures.ProcessPoolExecutor:
        if self._pool is None:
            # Not fork: the API process has threads, and a forked lock that is held stays held.
            context = multiprocessing.get_context("spawn")
            self._pool = concurrent.futures.ProcessPoolExecutor(
                max_workers=1, mp_context=context, initializer=_begin, initargs=(os.getpid(),)
            )
        return self._pool


def _alive(pool: concurrent.futures.ProcessPoolExecutor) -> bool:
    return all(process.is_alive() for process in (pool._processes or {}).values())  # noqa: SLF001


def _begin(parent: int) -> None:
    """Leave Ctrl-C to the parent, and do not outlive it whatever ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    tick = threading.Event()
    while os.getppid() == parent:
        tick.wait(1)
    os._exit(1)
