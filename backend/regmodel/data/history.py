"""The counts and their running means, computed once for each load of the data and updated by each post."""

from dataclasses import dataclass

import numpy as np

from backend.regmodel.data.calendar import HOURS_A_WEEK
from backend.regmodel.data.counts import Counts, Floats, Rows, enlarged, overlay
from backend.regmodel.data.means import city_mean, refresh, running_mean
from backend.regmodel.data.sensors import DeadSensor, dead_sensors, newest_rows, without_dead_hours

# A forecast reaches 48 hours ahead and the city publishes up to 48 hours late: features use nothing newer.
GAP_HOURS = 96
THREE_DAYS = 72
MONTH = 4 * HOURS_A_WEEK


@dataclass(frozen=True, slots=True)
class History:
    recorded: Counts
    """Everything, also the zeros of dead sensors."""
    newest_hour: int | None
    """Of any counter, in hours since 1970; None without a record."""
    dead_sensors: tuple[DeadSensor, ...]
    counts: Counts
    """Without the zeros of dead sensors: fits, scores, drift and features use these."""
    week_mean: Floats
    """float64[hours, counters]: mean of the 168 hours ending with this one; NaN below half recorded."""
    month_mean: Floats
    """The same over four weeks."""
    three_day_mean: Floats
    """The same over 72 hours."""
    city_three_day_mean: Floats
    """float64[hours, 1]: the same of the mean over all counters that recorded the hour."""

    @classmethod
    def of(cls, recorded: Counts) -> "History":
        grid = without_dead_hours(recorded.grid)
        return cls(
            recorded=recorded,
            newest_hour=_newest_hour(recorded),
            dead_sensors=dead_sensors(recorded),
            counts=Counts(recorded.first_hour, recorded.counters, grid),
            week_mean=running_mean(grid, HOURS_A_WEEK),
            month_mean=running_mean(grid, MONTH),
            three_day_mean=running_mean(grid, THREE_DAYS),
            city_three_day_mean=running_mean(city_mean(grid), THREE_DAYS),
        )

    def updated(self, newer: Counts) -> "History":
        """As History.of(overlay(self.recorded, newer)), but it computes only the rows that newer reaches."""
        if not self.recorded.grid.size or not newer.grid.size:
            return History.of(overlay(self.recorded, newer))
        recorded = overlay(self.recorded, newer)
        width = len(recorded.counters)
        grid, week, month, three_days = (
            enlarged(values, self.recorded, recorded, width)
            for values in (self.counts.grid, self.week_mean, self.month_mean, self.three_day_mean)
        )
        city = enlarged(self.city_three_day_mean, self.recorded, recorded, 1)
        for span in (_replace_columns(grid, recorded, newer.counters), _end_of(self.recorded, recorded)):
            refresh(week, grid, HOURS_A_WEEK, span)
            refresh(month, grid, MONTH, span)
            refresh(three_days, grid, THREE_DAYS, span)
            refresh(city, grid, THREE_DAYS, span, of=city_mean)
        counts = Counts(recorded.first_hour, recorded.counters, grid)
        newest, dead = _newest_hour(recorded), dead_sensors(recorded)
        return History(recorded, newest, dead, counts, week, month, three_days, city)

    def lag(self, rows: Rows, *, days: int) -> Floats:
        """The count at the same hour `days` ago. ValueError when it is not published in time."""
        if days * 24 < GAP_HOURS:
            raise ValueError(f"counts of {days} days ago are not known {GAP_HOURS} hours ahead")
        return self.counts.at(rows.hours - days * 24, rows.columns)

    def last_known(self, means: Floats, rows: Rows, *, weeks_before: int = 0) -> Floats:
        """A running mean of this history as it was known before each hour, or some weeks before that."""
        counts = Counts(self.counts.first_hour, self.counts.counters, means)
        return counts.at(rows.hours - GAP_HOURS - weeks_before * HOURS_A_WEEK, rows.columns)


def _newest_hour(counts: Counts) -> int | None:
    row = int(newest_rows(counts.grid).max(initial=-1))
    return None if row < 0 else counts.first_hour + row


def _replace_columns(grid: Floats, recorded: Counts, counters: tuple[str, ...]) -> range:
    """Write these counters' columns, without the zeros of dead sensors; return the rows that changed."""
    columns = recorded.columns_of(counters)
    before, after = grid[:, columns], without_dead_hours(recorded.grid[:, columns])
    grid[:, columns] = after
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    rows = np.flatnonzero(~same.all(axis=1))
    return range(int(rows[0]), int(rows[-1]) + 1) if len(rows) else range(0)


def _end_of(old: Counts, new: Counts) -> range:
    """An empty range at the old end: where the grid grew, `refresh` continues the means from there."""
    end = old.first_hour + len(old.grid) - new.first_hour
    return range(end, end)
