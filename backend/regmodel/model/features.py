"""Turns grid points into a model's features, all of them known 48 hours before the hour itself.

Counts enter as shares of the counter's own recent level, so that one model serves small and large counters, a
lockdown and a summer, and a counter that was not in its training.
"""

from dataclasses import dataclass

import numpy as np

from backend.regmodel.data.calendar import HOURS_A_WEEK, local_times
from backend.regmodel.data.counts import Floats, Rows
from backend.regmodel.data.history import History
from backend.regmodel.model.profile import Profile

LAG_WEEKS = (1, 2, 3, 4)
# Another weekday, but fresher: the days between the last publication and a week ago.
LAG_DAYS = (4, 5, 6)
# Avoids a division by 0 for a dead or idle counter; three bicycles an hour is noise everywhere.
LEVEL_FLOOR = 3.0

NAMES = (
    "hour",
    "weekday",
    "holiday",
    "school_holiday",
    "holiday_1w_ago",
    "school_holiday_1w_ago",
    "school_holiday_2w_ago",
    *(f"count_{weeks}w_ago" for weeks in LAG_WEEKS),
    "median_of_weeks_ago",
    "mean_of_weeks_ago",
    "last_week_level",
    "profile",
    "change_in_a_week",
    "citys_change_in_a_week",
    *(f"count_{days}d_ago" for days in LAG_DAYS),
)


@dataclass(frozen=True, slots=True)
class Features:
    values: Floats
    """float64[rows, len(NAMES)], NaN where the history does not reach."""
    level: Floats
    """float64[rows]: bicycles per unit of the target."""


def features(history: History, profile: Profile, rows: Rows) -> Features:
    now, week_ago, fortnight_ago = (local_times(rows.hours - n * HOURS_A_WEEK) for n in range(3))
    week, month = (history.last_known(means, rows) for means in (history.week_mean, history.month_mean))
    columns = profile.columns_of(history.counts.counters, rows.columns)
    level = _first_known(month, week, profile.level[columns]) + LEVEL_FLOOR
    lags = np.stack([history.lag(rows, days=7 * weeks) for weeks in LAG_WEEKS])
    values = np.column_stack(
        [
            now.hour,
            now.weekday,
            now.holiday,
            now.school_holiday,
            week_ago.holiday,
            week_ago.school_holiday,
            fortnight_ago.school_holiday,
            *(lags / level),
            _nan_median(lags) / level,
            _nan_mean(lags) / level,
            week / level,
            profile.shape[columns, now.hour_of_week],
            _change_in_a_week(history, history.three_day_mean, rows),
            _change_in_a_week(history, history.city_three_day_mean, _city(rows)),
            *(history.lag(rows, days=days) / level for days in LAG_DAYS),
        ]
    )
    return Features(values=values, level=level)


def _change_in_a_week(history: History, means: Floats, rows: Rows) -> Floats:
    """The last three known days over the same a week earlier; 1 is added to both sides against 0 / 0."""
    return (history.last_known(means, rows) + 1) / (history.last_known(means, rows, weeks_before=1) + 1)


def _city(rows: Rows) -> Rows:
    return Rows(rows.hours, np.zeros_like(rows.columns))


def _first_known(*candidates: Floats) -> Floats:
    known = candidates[0]
    for candidate in candidates[1:]:
        known = np.where(np.isnan(known), candidate, known)
    return known


def _nan_mean(lags: Floats) -> Floats:
    """Mean over the known ones of axis 0; NaN, without a warning, where none is known."""
    known = np.count_nonzero(~np.isnan(lags), axis=0)
    total = np.nansum(lags, axis=0)
    mean = np.full(total.shape, np.nan)
    np.divide(total, known, out=mean, where=known > 0)
    return mean


def _nan_median(lags: Floats) -> Floats:
    """Median over the known ones of axis 0, by sorting NaN to the end."""
    ordered = np.sort(lags, axis=0)
    known = np.count_nonzero(~np.isnan(lags), axis=0)
    column = np.arange(lags.shape[1])
    lower, upper = np.maximum(known - 1, 0) // 2, np.minimum(known // 2, len(lags) - 1)
    return np.asarray((ordered[lower, column] + ordered[upper, column]) / 2)
