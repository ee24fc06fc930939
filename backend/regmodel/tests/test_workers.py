"""The worker process dies: before it started the work, during it, and at the timeout."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.regmodel.jobs.workers import MIB, Worker, WorkerDied

ENOUGH_S = 60.0


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker("test")
    yield worker
    worker.stop()


def kill_self(log: Path) -> None:
    with log.open("a") as file:
        file.write("started\n")
    os.kill(os.getpid(), signal.SIGKILL)


def too_long() -> None:
    time.sleep(ENOUGH_S)  # noqa: TID251 - the work under test does not end


async def die_before_start(worker: Worker) -> tuple[int, int]:
    """The work lies in the queue of a process that is held, and is killed before it is let go."""
    first = await worker.run(ENOUGH_S, os.getpid)
    os.kill(first, signal.SIGSTOP)
    pending = asyncio.create_task(worker.run(ENOUGH_S, os.getpid))
    await asyncio.sleep(0)  # until the work is in line
    os.kill(first, signal.SIGKILL)
    return first, await pending


def allocate(mebibytes: int) -> int:
    return len(bytearray(mebibytes * MIB))


def test_work_beyond_its_memory_fails_and_the_process_lives_on() -> None:
    worker = Worker("test", memory_mb=1_024)
    try:
        with pytest.raises(MemoryError):
            asyncio.run(worker.run(ENOUGH_S, allocate, 1_500))
        enough = asyncio.run(worker.run(ENOUGH_S, allocate, 100))
    finally:
        worker.stop()

    assert enough == 100 * MIB


def test_work_never_started_is_repeated_in_a_new_process(worker: Worker) -> None:
    first, second = asyncio.run(die_before_start(worker))

    assert first != second


def test_started_work_is_not_repeated(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(WorkerDied, match="killed or ran out of memory"):
        asyncio.run(worker.run(ENOUGH_S, kill_self, tmp_path / "log"))

    assert (tmp_path / "log").read_text() == "started\n"


def test_worker_recovers_after_its_process_died(worker: Worker, tmp_path: Path) -> None:
    async def both() -> int:
        with pytest.raises(WorkerDied):
            await worker.run(ENOUGH_S, kill_self, tmp_path / "log")
        return await worker.run(ENOUGH_S, os.getpid)

    assert asyncio.run(both()) != os.getpid()


def test_work_over_its_timeout_raises_worker_died(worker: Worker) -> None:
    async def run() -> None:
        await worker.run(ENOUGH_S, os.getpid)
        await worker.run(0.2, too_long)

    with pytest.raises(WorkerDied, match="ended after"):
        asyncio.run(run())
    assert worker.pids == ()
