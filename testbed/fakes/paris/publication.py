"""Which rows the API serves at a given time: those that have arrived and are not too old; some are null."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

from testbed.fakes.paris.year import HOUR, Counter, Year


@dataclass(frozen=True, slots=True)
class Habits:
    """How the city publishes. Shares are of rows, by a hash of the row: the same row is always null."""

    delay_hours: tuple[int, int] = (24, 48)
    """The rows of a counter and day arrive together, this long after their hour."""
    null_counts: float = 0.005
    """A null count stays null for a day after it arrived."""
    null_places: float = 0.02
    window: timedelta = timedelta(days=396)
    """Thirteen months."""


PROMPT = Habits(delay_hours=(1, 1), null_counts=0, null_places=0)


@dataclass(frozen=True, slots=True)
class Shown:
    counter: Counter
    hour: datetime
    count: int | None
    with_place: bool


def shown(year: Year, habits: Habits, now: datetime, *, since: datetime, until: datetime) -> Iterator[Shown]:
    """Every row of hours from since (inclusive) to until (exclusive) that is visible now, oldest first."""
    first = bisect_left(year.hours, max(since, now - habits.window))
    for hour, counts in zip(year.hours[first:], year.counts[first:], strict=True):
        if hour >= min(until, now):
            return
        for counter, count in zip(year.counters, counts, strict=True):
            if count is not None and hour + delay(habits, counter, hour) <= now:
                yield _row(habits, now, counter, hour, count)


def delay(habits: Habits, counter: Counter, hour: datetime) -> timedelta:
    shortest, longest = habits.delay_hours
    share = _share("delay", counter.id, hour.date().isoformat())
    return HOUR * (shortest + round(share * (longest - shortest)))


def _row(habits: Habits, now: datetime, counter: Counter, hour: datetime, count: int) -> Shown:
    text = hour.isoformat()
    fresh = hour + delay(habits, counter, hour) + timedelta(days=1) > now
    null = fresh and _share("count", counter.id, text) < habits.null_counts
    placed = counter.latitude is not None and _share("place", counter.id, text) >= habits.null_places
    return Shown(counter, hour, None if null else count, placed)


def _share(*parts: str) -> float:
    """Uniform in [0, 1), the same for the same parts in every process."""
    return crc32("|".join(parts).encode()) / 2**32
