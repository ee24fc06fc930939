"""Drift by Evidently: one column per counter, its hourly counts in the window against those of the reference.

The share is the measured one, drifted counters over compared counters. Too little data gives NotComputed.
"""

import os
import warnings
from dataclasses import dataclass

import pandas as pd

from backend.regmodel.data.counts import Counts, Window
from backend.regmodel.model.scores import NotComputed

METHOD = "ks_distance"


@dataclass(frozen=True, slots=True)
class DriftLimits:
    share: float
    """Above this share of drifted counters the window as a whole has drifted."""
    column: float
    """Distance above which one counter has drifted."""
    min_hours: int


@dataclass(frozen=True, slots=True)
class Drift:
    detected: bool
    share: float
    drifted: tuple[str, ...]
    compared: int
    not_compared: tuple[str, ...]
    """Counters with too few recorded hours in one of the windows."""


def drift(counts: Counts, *, reference: Window, current: Window, limits: DriftLimits) -> Drift | NotComputed:
    before, now = _frame(counts, reference), _frame(counts, current)
    enough = (before.count() >= limits.min_hours) & (now.count() >= limits.min_hours)
    compared = [str(name) for name in before.columns[enough]]
    if not compared:
        return NotComputed(
            f"no counter has {limits.min_hours} hours both in {current} and in the reference, {reference}"
        )
    distances = _distances(before[compared], now[compared], limits.column)
    drifted = tuple(name for name in compared if distances[name] >= limits.column)
    share = len(drifted) / len(compared)
    return Drift(
        detected=share > limits.share,
        share=share,
        drifted=drifted,
        compared=len(compared),
        not_compared=tuple(str(name) for name in before.columns[~enough]),
    )


def _frame(counts: Counts, window: Window) -> pd.DataFrame:
    return pd.DataFrame(counts.slice(window), columns=list(counts.counters))


def _distances(before: pd.DataFrame, now: pd.DataFrame, threshold: float) -> dict[str, float]:
    # Evidently must not send usage statistics, and its import takes seconds: hence here.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    with warnings.catch_warnings():
        # Evidently 0.7.23 imports deprecated names of litestar and others.
        warnings.simplefilter("ignore")
        from evidently import Report  # noqa: PLC0415
        from evidently.metrics import ValueDrift  # noqa: PLC0415

    _register_ks_distance()
    # Neutral column names: Evidently must not interpret a counter's name.
    names = [f"counter_{number}" for number in range(before.shape[1])]
    metrics = [ValueDrift(column=name, method=METHOD, threshold=threshold) for name in names]
    snapshot = Report(metrics).run(now.set_axis(names, axis=1), before.set_axis(names, axis=1))
    values = (float(metric["value"]) for metric in snapshot.dict()["metrics"])
    return dict(zip(before.columns, values, strict=True))


def _register_ks_distance() -> None:
    """Register the Kolmogorov-Smirnov distance; Evidently's own "ks" is a p-value and flags every week."""
    from evidently.legacy.calculations.stattests import registry  # noqa: PLC0415
    from evidently.legacy.core import ColumnType  # noqa: PLC0415
    from scipy.stats import ks_2samp  # noqa: PLC0415

    def distance(reference: pd.Series, current: pd.Series, _: str, threshold: float) -> tuple[float, bool]:
        statistic = float(ks_2samp(reference, current, method="asymp").statistic)
        return statistic, statistic >= threshold

    test = registry.StatTest(
        name=METHOD,
        display_name="Kolmogorov-Smirnov distance",
        allowed_feature_types=[ColumnType.Numerical],
        default_threshold=0.2,
    )
    registry.register_stattest(test, distance)
