"""Dead sensors: a day of recorded zeros where counts are usual. Their hours are no record of traffic."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from backend.regmodel.data.calendar import HOURS_A_WEEK
from backend.regmodel.data.counts import Counts, Floats, Ints, hour_start
from backend.regmodel.data.means import running_mean

DEAD_HOURS = 24
"""Recorded zeros in a row; also across hours without a record."""
USUAL_COUNT = 5.0
"""Mean count an hour, over the last four weeks before the zeros, from which so many zeros are a fault."""
SILENT_HOURS = 72
"""A counter whose newest record is older than this against the newest of all has gone; it is not dead."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DeadSensor:
    counter_id: str
    since: datetime
    """The first of the zeros."""
    usual: float
    """Mean count an hour before."""


def dead_hours(grid: Floats) -> tuple[Mask, Floats]:
    """Which cells are zeros of a dead sensor, and the usual count of each cell's run of zeros.

    Both have the shape of the grid, [hours, counters]. A run starts after a count above 0. A counter that
    never counted before its zeros has no usual count, and is not dead.
    """
    zero, positive = grid == 0, grid > 0
    run = np.cumsum(positive, axis=0, dtype=np.int64)
    long = zero & (_zeros_of_run(zero, run) >= DEAD_HOURS)
    usual = _before_run(_last_known(running_mean(np.where(long, np.nan, grid), 4 * HOURS_A_WEEK)), positive)
    return long & (usual >= USUAL_COUNT), usual


def without_dead_hours(grid: Floats) -> Floats:
    """The grid with NaN for every zero of a dead sensor."""
    dead, _ = dead_hours(grid)
    return np.where(dead, np.nan, grid)


def dead_sensors(counts: Counts) -> tuple[DeadSensor, ...]:
    """The counters whose newest record is a zero of a dead sensor, by name."""
    newest = newest_rows(counts.grid)
    if not newest.size or newest.max() < 0:
        return ()
    # Only a column without a count above 0 in the last day of the grid can be dead: look closer at those.
    last_day = counts.grid[max(int(newest.max()) + 1 - DEAD_HOURS, 0) : int(newest.max()) + 1]
    silent = newest <= newest.max() - SILENT_HOURS
    columns = np.flatnonzero(~(last_day > 0).any(axis=0) & ~silent)
    dead, usual = dead_hours(counts.grid[:, columns])
    sensors = (
        DeadSensor(
            counter_id=counts.counters[column],
            since=hour_start(counts.first_hour + _first_zero(counts.grid[:, column], int(newest[column]))),
            usual=float(usual[newest[column], place]),
        )
        for place, column in enumerate(columns.tolist())
        if dead[newest[column], place]
    )
    return tuple(sorted(sensors, key=lambda sensor: sensor.counter_id))


def newest_rows(grid: Floats) -> Ints:
    """The row of each column's newest record; -1 where it has none."""
    if not len(grid):
        return np.full(grid.shape[1], -1)
    recorded = ~np.isnan(grid)
    return np.where(recorded.any(axis=0), len(grid) - 1 - np.argmax(recorded[::-1], axis=0), -1)


def _zeros_of_run(zero: Mask, run: Ints) -> Ints:
    """How many zeros each cell's run has in all."""
    hours, counters = zero.shape
    number = run + np.arange(counters) * (hours + 1)
    totals = np.bincount(number[zero], minlength=(hours + 1) * counters)
    return np.asarray(totals[number])


def _last_known(values: Floats) -> Floats:
    """Each NaN becomes the last value above it, where there is one."""
    return _take(values, ~np.isnan(values))


def _before_run(values: Floats, positive: Mask) -> Floats:
    """The value at the last positive count; NaN where there was none."""
    return np.where(np.logical_or.accumulate(positive, axis=0), _take(values, positive), np.nan)


def _take(values: Floats, at: Mask) -> Floats:
    """The value at the last True up to each cell; the first value where there is none."""
    rows = np.where(at, np.arange(len(values))[:, None], 0)
    return np.take_along_axis(values, np.maximum.accumulate(rows, axis=0), axis=0)


def _first_zero(column: Floats, newest: int) -> int:
    """The row of the first zero of the run that row `newest` belongs to."""
    positive = np.flatnonzero(column[: newest + 1] > 0)
    start = int(positive[-1]) + 1
    return start + int(np.flatnonzero(column[start : newest + 1] == 0)[0])
