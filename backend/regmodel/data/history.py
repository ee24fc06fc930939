"""The counts and their running means, computed once for each load of the data."""

from dataclasses import dataclass

import numpy as np

from backend.regmodel.data.calendar import HOURS_A_WEEK
from backend.regmodel.data.counts import Counts, Floats, Rows

# A forecast reaches 48 hours ahead and the city publishes up to 48 hours late: features use nothing newer.
GAP_HOURS = 96
THREE_DAYS = 72


@dataclass(frozen=True, slots=True)
class History:
    counts: Counts
    week_mean: Floats
    """float64[hours, counters]: mean of the 168 hours ending with this one; NaN below half recorded."""
    month_mean: Floats
    """The same over four weeks."""
    three_day_mean: Floats
    """The same over 72 hours."""
    city_three_day_mean: Floats
    """float64[hours, 1]: the same of the mean over all counters that recorded the hour."""

    @classmethod
    def of(cls, counts: Counts) -> "History":
        return cls(
            counts=counts,
            week_mean=_running_mean(counts.grid, HOURS_A_WEEK),
            month_mean=_running_mean(counts.grid, 4 * HOURS_A_WEEK),
            three_day_mean=_running_mean(counts.grid, THREE_DAYS),
            city_three_day_mean=_running_mean(_city(counts.grid), THREE_DAYS),
        )

    def lag(self, rows: Rows, *, days: int) -> Floats:
        """The count at the same hour `days` ago. ValueError when it is not published in time."""
        if days * 24 < GAP_HOURS:
            raise ValueError(f"counts of {days} days ago are not known {GAP_HOURS} hours ahead")
        return self.counts.at(rows.hours - days * 24, rows.columns)

    def last_known(self, means: Floats, rows: Rows, *, weeks_before: int = 0) -> Floats:
        """A running mean of this history as it was known before each hour, or some weeks before that."""
        counts = Counts(self.counts.first_hour, self.counts.counters, means)
        return counts.at(rows.hours - GAP_HOURS - weeks_before * HOURS_A_WEEK, rows.columns)


def _city(grid: Floats) -> Floats:
    known = ~np.isnan(grid)
    mean = np.full((len(grid), 1), np.nan)
    count = known.sum(axis=1, keepdims=True)
    np.divide(np.where(known, grid, 0.0).sum(axis=1, keepdims=True), count, out=mean, where=count > 0)
    return mean


def _running_mean(values: Floats, hours: int) -> Floats:
    known = ~np.isnan(values)
    total = np.cumsum(np.where(known, values, 0.0), axis=0)
    count = np.cumsum(known, axis=0).astype(np.float64)
    total[hours:] -= total[:-hours].copy() if len(total) > hours else 0
    count[hours:] -= count[:-hours].copy() if len(count) > hours else 0
    mean = np.full(values.shape, np.nan)
    np.divide(total, count, out=mean, where=count >= hours / 2)
    return mean
