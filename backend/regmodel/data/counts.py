"""Hourly counts as one dense grid: hours x counters, NaN where nothing was recorded. No files here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def hour_number(at: datetime) -> int:
    """Whole hours since 1970 of the hour that `at` lies in."""
    return int((at - EPOCH) // HOUR)


def hour_start(number: int) -> datetime:
    return EPOCH + number * HOUR


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open: includes start, excludes end. Both aware."""

    start: datetime
    end: datetime

    @property
    def hours(self) -> range:
        """The hours that begin inside the window; a part of an hour at its start is left out."""
        return range(-((EPOCH - self.start) // HOUR), -((EPOCH - self.end) // HOUR))

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H:%MZ} to {self.end:%Y-%m-%dT%H:%MZ}"


@dataclass(frozen=True, slots=True)
class Rows:
    """Points of the grid: parallel arrays, any order, any hour."""

    hours: Ints
    columns: Ints
    """Index into the counters of the grid; -1 is a counter the grid does not know."""

    def __len__(self) -> int:
        return len(self.hours)


@dataclass(frozen=True, slots=True)
class Counts:
    first_hour: int
    counters: tuple[str, ...]
    grid: Floats
    """float64[hours, counters], one row for every hour since first_hour without a gap."""

    @classmethod
    def of_frame(cls, frame: pd.DataFrame) -> "Counts":
        """Take a frame of aware hours x counters; absent hours become rows of NaN."""
        numbers = pd.DatetimeIndex(frame.index).as_unit("s").asi8 // 3600
        first = int(numbers.min()) if len(numbers) else 0
        values = np.full((int(numbers.max()) - first + 1 if len(numbers) else 0, frame.shape[1]), np.nan)
        values[numbers - first] = frame.to_numpy(dtype=np.float64)
        return cls(first_hour=first, counters=tuple(map(str, frame.columns)), grid=values)

    @property
    def window(self) -> Window:
        return Window(hour_start(self.first_hour), hour_start(self.first_hour + len(self.grid)))

    def columns_of(self, counters: Sequence[str]) -> Ints:
        known = {counter: column for column, counter in enumerate(self.counters)}
        return np.array([known.get(counter, -1) for counter in counters], dtype=np.int64)

    def at(self, hours: Ints, columns: Ints) -> Floats:
        """Counts at these points, NaN outside the grid."""
        offsets = hours - self.first_hour
        inside = (offsets >= 0) & (offsets < len(self.grid)) & (columns >= 0)
        values = np.full(np.broadcast(offsets, columns).shape, np.nan)
        values[inside] = self.grid[offsets[inside], columns[inside]]
        return values

    def slice(self, window: Window) -> Floats:
        """The grid's rows inside the window, fewer than the window's hours where the grid ends."""
        hours = window.hours
        lower = min(max(hours.start - self.first_hour, 0), len(self.grid))
        upper = min(max(hours.stop - self.first_hour, lower), len(self.grid))
        return self.grid[lower:upper]

    def recorded(self, window: Window) -> Rows:
        """Every recorded point inside the window, in order of time."""
        values = self.slice(window)
        start = max(window.hours.start, self.first_hour)
        hours, columns = np.nonzero(~np.isnan(values))
        return Rows(hours=hours + start, columns=columns)


EMPTY = Counts(0, (), np.empty((0, 0)))


def without(rows: Rows, window: Window | None) -> Rows:
    if window is None:
        return rows
    keep = (rows.hours < window.hours.start) | (rows.hours >= window.hours.stop)
    return Rows(rows.hours[keep], rows.columns[keep])


def overlay(counts: Counts, newer: Counts) -> Counts:
    """Lay newer over counts: where both have a point, newer wins; new hours and counters are added."""
    if not newer.grid.size:
        return counts
    if not counts.grid.size:
        return newer
    counters = (*counts.counters, *(c for c in newer.counters if c not in set(counts.counters)))
    first = min(counts.first_hour, newer.first_hour)
    last = max(counts.first_hour + len(counts.grid), newer.first_hour + len(newer.grid))
    grid = np.full((last - first, len(counters)), np.nan)
    merged = Counts(first, counters, grid)
    grid[counts.first_hour - first :][: len(counts.grid), : len(counts.counters)] = counts.grid
    cells = np.ix_(newer.first_hour - first + np.arange(len(newer.grid)), merged.columns_of(newer.counters))
    grid[cells] = np.where(np.isnan(newer.grid), grid[cells], newer.grid)
    return merged


def enlarged(values: Floats, old: Counts, new: Counts, width: int) -> Floats:
    """Move values from the rows of `old` to the rows of `new`, which includes them; NaN elsewhere.

    float64[hours of old, columns] becomes float64[hours of new, width].
    """
    larger = np.full((len(new.grid), width), np.nan)
    larger[old.first_hour - new.first_hour :][: len(values), : values.shape[1]] = values
    return larger
