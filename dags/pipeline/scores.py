"""How good forecasts were. Plain sums over pairs: the pipeline's environment needs no numpy for that."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

Pair = tuple[float, float]
"""Forecast, count."""


@dataclass(frozen=True, slots=True)
class Score:
    rows: int
    rmse: float
    mae: float
    r2: float | None
    """None where every count is the same: there is no variance to explain."""


def score(pairs: Sequence[Pair], *, min_rows: int) -> Score | None:
    """None: too few hours are known."""
    if len(pairs) < max(min_rows, 1):
        return None
    rows = len(pairs)
    mean = sum(counted for _, counted in pairs) / rows
    squares = sum((counted - forecast) ** 2 for forecast, counted in pairs)
    spread = sum((counted - mean) ** 2 for _, counted in pairs)
    return Score(
        rows=rows,
        rmse=sqrt(squares / rows),
        mae=sum(abs(counted - forecast) for forecast, counted in pairs) / rows,
        r2=1 - squares / spread if spread > 0 else None,
    )
