"""Processes that do the heavy work, so that the API process stays responsive.

One for trainings, one for measurements: a long training must not delay an /evaluate.
"""

import asyncio
import concurrent.futures
import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

T = TypeVar("T")
MIB = 1024 * 1024


class WorkerDied(Exception):
    """The process ended under the work: killed, out of memory, or over its time."""


class Worker:
    """One process, started at first use and again after a death. Work is queued."""

    def __init__(self, name: str, *, memory_mb: int | None = None) -> None:
        """memory_mb: beyond it the work raises MemoryError, where the system can limit it; None: no limit."""
        self._name = name
        self._memory_mb = memory_mb
        self._pool: _Pool | None = None
        self._turn = asyncio.Lock()

    async def run(self, timeout_s: float, work: Callable[..., T], *args: object) -> T:
        """Raises WorkerDied, or what the work raised. The time counts from the start of the work.

        When the process died before it started the work, another process gets it, once.
        """
        async with self._turn:
            try:
                return await self._run_once(timeout_s, work, args)
            except _NeverStarted:
                return await self._run_once(timeout_s, work, args)

    async def _run_once(self, timeout_s: float, work: Callable[..., T], args: tuple[object, ...]) -> T:
        pool = self._running_pool()
        before = pool.started_count
        try:
            return await asyncio.wait_for(asyncio.wrap_future(pool.submit(work, args)), timeout_s)
        except BrokenProcessPool as error:
            self.stop()
            reason = f"the {self._name} process was killed or ran out of memory"
            raise (_NeverStarted(reason) if pool.started_count == before else WorkerDied(reason)) from error
        except TimeoutError as error:
            self.stop()
            raise WorkerDied(f"the {self._name} process was ended after {timeout_s:g} s") from error

    def stop(self) -> None:
        """End the process now; work in progress raises WorkerDied for its caller."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.kill()

    @property
    def pids(self) -> tuple[int, ...]:
        return () if self._pool is None else self._pool.pids

    def _running_pool(self) -> "_Pool":
        if self._pool is None:
            self._pool = _Pool(self._memory_mb)
        return self._pool


class _NeverStarted(WorkerDied):
    """The process was dead before it could start the work."""


class _Pool:
    """A pool of one process that counts the calls it has started, readable after its death."""

    def __init__(self, memory_mb: int | None) -> None:
        # Not fork: the API process has threads, and a forked lock that is held stays held.
        context = multiprocessing.get_context("spawn")
        self._started_count = context.RawValue("L", 0)
        self._pool = concurrent.futures.ProcessPoolExecutor(
            max_workers=1,
            mp_context=context,
            initializer=_initialize,
            initargs=(os.getpid(), self._started_count, memory_mb),
        )

    def submit(self, work: Callable[..., T], args: tuple[object, ...]) -> Future[T]:
        """Raises BrokenProcessPool when the process is known to be dead."""
        return self._pool.submit(_execute, work, args)

    @property
    def started_count(self) -> int:
        return int(self._started_count.value)

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(self._pool._processes or ())  # noqa: SLF001 - as in kill

    def kill(self) -> None:
        # No public way before Python 3.14 (terminate_workers); the attribute has been there since 3.2.
        for process in list((self._pool._processes or {}).values()):  # noqa: SLF001
            process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)


class _StartCounter:
    """In the worker process: the shared counter of calls it has started."""

    shared: Any = None


def _execute(work: Callable[..., T], args: tuple[object, ...]) -> T:
    _StartCounter.shared.value += 1
    return work(*args)


def _initialize(parent: int, counter: Any, memory_mb: int | None) -> None:
    """Leave Ctrl-C to the parent, and exit with it, whatever ended it."""
    if memory_mb is not None:
        # The data it allocates, threads' stacks included; not the address space, of which libraries map much.
        resource.setrlimit(resource.RLIMIT_DATA, (memory_mb * MIB, memory_mb * MIB))
    _StartCounter.shared = counter
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, args=(parent,), daemon=True).start()


def _exit_with_parent(parent: int) -> None:
    tick = threading.Event()
    while os.getppid() == parent:
        tick.wait(1)
    os._exit(1)
