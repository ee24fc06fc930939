"""Periodic tasks: run at the start, at intervals, when woken, and whatever the last run raised."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from alert_router.services import scheduler
from alert_router.services.scheduler import PeriodicTask
from alert_router.store.engine import Unavailable

HOUR_S = 3600.0


def counting_runs(
    fault: Exception | None = None,
) -> tuple[Callable[[], Awaitable[object]], asyncio.Queue[int]]:
    """A task that counts its runs, the first of which fails with this fault."""
    runs: asyncio.Queue[int] = asyncio.Queue()
    count = 0

    async def run() -> None:
        nonlocal count
        count += 1
        runs.put_nowait(count)
        if fault is not None and count == 1:
            raise fault

    return run, runs


async def second_run(
    run: Callable[[], Awaitable[object]], runs: asyncio.Queue[int], *, every_s: float
) -> int:
    """Start the task, wake it after its first run, and wait for the second."""
    task = PeriodicTask("counting", every_s, run)
    repeating = asyncio.create_task(scheduler.repeat(task))
    async with asyncio.timeout(20):
        await runs.get()
        if every_s == HOUR_S:
            task.wake.set()
        number = await runs.get()
    repeating.cancel()
    return number


@pytest.mark.parametrize("every_s", [0.001, HOUR_S], ids=["interval", "wake"])
def test_task_runs_again_after_its_interval_or_when_woken(every_s: float) -> None:
    async def scenario() -> int:
        return await second_run(*counting_runs(), every_s=every_s)

    assert asyncio.run(scenario()) == 2


@pytest.mark.parametrize(
    ("fault", "level"), [(Unavailable("locked"), "WARNING"), (ValueError("planted"), "ERROR")]
)
def test_failed_run_is_logged_and_the_task_runs_again(
    fault: Exception, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> int:
        return await second_run(*counting_runs(fault), every_s=0.001)

    with caplog.at_level(logging.WARNING):
        number = asyncio.run(scenario())

    assert number == 2
    assert [(record.levelname, "counting" in record.getMessage()) for record in caplog.records] == [
        (level, True)
    ]
