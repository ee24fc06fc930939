"""The charts of the samples, drawn as the router draws them."""

from functools import cache

from alert_router.charts import plot
from alert_router.charts.spec import ChartSpec, Line, Mark
from testbed.factories import at

STEP_S = 60.0
POINTS = 90


@cache
def png(value: float, limit: float) -> bytes:
    """From a value on the good side of the limit to this one, with a deployment just before."""
    start, fired = at(-50).timestamp(), at(0).timestamp()
    good = limit + (limit - value) * 1.5
    points = tuple(
        (
            start + n * STEP_S,
            good + (value - good) * min(max(n - 38, 0) / 12, 1) + (n % 7 - 3) * abs(good) / 300,
        )
        for n in range(POINTS)
    )
    end = start + (POINTS - 1) * STEP_S
    return plot.draw(
        ChartSpec(
            start,
            end,
            STEP_S,
            (Line(points, stressed=True),),
            spans=((fired, end),),
            limit=limit,
            marks=(Mark(at(-12).timestamp(), "rf-41 -> rf-42"),),
        )
    )
