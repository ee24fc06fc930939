"""Each counter's level and weekly shape in a training window."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.regmodel.data.calendar import HOURS_A_WEEK, local_times
from backend.regmodel.data.counts import Counts, Floats, Ints, Rows


@dataclass(frozen=True, slots=True)
class Profile:
    """The last row of both arrays is the city's mean, used for every counter not in the window."""

    counters: tuple[str, ...]
    level: Floats
    """float64[counters + 1]: mean count an hour."""
    shape: Floats
    """float64[counters + 1, 168]: share of the level by hour of the week; NaN where never recorded."""

    def columns_of(self, counters: Sequence[str], columns: Ints) -> Ints:
        """Translate the grid's columns into this profile's rows."""
        index_of = {counter: index for index, counter in enumerate(self.counters)}
        unknown = len(self.counters)
        translation = np.array([*(index_of.get(c, unknown) for c in counters), unknown], dtype=np.int64)
        return np.asarray(translation[columns])


def learn(counts: Counts, rows: Rows) -> Profile:
    """Learn from the counts at these recorded rows, of which there is at least one."""
    columns = np.unique(rows.columns)
    own = np.searchsorted(columns, rows.columns)
    week_hour = local_times(rows.hours).hour_of_week
    observed = counts.at(rows.hours, rows.columns)
    level = _means(own, observed, len(columns))
    table = _means(own * HOURS_A_WEEK + week_hour, observed, len(columns) * HOURS_A_WEEK)
    city = _means(week_hour, observed, HOURS_A_WEEK)
    levels = np.append(level, observed.mean())
    table = np.vstack([table.reshape(len(columns), HOURS_A_WEEK), city])
    shape = np.divide(table, levels[:, None], out=np.zeros_like(table), where=levels[:, None] > 0)
    return Profile(tuple(counts.counters[column] for column in columns), levels, shape)


def _means(groups: Ints, values: Floats, size: int) -> Floats:
    """Mean by group number, NaN for a group without values."""
    count = np.bincount(groups, minlength=size).astype(np.float64)
    total = np.bincount(groups, weights=values, minlength=size)
    mean = np.full(size, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean
