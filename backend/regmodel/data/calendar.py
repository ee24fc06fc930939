"""The calendar of Paris as numbers: local hour, weekday, public and school holidays.

School holidays are those of zone C, which Paris belongs to. Outside the listed years they are NaN, not "no".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import holidays
import numpy as np
import pandas as pd

from backend.regmodel.data.counts import Floats, Ints

# First free day to first school day, zone C, from the ministry's calendar.
SCHOOL_HOLIDAYS = (
    ("2020-10-17", "2020-11-02"),
    ("2020-12-19", "2021-01-04"),
    ("2021-02-13", "2021-03-01"),
    ("2021-04-10", "2021-04-26"),
    ("2021-07-06", "2021-09-02"),
    ("2021-10-23", "2021-11-08"),
    ("2021-12-18", "2022-01-03"),
    ("2022-02-19", "2022-03-07"),
    ("2022-04-23", "2022-05-09"),
    ("2022-07-07", "2022-09-01"),
    ("2022-10-22", "2022-11-07"),
    ("2022-12-17", "2023-01-03"),
    ("2023-02-18", "2023-03-06"),
    ("2023-04-22", "2023-05-09"),
    ("2023-07-08", "2023-09-04"),
    ("2023-10-21", "2023-11-06"),
    ("2023-12-23", "2024-01-08"),
    ("2024-02-10", "2024-02-26"),
    ("2024-04-06", "2024-04-22"),
    ("2024-07-06", "2024-09-02"),
    ("2024-10-19", "2024-11-04"),
    ("2024-12-21", "2025-01-06"),
    ("2025-02-15", "2025-03-03"),
    ("2025-04-12", "2025-04-28"),
    ("2025-07-05", "2025-09-01"),
    ("2025-10-18", "2025-11-03"),
    ("2025-12-20", "2026-01-05"),
    ("2026-02-21", "2026-03-09"),
    ("2026-04-18", "2026-05-04"),
    ("2026-07-04", "2026-09-01"),
)
KNOWN_FROM, KNOWN_UNTIL = date(2020, 9, 1), date(2026, 9, 1)
HOURS_A_WEEK = 168


@dataclass(frozen=True, slots=True)
class LocalTime:
    """Parallel float64 arrays, one element per hour."""

    hour: Floats
    weekday: Floats
    holiday: Floats
    school_holiday: Floats

    @property
    def hour_of_week(self) -> Ints:
        """0 is Monday 00:00 in Paris, 167 Sunday 23:00."""
        return (self.weekday * 24 + self.hour).astype(np.int64)


def local_times(hours: Ints) -> LocalTime:
    """The local time in Paris of these hours (since 1970, UTC)."""
    distinct, where = np.unique(hours, return_inverse=True)
    local = (
        pd.DatetimeIndex(distinct * 3600, dtype="datetime64[s]").tz_localize("UTC").tz_convert("Europe/Paris")
    )
    dates, day_of = np.unique(local.date, return_inverse=True)
    days: list[date] = dates.tolist()
    return LocalTime(
        hour=local.hour.to_numpy(np.float64)[where],
        weekday=local.dayofweek.to_numpy(np.float64)[where],
        holiday=_public(days)[day_of][where],
        school_holiday=_school(days)[day_of][where],
    )


def _public(days: Iterable[date]) -> Floats:
    french = holidays.country_holidays("FR", years={day.year for day in days})
    return np.array([day in french for day in days], dtype=np.float64)


def _school(days: Iterable[date]) -> Floats:
    return np.array([_is_school_holiday(day) for day in days], dtype=np.float64)


def _is_school_holiday(day: date) -> float:
    if not KNOWN_FROM <= day < KNOWN_UNTIL:
        return float("nan")
    return float(any(start <= day.isoformat() < end for start, end in SCHOOL_HOLIDAYS))
