"""Counts that were posted to the service, kept in one SQLite file.

An upsert by (counter, hour): a repeated post changes nothing, a late or corrected count replaces the old one.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from backend.regmodel.data.counts import EMPTY, Counts, hour_number

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS counts (counter TEXT, hour INTEGER, count REAL, PRIMARY KEY (counter, hour))"
)
UPSERT = (
    "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT (counter, hour) DO UPDATE SET count = excluded.count"
)

MAX_CELLS = 20_000_000
"""Upper bound on hours times counters of the grid: 160 MB, or 200 counters for eleven years."""


class TooWide(Exception):
    """The grid would become larger than MAX_CELLS."""


@dataclass(frozen=True, slots=True)
class Observation:
    counter_id: str
    at: datetime
    count: float


def write(path: Path, posted: Sequence[Observation]) -> None:
    """All of them are on disk when this returns; none when it raises."""
    with _connected(path) as connection, connection:
        connection.execute(SCHEMA)
        connection.executemany(UPSERT, [(o.counter_id, hour_number(o.at), o.count) for o in posted])


def read(path: Path) -> Counts:
    if not path.exists():
        return EMPTY
    with _connected(path) as connection:
        connection.execute(SCHEMA)
        return _grid(connection.execute("SELECT counter, hour, count FROM counts").fetchall())


def to_grid(posted: Sequence[Observation], *, beside: Counts) -> Counts:
    """A grid to lay over `beside`. Raises TooWide before it allocates the memory."""
    _check_size(posted, beside)
    return _grid([(o.counter_id, hour_number(o.at), o.count) for o in posted])


@contextlib.contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
        yield connection


def _check_size(posted: Sequence[Observation], beside: Counts) -> None:
    hours = [hour_number(o.at) for o in posted]
    if len(beside.grid):
        hours += [beside.first_hour, beside.first_hour + len(beside.grid) - 1]
    if not hours:
        return
    length, counters = max(hours) - min(hours) + 1, len({*beside.counters, *(o.counter_id for o in posted)})
    if length * counters > MAX_CELLS:
        raise TooWide(
            f"with them there would be {counters:,} counters over {length:,} hours; together at most "
            f"{MAX_CELLS:,} counter-hours are kept"
        )


def _grid(points: Sequence[tuple[str, int, float]]) -> Counts:
    if not points:
        return EMPTY
    names = tuple(sorted({counter for counter, _, _ in points}))
    first = min(hour for _, hour, _ in points)
    last = max(hour for _, hour, _ in points)
    counts = Counts(first, names, np.full((last - first + 1, len(names)), np.nan))
    columns = counts.columns_of([counter for counter, _, _ in points])
    hours = np.array([hour for _, hour, _ in points]) - first
    counts.grid[hours, columns] = [count for _, _, count in points]
    return counts
