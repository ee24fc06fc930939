"""The process that draws: real, and the ways in which it can fail."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from alert_router.charts.process import ChartError, ChartLate, ChartProcess, Times
from alert_router.charts.spec import ChartSpec, Line, Mark, from_json, to_json
from alert_router.domain.quantities import RATIO

POINTS = tuple((60.0 * minute, 0.01 * minute) for minute in range(60))
SPEC = ChartSpec(
    start=0,
    end=3600,
    step_s=60,
    lines=(Line(POINTS), Line(POINTS, "_a $b$ c", stressed=True), Line(POINTS[:1], "é漢", stressed=True)),
    spans=((1800.0, 3600.0),),
    limit=0.05,
    marks=(Mark(900.0, "rf-41 -> rf-42"), Mark(1200.0, "$" * 100)),
    unit=RATIO,
)
ENDED = "the process ended"


def run(work: Callable[[ChartProcess], Coroutine[Any, Any, Any]], process: ChartProcess) -> Any:
    async def with_end() -> Any:
        try:
            return await work(process)
        finally:
            await process.close()

    return asyncio.run(with_end())


def test_specification_survives_the_wire() -> None:
    assert from_json(to_json(SPEC)) == SPEC


def test_killed_process_is_replaced_and_an_idle_one_ends() -> None:
    async def work(process: ChartProcess) -> tuple[list[bytes], list[int | None]]:
        first = await process.draw(SPEC)
        killed = process.pid
        os.kill(killed or 0, signal.SIGKILL)
        second = await process.draw(replace(SPEC, lines=SPEC.lines[1:2]))
        alive = process.pid
        async with asyncio.timeout(20):
            while process.pid is not None:  # noqa: ASYNC110 - until it has been idle
                await asyncio.sleep(0.01)
        return [first, second], [killed, alive]

    pictures, pids = run(work, ChartProcess(times=Times(start_s=60, draw_s=30, idle_s=0.2)))

    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert None not in pids
    assert pids[0] != pids[1]
    assert "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("import time; time.sleep(60)", ChartLate),
        ("import sys; sys.stdout.write('x' * 100)", ChartError),
        ("pass", ChartError),
        (
            "import sys, time; sys.stdout.buffer.write(b'r' + bytes(4)); sys.stdout.flush(); time.sleep(60)",
            ChartLate,
        ),
        (
            "import sys; sys.stdout.buffer.write(b'r' + bytes(4)); sys.stdout.flush(); sys.stdin.read(1)",
            ChartError,
        ),
    ],
    ids=["never ready", "nonsense", "ends at once", "hangs", "ends while drawing"],
)
def test_process_that_fails_is_an_error_and_leaves_nothing(program: str, error: type[ChartError]) -> None:
    async def work(process: ChartProcess) -> int | None:
        with pytest.raises(error):
            await process.draw(SPEC)
        return process.pid

    # -S -E: a bare interpreter starts fast.
    process = ChartProcess((sys.executable, "-S", "-E", "-c", program), Times(start_s=1.5, draw_s=0.3))

    assert run(work, process) is None


def test_chart_that_cannot_be_drawn_does_not_end_the_process() -> None:
    async def work(process: ChartProcess) -> tuple[int | None, int | None]:
        with pytest.raises(ChartError, match="Error"):
            await process.draw(replace(SPEC, lines=()))
        before = process.pid
        await process.draw(SPEC)
        return before, process.pid

    before, after = run(work, ChartProcess(times=Times(start_s=60, draw_s=30)))

    assert before == after
