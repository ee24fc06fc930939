"""The counts of a year: the city's own where they are at hand, else a small generated year."""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import pi, sin
from pathlib import Path
from random import Random

HOUR = timedelta(hours=1)
SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"
COUNTS_FILE = "paris_bike_hourly_2020-09_2021-09_wide.csv.gz"
COUNTERS_FILE = "counters.csv"


@dataclass(frozen=True, slots=True)
class Counter:
    id: str
    name: str
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Year:
    counters: tuple[Counter, ...]
    hours: tuple[datetime, ...]
    """In order; an hour may be absent."""
    counts: tuple[tuple[int | None, ...], ...]
    """By hour, then by counter. None: the counter has no row for this hour."""


def real_or_generated(folder: Path = SHARED) -> Year:
    """The real year where the folder holds it, else the generated year."""
    return read(folder) if (folder / COUNTS_FILE).exists() else generated()


def read(folder: Path) -> Year:
    with (folder / COUNTERS_FILE).open(newline="") as file:
        known = {row["id_compteur"]: _counter(row) for row in csv.DictReader(file)}
    with gzip.open(folder / COUNTS_FILE, "rt", newline="") as file:
        header, *lines = csv.reader(file)
    return Year(
        counters=tuple(known.get(name) or Counter(name, name) for name in header[1:]),
        hours=tuple(datetime.fromisoformat(line[0]) for line in lines),
        counts=tuple(tuple(int(cell) if cell else None for cell in line[1:]) for line in lines),
    )


def generated(
    *,
    counters: int = 6,
    start: datetime = datetime(2020, 9, 1, tzinfo=UTC),
    days: int = 365,
    seed: int = 2020,
) -> Year:
    """Two rush hours on working days, a midday peak on others, less in winter, noise, a level per counter."""
    draw = Random(seed)  # noqa: S311 - repeatable on purpose
    sites = [_generated_counter(number, draw) for number in range(counters)]
    levels = [20 + 80 * draw.random() for _ in sites]
    hours = [start + HOUR * number for number in range(24 * days)]
    return Year(tuple(sites), tuple(hours), tuple(_row(hour, levels, draw) for hour in hours))


def _counter(row: dict[str, str]) -> Counter:
    return Counter(row["id_compteur"], row["nom_compteur"], float(row["lat"]), float(row["lon"]))


def _generated_counter(number: int, draw: Random) -> Counter:
    name = f"10000000{number}-10100000{number}"
    return Counter(
        name, f"{number + 1} rue du Compteur", 48.85 + draw.random() / 50, 2.35 + draw.random() / 50
    )


def _row(hour: datetime, levels: Sequence[float], draw: Random) -> tuple[int | None, ...]:
    shape = _shape(hour)
    return tuple(max(0, round(level * shape * draw.gauss(1, 0.15))) for level in levels)


def _shape(hour: datetime) -> float:
    season = 1 - 0.3 * sin(2 * pi * (hour.timetuple().tm_yday - 260) / 365)
    if hour.isoweekday() > 5:
        return season * max(0.05, sin(pi * (hour.hour - 6) / 16))
    rush = {7: 1.2, 8: 2.4, 9: 1.3, 17: 1.6, 18: 2.6, 19: 1.8}
    return season * rush.get(hour.hour, 0.7 if 6 < hour.hour < 22 else 0.1)
