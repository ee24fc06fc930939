"""A generated year of counts for where no real ones are available: same shape, seeded.

It has what breaks models in the real year: lockdown levels, a Christmas and an August dip, snow, dead
sensors, absent rows and counters that start late. docs/MODEL.md describes the distributions.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from backend.regmodel.data.calendar import LocalTime, local_times
from backend.regmodel.data.counts import Counts, Floats, hour_number

SEED = 20_200_901
START = datetime(2020, 9, 1, 1, tzinfo=UTC)
HOURS = 8_975
NAN = float("nan")

WORKDAY = (2, 1, 1, 1, 2, 6, 18, 55, 100, 62, 38, 36, 42, 42, 42, 48, 66, 98, 105, 72, 44, 27, 16, 8)
WEEKEND = (8, 6, 4, 3, 2, 2, 4, 8, 15, 26, 38, 46, 48, 50, 58, 64, 66, 64, 58, 46, 34, 25, 18, 13)


@dataclass(frozen=True, slots=True)
class LevelShift:
    """A period in which the whole city counts `level` times the usual."""

    start: str
    end: str
    level: float


SATURDAY = 5
RUSH_HOURS = {**dict.fromkeys(range(6, 11), 1.0), **dict.fromkeys(range(16, 21), -1.0)}
"""Towards the centre in the morning, out again in the evening."""

LEVEL_SHIFTS = (
    LevelShift("2020-10-30", "2020-12-15", 0.72),
    LevelShift("2020-12-19", "2021-01-04", 0.38),
    LevelShift("2021-01-04", "2021-04-03", 0.66),
    LevelShift("2021-02-08", "2021-02-14", 0.45),
    LevelShift("2021-04-03", "2021-05-03", 0.62),
    LevelShift("2021-07-17", "2021-08-02", 0.80),
    LevelShift("2021-08-02", "2021-08-23", 0.55),
)


@dataclass(frozen=True, slots=True)
class Outage:
    """A fault of these columns' sensors between two hours."""

    columns: tuple[int, ...]
    start: str
    end: str
    reads: float
    """0: the sensor is stuck at 0; NaN: its rows are absent."""


OUTAGES = (
    Outage((4, 5), "2021-01-25T09", "2021-02-24T13", 0.0),
    Outage((8, 9), "2021-05-05T23", "2021-07-21T08", 0.0),
    Outage((12, 13), "2021-03-12T23", "2021-03-31T21", NAN),
    Outage((-1, -2), "2020-09-01T01", "2020-12-09T23", NAN),
)


def generated_year(*, seed: int = SEED, counters: int = 56) -> Counts:
    """The same year for the same seed, on every machine. Its outages need at least fourteen counters."""
    draw = np.random.default_rng(seed)
    hours = hour_number(START) + np.arange(HOURS)
    local = local_times(hours)
    city = _level_shifts(hours) * _weather(draw) * _season(hours)
    expected = city[:, None] * _profiles(draw, local, counters) * _sizes(draw, counters)
    values = draw.poisson(expected * draw.gamma(30, 1 / 30, size=expected.shape)).astype(np.float64)
    _break_sensors(values)
    return Counts(int(hours[0]), tuple(f"1000{n // 2:05d}-10{n:07d}" for n in range(counters)), values)


def _profiles(draw: np.random.Generator, local: LocalTime, counters: int) -> Floats:
    """float64[hours, counters]: each a mix of commuting and leisure with a rush hour of its own."""
    free = (local.weekday >= SATURDAY) | (local.holiday > 0)
    hour = local.hour.astype(np.int64)
    usual = np.where(free, np.array(WEEKEND)[hour], np.array(WORKDAY)[hour])
    leisure = np.array(WEEKEND)[hour]
    share = draw.uniform(0.6, 1.0, size=counters)
    morning = np.where(np.arange(counters) % 2 == 0, 1.0, -1.0) * draw.uniform(0.0, 0.5, size=counters)
    tilt = np.array([RUSH_HOURS.get(h, 0.0) for h in range(24)])[hour]
    mixed = share * usual[:, None] + (1 - share) * leisure[:, None]
    return np.asarray(mixed * (1 + morning * tilt[:, None] * ~free[:, None]) / 40)


def _sizes(draw: np.random.Generator, counters: int) -> Floats:
    """Mean counts an hour: a few large counters, many small ones, as in the real city (mean 60)."""
    return np.clip(draw.lognormal(mean=4.35, sigma=0.75, size=counters), 12, 500)


def _level_shifts(hours: np.ndarray) -> Floats:
    level = np.ones(len(hours))
    for shift in LEVEL_SHIFTS:
        level[_between(hours, shift.start, shift.end)] *= shift.level
    return level


def _weather(draw: np.random.Generator) -> Floats:
    """Wet and dry days follow each other: a first-order process over days, 12 % about its mean."""
    days = HOURS // 24 + 1
    log_level = np.zeros(days)
    for day in range(1, days):
        log_level[day] = 0.55 * log_level[day - 1] + draw.normal(0, 0.10)
    return np.exp(np.repeat(log_level, 24)[:HOURS])


def _season(hours: np.ndarray) -> Floats:
    """Warmest in late June, 15 % either way."""
    day_of_year = (hours // 24) % 365.25
    return np.asarray(1 + 0.15 * np.cos(2 * np.pi * (day_of_year - 172) / 365.25))


def _break_sensors(values: Floats) -> None:
    hours = hour_number(START) + np.arange(HOURS)
    for outage in OUTAGES:
        for column in outage.columns:
            values[_between(hours, outage.start, outage.end), column] = outage.reads
    values[_between(hours, "2020-10-25T00", "2020-10-25T01")] = NAN


def _between(hours: np.ndarray, start: str, end: str) -> np.ndarray:
    first, last = (hour_number(datetime.fromisoformat(text).replace(tzinfo=UTC)) for text in (start, end))
    return np.asarray((hours >= first) & (hours < last))
