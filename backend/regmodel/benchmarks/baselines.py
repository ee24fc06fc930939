"""Every model type against three baselines on held-out weeks; prints the table of docs/MODEL.md.

`python -m backend.regmodel.benchmarks.baselines DATA_FOLDER`. Rolling origin: fit on everything before a day,
score the four weeks after it, move on by four weeks. Every candidate is refitted at each origin, and all are
scored on the same rows.
"""

import argparse
import multiprocessing
import pickle
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from backend.regmodel.data.calendar import local_times
from backend.regmodel.data.counts import Floats, Rows, Window
from backend.regmodel.data.files import read_folder
from backend.regmodel.data.history import History
from backend.regmodel.model import forecaster
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.model.profile import Profile, learn

Forecast = Callable[[Rows], Floats]
Fit = Callable[[History, Rows], tuple[object, Forecast]]

FIRST_ORIGIN = datetime(2020, 12, 1, tzinfo=UTC)
STEP = timedelta(weeks=4)
WEEK = timedelta(weeks=1)
HEADS = (
    "candidate",
    "R2",
    "RMSE",
    "MAE",
    "median weekly R2",
    "weeks R2 >= 0.70",
    "last fit",
    "1,000 rows",
    "model",
    "peak memory",
)


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    r2: float
    rmse: float
    mae: float
    median_weekly_r2: float
    weeks_above: int
    """Weeks with an R2 of 0.70 or more, the threshold of the warning."""
    weeks: int
    fit_seconds: float
    """Of the last origin, which has the most rows."""
    ms_per_1000_rows: float
    model_mb: float
    peak_mb: float


def last_week(history: History, rows: Rows) -> tuple[object, Forecast]:
    profile = learn(history.counts, rows)

    def forecast(asked: Rows) -> Floats:
        lag = history.lag(asked.hours, asked.columns, weeks=1)
        return np.where(np.isnan(lag), _usual(history, profile, asked), lag)

    return profile, forecast


def hourly_weekday_mean(history: History, rows: Rows) -> tuple[object, Forecast]:
    profile = learn(history.counts, rows)
    return profile, lambda asked: _usual(history, profile, asked)


def the_plans_forest(history: History, rows: Rows) -> tuple[object, Forecast]:
    """Fifty trees of depth 20 on hour, weekday, month and counter."""
    model = RandomForestRegressor(n_estimators=50, max_depth=20, random_state=0, n_jobs=2)
    model.fit(_plain(rows), history.counts.at(rows.hours, rows.columns))
    return model, lambda asked: np.asarray(model.predict(_plain(asked)))


def ours(model_type: ModelType) -> Fit:
    def fit(history: History, rows: Rows) -> tuple[object, Forecast]:
        fitted = forecaster.fit(history, rows, model_type, test_mode=False, settings={})
        return fitted, lambda asked: fitted.forecast(history, asked)

    return fit


CANDIDATES: dict[str, Fit] = {
    "same hour last week": last_week,
    "hourly-weekday mean": hourly_weekday_mean,
    "the plan's random forest": the_plans_forest,
    "**rf**": ours(ModelType.RF),
    "**hgb**": ours(ModelType.HGB),
}


def _usual(history: History, profile: Profile, asked: Rows) -> Floats:
    """The counter's mean at this hour of the week, the city's where it has none."""
    own = profile.columns_of(history.counts.counters, asked.columns)
    week_hour = local_times(asked.hours).hour_of_week
    mean = profile.shape[own, week_hour] * profile.level[own]
    return np.where(np.isnan(mean), profile.shape[-1, week_hour] * profile.level[-1], mean)


def _plain(rows: Rows) -> Floats:
    local = local_times(rows.hours)
    month = (rows.hours * 3600).astype("datetime64[s]").astype("datetime64[M]").astype(int) % 12 + 1
    return np.column_stack([local.hour, local.weekday, month, rows.columns])


def _origins(history: History) -> Iterator[datetime]:
    origin = FIRST_ORIGIN
    while origin + STEP <= history.counts.window.end:
        yield origin
        origin += STEP


def run(name: str, folder: Path) -> Result:
    history = History.of(read_folder(folder))
    observed, forecasts, weekly = [], [], []
    fit_seconds, per_thousand, model = 0.0, [], None
    for origin in _origins(history):
        rows = history.counts.recorded(Window(history.counts.window.start, origin))
        started = time.perf_counter()
        model, forecast = CANDIDATES[name](history, rows)
        fit_seconds = time.perf_counter() - started
        for week in range(STEP // WEEK):
            start = origin + week * WEEK
            asked = history.counts.recorded(Window(start, start + WEEK))
            started = time.perf_counter()
            forecasts.append(forecast(asked))
            per_thousand.append((time.perf_counter() - started) / len(asked) * 1e6)
            observed.append(history.counts.at(asked.hours, asked.columns))
            weekly.append(_r2(observed[-1], forecasts[-1]))
    y, p = np.concatenate(observed), np.concatenate(forecasts)
    return Result(
        name=name,
        r2=_r2(y, p),
        rmse=float(np.sqrt(np.mean((y - p) ** 2))),
        mae=float(np.mean(np.abs(y - p))),
        median_weekly_r2=float(np.median(weekly)),
        weeks_above=sum(r2 >= 0.70 for r2 in weekly),  # noqa: PLR2004 - the warning's threshold
        weeks=len(weekly),
        fit_seconds=fit_seconds,
        ms_per_1000_rows=float(np.median(per_thousand)),
        model_mb=len(pickle.dumps(model)) / 1e6,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    )


def _r2(observed: Floats, forecast: Floats) -> float:
    return float(1 - np.sum((observed - forecast) ** 2) / np.sum((observed - observed.mean()) ** 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print(f"| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}")  # noqa: T201
    for name in CANDIDATES:
        # A process each: the peak memory is a process's own.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(_line(pool.apply(run, (name, folder))), flush=True)  # noqa: T201


def _line(r: Result) -> str:
    return (
        f"| {r.name} | {r.r2:.3f} | {r.rmse:.1f} | {r.mae:.1f} | {r.median_weekly_r2:.3f} "
        f"| {r.weeks_above} of {r.weeks} | {r.fit_seconds:.1f} s | {r.ms_per_1000_rows:.1f} ms "
        f"| {r.model_mb:.1f} MB | {r.peak_mb:.0f} MB |"
    )


if __name__ == "__main__":
    main()
