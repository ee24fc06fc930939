"""What a training window teaches about each counter: its level, and the shape of its week."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.regmodel.data.calendar import HOURS_A_WEEK, local_times
from backend.regmodel.data.counts import Counts, Floats, Ints, Rows


@dataclass(frozen=True, slots=True)
class Profile:
    """The last row of both arrays is the city's mean: it stands in for every counter not in the window."""

    counters: tuple[str, ...]
    level: Floats
    """float64[counters + 1]: mean count an hour."""
    shape: Floats
    """float64[counters + 1, 168]: share of the level by hour of the week; NaN where never recorded."""

    def knows(self, counter: str) -> bool:
        return counter in self.counters

    def columns_of(self, counters: Sequence[str], columns: Ints) -> Ints:
        """Translate the grid's columns into this profile's rows."""
        place = {counter: index for index, counter in enumerate(self.counters)}
        stranger = len(self.counters)
        translation = np.array([*(place.get(c, stranger) for c in counters), stranger], dtype=np.int64)
        return np.asarray(translation[columns])


def learn(counts: Counts, rows: Rows) -> Profile:
    """Learn from the counts at these recorded rows, of which there is at least one."""
    seen = np.unique(rows.columns)
    own = np.searchsorted(seen, rows.columns)
    week_hour = local_times(rows.hours).hour_of_week
    observed = counts.at(rows.hours, rows.columns)
    level = _means(own, observed, len(seen))
    table = _means(own * HOURS_A_WEEK + week_hour, observed, len(seen) * HOURS_A_WEEK)
    city = _means(week_hour, observed, HOURS_A_WEEK)
    every_level = np.append(level, observed.mean())
    table = np.vstack([table.reshape(len(seen), HOURS_A_WEEK), city])
    shape = np.divide(table, every_level[:, None], out=np.zeros_like(table), where=every_level[:, None] > 0)
    return Profile(tuple(counts.counters[column] for column in seen), every_level, shape)


def _means(groups: Ints, values: Floats, size: int) -> Floats:
    """Mean by group number, NaN for a group without values."""
    count = np.bincount(groups, minlength=size).astype(np.float64)
    total = np.bincount(groups, weights=values, minlength=size)
    mean = np.full(size, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean
