"""A process that dies before it began is replaced; one that dies under its work is told of."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.regmodel.jobs.workers import Worker, WorkerDied

ENOUGH_S = 60.0


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker("test")
    yield worker
    worker.stop()


def kill_oneself(log: Path) -> None:
    with log.open("a") as file:
        file.write("begun\n")
    os.kill(os.getpid(), signal.SIGKILL)


def too_long() -> None:
    time.sleep(ENOUGH_S)  # noqa: TID251 - the work under test is one that does not end


async def died_before_it_began(worker: Worker) -> tuple[int, int]:
    """The work lies in the queue of a process that is held, and is killed before it is let go."""
    first = await worker.run(ENOUGH_S, os.getpid)
    os.kill(first, signal.SIGSTOP)
    asked = asyncio.create_task(worker.run(ENOUGH_S, os.getpid))
    await asyncio.sleep(0)  # until the work is in line
    os.kill(first, signal.SIGKILL)
    return first, await asked


def test_work_that_a_dying_process_never_began_is_done_by_another(worker: Worker) -> None:
    first, second = asyncio.run(died_before_it_began(worker))

    assert first != second


def test_work_that_was_begun_is_not_begun_again(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(WorkerDied, match="killed or ran out of memory"):
        asyncio.run(worker.run(ENOUGH_S, kill_oneself, tmp_path / "log"))

    assert (tmp_path / "log").read_text() == "begun\n"


def test_after_a_death_under_work_another_process_answers(worker: Worker, tmp_path: Path) -> None:
    async def both() -> int:
        with pytest.raises(WorkerDied):
            await worker.run(ENOUGH_S, kill_oneself, tmp_path / "log")
        return await worker.run(ENOUGH_S, os.getpid)

    assert asyncio.run(both()) != os.getpid()


def test_work_over_its_time_is_ended_and_told_of(worker: Worker) -> None:
    async def run() -> None:
        await worker.run(ENOUGH_S, os.getpid)
        await worker.run(0.2, too_long)

    with pytest.raises(WorkerDied, match="ended after"):
        asyncio.run(run())
    assert worker.pids == ()
