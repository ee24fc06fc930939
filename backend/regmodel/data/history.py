"""What a model may look back at: the counts and their running means, once for each load of the data."""

from dataclasses import dataclass

import numpy as np

from backend.regmodel.data.calendar import HOURS_A_WEEK
from backend.regmodel.data.counts import Counts, Floats, Ints

# A forecast reaches 48 hours ahead and the city publishes up to 48 hours late: nothing newer is ever
# looked at.
GAP_HOURS = 96


@dataclass(frozen=True, slots=True)
class History:
    counts: Counts
    week_mean: Floats
    """float64[hours, counters]: mean of the 168 hours ending with this one; NaN below half recorded."""
    month_mean: Floats
    """The same over four weeks."""

    @classmethod
    def of(cls, counts: Counts) -> "History":
        return cls(
            counts=counts,
            week_mean=_running_mean(counts.grid, HOURS_A_WEEK),
            month_mean=_running_mean(counts.grid, 4 * HOURS_A_WEEK),
        )

    def lag(self, rows_hours: Ints, columns: Ints, *, weeks: int) -> Floats:
        return self.counts.at(rows_hours - weeks * HOURS_A_WEEK, columns)

    def recent(self, rows_hours: Ints, columns: Ints) -> tuple[Floats, Floats]:
        """Mean of the last known week and of the last known four weeks before each hour."""
        hours = rows_hours - GAP_HOURS
        counts = self.counts
        week = Counts(counts.first_hour, counts.counters, self.week_mean).at(hours, columns)
        month = Counts(counts.first_hour, counts.counters, self.month_mean).at(hours, columns)
        return week, month


def _running_mean(values: Floats, hours: int) -> Floats:
    known = ~np.isnan(values)
    total = np.cumsum(np.where(known, values, 0.0), axis=0)
    count = np.cumsum(known, axis=0).astype(np.float64)
    total[hours:] -= total[:-hours].copy() if len(total) > hours else 0
    count[hours:] -= count[:-hours].copy() if len(count) > hours else 0
    mean = np.full(values.shape, np.nan)
    np.divide(total, count, out=mean, where=count >= hours / 2)
    return mean
