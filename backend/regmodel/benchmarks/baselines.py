"""`make baselines`: every model type against three baselines, for the table of docs/MODEL.md.

Rolling origin: fit on everything before a day, score the four weeks after it, advance by four weeks. Every
candidate is refitted at each origin, and all are scored on the same rows. The hyperparameters were chosen on
the weeks before HELD_OUT; the first columns report the weeks from it on.
"""

import argparse
import multiprocessing
import pickle
import resource
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from backend.regmodel.benchmarks import document
from backend.regmodel.benchmarks.candidates import CANDIDATES, Fit
from backend.regmodel.data.counts import Counts, Floats, Window
from backend.regmodel.data.history import History

FIRST_ORIGIN = datetime(2020, 10, 27, tzinfo=UTC)
HELD_OUT = datetime(2021, 4, 13, tzinfo=UTC)
"""An origin."""
STEP = timedelta(weeks=4)
WEEK = timedelta(weeks=1)
GOOD_R2 = 0.70
"""The threshold of the warning."""
HEADS = (
    "candidate",
    "R2",
    "RMSE",
    "MAE",
    "median weekly R2",
    f"weeks R2 >= {GOOD_R2:.2f}",
    "R2, weeks of choice",
    "last fit",
    "1,000 rows",
    "model",
    "peak memory",
)


@dataclass(frozen=True, slots=True)
class Week:
    start: datetime
    observed: Floats
    forecast: Floats
    ms_per_1000_rows: float

    @property
    def r2(self) -> float:
        return _r2(self.observed, self.forecast)


@dataclass(frozen=True, slots=True)
class Run:
    weeks: tuple[Week, ...]
    fit_seconds: float
    """At the last origin, which has the most rows."""
    model_mb: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m backend.regmodel.benchmarks.baselines", description=__doc__
    )
    parser.add_argument("folder", type=Path, nargs="?", default=document.CITY)
    folder: Path = parser.parse_args().folder
    lines = [f"| {' | '.join(HEADS)} |", f"|---{'|---:' * (len(HEADS) - 1)}|"]
    print("\n".join(lines), flush=True)  # noqa: T201
    for name in CANDIDATES:
        # One process each: peak memory is measured per process.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            lines.append(line(name, pool.submit(measure, name, folder).result()))
        print(lines[-1], flush=True)  # noqa: T201
    document.write("baselines", lines, folder)


def measure(name: str, folder: Path) -> Run:
    return run(CANDIDATES[name], History.of(document.counts(folder)))


def run(fit: Fit, history: History) -> Run:
    weeks: list[Week] = []
    fit_seconds, model = 0.0, None
    for origin in _origins(history.counts):
        rows = history.counts.recorded(Window(history.counts.window.start, origin))
        started = time.perf_counter()
        model, forecast = fit(history, rows)
        fit_seconds = time.perf_counter() - started
        for start in (origin + number * WEEK for number in range(STEP // WEEK)):
            rows_to_score = history.counts.recorded(Window(start, start + WEEK))
            started = time.perf_counter()
            predicted = forecast(rows_to_score)
            ms_per_1000_rows = (time.perf_counter() - started) / len(rows_to_score) * 1e6
            observed = history.counts.at(rows_to_score.hours, rows_to_score.columns)
            weeks.append(Week(start, observed, predicted, ms_per_1000_rows))
    return Run(
        weeks=tuple(weeks),
        fit_seconds=fit_seconds,
        model_mb=len(pickle.dumps(model)) / 1e6,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    )


def line(name: str, result: Run) -> str:
    held_out = [week for week in result.weeks if week.start >= HELD_OUT]
    chosen_on = [week for week in result.weeks if week.start < HELD_OUT]
    observed, forecast = _joined(held_out)
    weekly = [week.r2 for week in held_out]
    cells = (
        name,
        f"{_r2(observed, forecast):.3f}",
        f"{np.sqrt(np.mean((observed - forecast) ** 2)):.1f}",
        f"{np.mean(np.abs(observed - forecast)):.1f}",
        f"{np.median(weekly):.3f}",
        f"{sum(r2 >= GOOD_R2 for r2 in weekly)} of {len(weekly)}",
        f"{_r2(*_joined(chosen_on)):.3f}",
        f"{result.fit_seconds:.1f} s",
        f"{np.median([week.ms_per_1000_rows for week in result.weeks]):.1f} ms",
        f"{result.model_mb:.1f} MB",
        f"{result.peak_mb:.0f} MB",
    )
    return f"| {' | '.join(cells)} |"


def _origins(counts: Counts) -> Iterator[datetime]:
    origin = FIRST_ORIGIN
    while origin + STEP <= counts.window.end:
        yield origin
        origin += STEP


def _joined(weeks: Sequence[Week]) -> tuple[Floats, Floats]:
    return np.concatenate([week.observed for week in weeks]), np.concatenate(
        [week.forecast for week in weeks]
    )


def _r2(observed: Floats, forecast: Floats) -> float:
    return float(1 - np.sum((observed - forecast) ** 2) / np.sum((observed - observed.mean()) ** 2))


if __name__ == "__main__":
    main()
