"""The panels: R2 and RMSE as curves, the drift share as bars, with the thresholds they are judged by."""

from collections.abc import Callable, Iterator, Sequence

from testbed.year import svg
from testbed.year.frame import (
    ADAPTIVE,
    AUTUMN,
    CALM,
    CRITICAL,
    FAINT,
    GAP,
    GRID,
    INK,
    KEPT,
    LEFT,
    RIGHT,
    TOP,
    WARNING,
    Frame,
    Panel,
)
from testbed.year.results import Judged, Score, Year
from testbed.year.svg import Point

LOWEST_R2 = -1.0
"""What is worse is written at the edge: one Christmas must not make the rest of the year flat."""
Measure = Callable[[Score], float | None]
Way = Callable[[Judged], Score | None]
# The kept models lie over the adaptive one: until its first retraining it is the first of them.
WAYS: tuple[tuple[str, str, float, Way], ...] = (
    (ADAPTIVE, "", 3.6, lambda one: one.adaptive),
    (KEPT, "", 1.8, lambda one: one.kept),
    (AUTUMN, "6 4", 1.8, lambda one: one.autumn),
)


def panels(year: Year) -> tuple[Panel, Panel, Panel]:
    scores = [score for one in year.judged for score in (one.adaptive, one.kept, one.autumn) if score]
    lowest = min((score.r2 for score in scores if score.r2 is not None), default=0.0)
    highest = max((score.rmse for score in scores if score.rmse is not None), default=0.0)
    bottom = max(LOWEST_R2, min(0.2, (lowest * 10 - 1) // 2 / 5))
    top = max(100.0, (highest // 20 + 1) * 20)
    r2 = Panel("R²", "1 is perfect", TOP, 330, bottom, 1.0, 0.2, 1)
    rmse = Panel("RMSE", "bicycles an hour", r2.bottom + GAP, 150, 0, top, 20, 0)
    return r2, rmse, Panel("drift share", "of the counters", rmse.bottom + GAP, 110, 0, 1, 0.25, 2)


def drawn(frame: Frame, r2: Panel, rmse: Panel, drift: Panel) -> Iterator[str]:
    year = frame.year
    for panel in (r2, rmse, drift):
        yield from _grid(panel)
    yield from _limit(r2, year.r2_warning, WARNING, f"warning below {year.r2_warning:g}", above=True)
    yield from _limit(r2, year.r2_critical, CRITICAL, f"critical below {year.r2_critical:g}", above=False)
    yield from _limit(rmse, year.rmse_limit, CRITICAL, f"retrained above {year.rmse_limit:g}", above=False)
    yield from _limit(drift, year.drift_limit, WARNING, f"drift above {year.drift_limit:g}", above=True)
    yield from _curves(frame, r2, lambda score: score.r2)
    yield from _curves(frame, rmse, lambda score: score.rmse)
    yield from _bars(frame, drift)


def _grid(panel: Panel) -> Iterator[str]:
    middle = (panel.top + panel.bottom) / 2
    yield svg.text(panel.name, 20, middle, font_size=17, fill=INK)
    yield svg.text(panel.unit, 20, middle + 18, fill=FAINT, font_size=12)
    for number in range(round((panel.high - panel.low) / panel.step) + 1):
        value = panel.low + number * panel.step
        y = panel.scale(value)
        yield svg.line((LEFT, y), (RIGHT, y), stroke=GRID)
        yield svg.text(f"{value:.{panel.digits}f}", LEFT - 8, y + 4, fill=FAINT, text_anchor="end")


def _limit(panel: Panel, value: float, colour: str, words: str, *, above: bool) -> Iterator[str]:
    y = panel.scale(value)
    yield svg.line((LEFT, y), (RIGHT, y), stroke=colour, stroke_dasharray="4 4")
    yield svg.text(words, LEFT + 4, y - 4 if above else y + 14, fill=colour, font_size=11.5)


def _curves(frame: Frame, panel: Panel, measure: Measure) -> Iterator[str]:
    for colour, dashes, width, way in WAYS:
        scored = [(one.first_day, score) for one in frame.year.judged if (score := way(one))]
        points = [
            (frame.x_of_week(day), value) for day, score in scored if (value := measure(score)) is not None
        ]
        yield from _curve(panel, points, colour, dashes, width)
    for week in frame.year.weeks:
        seen = measure(week.measured)
        if seen is not None:
            at = (frame.x_of_week(week.first_day), panel.scale(seen))
            yield svg.dot(at, 3.2, fill="white", stroke=ADAPTIVE, stroke_width=1.4)


def _curve(panel: Panel, points: Sequence[Point], colour: str, dashes: str, width: float) -> Iterator[str]:
    placed = [(x, panel.scale(value)) for x, value in points]
    yield svg.path(
        placed, stroke=colour, stroke_width=width, stroke_dasharray=dashes, stroke_linejoin="round"
    )
    for x, value in points:
        if value < panel.low:
            edge = panel.bottom - 4
            yield svg.text(f"{value:.1f} ↓", x, edge, fill=colour, font_size=11, text_anchor="middle")


def _bars(frame: Frame, panel: Panel) -> Iterator[str]:
    for week in frame.year.weeks:
        if week.drift_share is not None:
            y = panel.scale(week.drift_share)
            colour = WARNING if week.drift_share > frame.year.drift_limit else CALM
            yield svg.box(frame.x_of_week(week.first_day) - 8, y, 16, panel.bottom - y, fill=colour)
