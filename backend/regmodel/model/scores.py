"""R2, RMSE and MAE of forecasts over the same rows, or the reason why there are none."""

from dataclasses import dataclass

import numpy as np

from backend.regmodel.data.counts import Floats


@dataclass(frozen=True, slots=True)
class Scores:
    r2: float
    rmse: float
    mae: float
    rows: int


@dataclass(frozen=True, slots=True)
class NotComputed:
    """Instead of a sentinel such as 0 or 999, which would raise an alert."""

    reason: str


def score(observed: Floats, predicted: Floats, *, min_rows: int) -> Scores | NotComputed:
    """Compare two float64[rows] without NaN."""
    rows = len(observed)
    if rows < max(min_rows, 2):
        return NotComputed(f"{rows} recorded hours in the window; at least {max(min_rows, 2)} are needed")
    with np.errstate(over="ignore", invalid="ignore"):
        return _finite(observed, predicted)


def _finite(observed: Floats, predicted: Floats) -> Scores | NotComputed:
    rows = len(observed)
    around_mean = float(np.sum((observed - observed.mean()) ** 2))
    if around_mean == 0:
        return NotComputed(f"all {rows} recorded hours hold the same count; R2 is undefined")
    error = observed - predicted
    scores = Scores(
        r2=1 - float(np.sum(error**2)) / around_mean,
        rmse=float(np.sqrt(np.mean(error**2))),
        mae=float(np.mean(np.abs(error))),
        rows=rows,
    )
    if not np.isfinite((scores.r2, scores.rmse, scores.mae)).all():
        return NotComputed(f"counts up to {observed.max():g} are too large to be scored")
    return scores
