"""Running means over the hours of a grid: of all rows, or of those that a change reaches."""

from collections.abc import Callable

import numpy as np

from backend.regmodel.data.counts import Floats


def running_mean(values: Floats, hours: int) -> Floats:
    """Mean of the `hours` rows ending with each one; NaN where fewer than half of them are recorded."""
    known = ~np.isnan(values)
    total = np.cumsum(np.where(known, values, 0.0), axis=0)
    count = np.cumsum(known, axis=0).astype(np.float64)
    total[hours:] -= total[:-hours].copy() if len(total) > hours else 0
    count[hours:] -= count[:-hours].copy() if len(count) > hours else 0
    mean = np.full(values.shape, np.nan)
    np.divide(total, count, out=mean, where=count >= hours / 2)
    return mean


def city_mean(grid: Floats) -> Floats:
    """float64[hours, 1]: the mean over all counters that recorded the hour."""
    known = ~np.isnan(grid)
    mean = np.full((len(grid), 1), np.nan)
    count = known.sum(axis=1, keepdims=True)
    np.divide(np.where(known, grid, 0.0).sum(axis=1, keepdims=True), count, out=mean, where=count > 0)
    return mean


def refresh(
    mean: Floats, grid: Floats, hours: int, changed: range, of: Callable[[Floats], Floats] = lambda rows: rows
) -> None:
    """Update a running mean of `of(grid)` in place, after the rows `changed` of the grid have changed."""
    stop = min(changed.stop + hours, len(grid))
    first = max(changed.start - hours, 0)
    mean[changed.start : stop] = running_mean(of(grid[first:stop]), hours)[changed.start - first :]
