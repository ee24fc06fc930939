"""The year as one picture: how good the forecasts were, how far the data moved, what was done and told."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from year import svg
from year.episodes import Episode, episodes
from year.hindsight import midnight
from year.occasions import Kind, Occasion, between
from year.results import Judged, Score, Week, Year
from year.svg import Point, Scale

WIDTH, LEFT, RIGHT = 1500, 150, 1475
HEAD = 118
GAP = 34
HALF_A_WEEK = timedelta(days=3.5)
INK, FAINT, GRID = "#1f2933", "#66727f", "#e4e7eb"
ADAPTIVE, KEPT, AUTUMN = "#0b62a8", "#d9711c", "#5c8f3a"
CRITICAL, WARNING = "#c62828", "#c98a00"
SHADES = {Kind.LOCKDOWN: "#dfe3ee", Kind.HOLIDAYS: "#f8ecc9", Kind.SNOW: "#cfe9f5", Kind.SENSORS: "#e9e2ef"}
LOWEST_R2 = -1.0
Measure = Callable[[Score], float | None]


@dataclass(frozen=True, slots=True)
class Panel:
    name: str
    unit: str
    top: float
    height: float
    low: float
    high: float
    step: float
    digits: int

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def scale(self) -> Scale:
        return Scale(self.low, self.high, self.bottom, self.top)


@dataclass(frozen=True, slots=True)
class Drawing:
    year: Year

    @property
    def first(self) -> date:
        return self.year.weeks[0].at.date()

    @property
    def last(self) -> date:
        return max(self.year.weeks[-1].at.date(), self.first + timedelta(weeks=1))

    def x(self, at: datetime) -> float:
        days = (at - midnight(self.first)).total_seconds() / 86400
        return Scale(0, (self.last - self.first).days, LEFT, RIGHT)(days)


def drawn(year: Year) -> str:
    drawing = Drawing(year)
    r2, rmse, drift = panels(year)
    lanes = Lanes(drawing, top=drift.bottom + GAP + 16)
    height = round(lanes.bottom + 44)
    parts = [
        svg.box(0, 0, WIDTH, height, fill="white"),
        *_title(year),
        *_occasions(drawing, lanes.bottom),
        *_months(drawing, lanes.bottom),
        *_grid(r2),
        *_grid(rmse),
        *_grid(drift),
        *_limit(r2, year.r2_critical, CRITICAL),
        *_limit(r2, year.r2_warning, WARNING),
        *_limit(rmse, year.rmse_limit, CRITICAL),
        *_limit(drift, year.drift_limit, WARNING),
        *_curves(drawing, r2, lambda score: score.r2),
        *_curves(drawing, rmse, lambda score: score.rmse),
        *_drift(drawing, drift),
        *lanes.drawn(),
    ]
    return svg.document(WIDTH, height, parts)


def panels(year: Year) -> tuple[Panel, Panel, Panel]:
    scores = [score for one in year.judged for score in (one.adaptive, one.kept, one.autumn) if score]
    lowest = min((score.r2 for score in scores if score.r2 is not None), default=0.0)
    highest = max((score.rmse for score in scores if score.rmse is not None), default=100.0)
    bottom = max(LOWEST_R2, min(0.2, (lowest * 10 - 1) // 2 / 5))
    r2 = Panel("R²", "by week", HEAD, 330, bottom, 1.0, 0.2, 1)
    rmse = Panel(
        "RMSE", "bicycles an hour", r2.bottom + GAP, 150, 0, max(100.0, (highest // 20 + 1) * 20), 20, 0
    )
    return r2, rmse, Panel("drift share", "of the counters", rmse.bottom + GAP, 110, 0, 1, 0.25, 2)


def _title(year: Year) -> Iterator[str]:
    source = "the city's counts" if year.source == "city" else "the generated year"
    yield svg.text(f"A year in Paris: {source}, model {year.model_type}", 20, 30, font_size=20, fill=INK)
    legend = (
        (ADAPTIVE, "", "adaptive pipeline (the champion of that week)"),
        (KEPT, "", "first model, never retrained"),
        (AUTUMN, "6 4", "model of Sep to Nov 2020, never retrained"),
    )
    x = 560.0
    for colour, dashes, words in legend:
        yield svg.line((x, 25), (x + 28, 25), stroke=colour, stroke_width=3, stroke_dasharray=dashes)
        yield svg.text(words, x + 35, 30, fill=INK)
        x += 55 + 6.6 * len(words)
    yield svg.dot((574, 47), 3.5, fill="white", stroke=ADAPTIVE, stroke_width=1.5)
    yield svg.text(
        "as seen by the Monday's run, on what was published by then: what it decided on", 595, 52, fill=INK
    )


def _occasions(drawing: Drawing, bottom: float) -> Iterator[str]:
    found = sorted(between(drawing.first, drawing.last), key=_days, reverse=True)
    for one in found:
        start, end = _edges(drawing, one)
        yield svg.box(start, HEAD, max(end - start, 2), bottom - HEAD, fill=SHADES[one.kind], opacity=0.75)
    rows = [0.0, 0.0]
    for one in sorted(found, key=lambda one: one.start):
        start, end = _edges(drawing, one)
        row = 0 if rows[0] <= start else 1
        rows[row] = start + 8 * len(one.name)
        y = HEAD - 24 + 16 * row
        yield svg.text(one.name, start, y, fill=FAINT, font_size=12.5)
        yield svg.line((start, y + 3), (max(end, start + 2), y + 3), stroke=FAINT, stroke_width=1)


def _days(one: Occasion) -> timedelta:
    return one.end - one.start


def _edges(drawing: Drawing, one: Occasion) -> tuple[float, float]:
    return drawing.x(midnight(one.start)), drawing.x(midnight(one.end + timedelta(days=1)))


def _months(drawing: Drawing, bottom: float) -> Iterator[str]:
    day = drawing.first.replace(day=1)
    while day <= drawing.last:
        if day >= drawing.first:
            x = drawing.x(midnight(day))
            yield svg.line((x, HEAD), (x, bottom), stroke=GRID)
            yield svg.text(f"{day:%b %Y}" if day.month == 1 else f"{day:%b}", x + 4, bottom + 20, fill=FAINT)
        day = (day + timedelta(days=31)).replace(day=1)


def _grid(panel: Panel) -> Iterator[str]:
    middle = (panel.top + panel.bottom) / 2
    yield svg.text(panel.name, 20, middle, font_size=17, fill=INK)
    yield svg.text(panel.unit, 20, middle + 18, fill=FAINT, font_size=12)
    for number in range(round((panel.high - panel.low) / panel.step) + 1):
        value = panel.low + number * panel.step
        y = panel.scale(value)
        yield svg.line((LEFT, y), (RIGHT, y), stroke=GRID)
        yield svg.text(f"{value:.{panel.digits}f}", LEFT - 8, y + 4, fill=FAINT, text_anchor="end")


def _limit(panel: Panel, value: float, colour: str) -> Iterator[str]:
    y = panel.scale(value)
    yield svg.line((LEFT, y), (RIGHT, y), stroke=colour, stroke_dasharray="4 4")


def _curves(drawing: Drawing, panel: Panel, measure: Measure) -> Iterator[str]:
    judged = drawing.year.judged
    ways: tuple[tuple[str, str, float, Callable[[Judged], Score | None]], ...] = (
        (KEPT, "", 2.2, lambda one: one.kept),
        (AUTUMN, "6 4", 2.2, lambda one: one.autumn),
        (ADAPTIVE, "", 3.0, lambda one: one.adaptive),
    )
    for colour, dashes, width, way in ways:
        values = [
            (one, value) for one in judged if (score := way(one)) and (value := measure(score)) is not None
        ]
        points = [(_middle(drawing, one.first_day), value) for one, value in values]
        yield from _curve(panel, points, colour, dashes, width)
    for week in drawing.year.weeks:
        seen = measure(week.measured)
        if seen is not None:
            at = (_middle(drawing, week.first_day), panel.scale(seen))
            yield svg.dot(at, 3.2, fill="white", stroke=ADAPTIVE, stroke_width=1.4)


def _middle(drawing: Drawing, first_day: date) -> float:
    return drawing.x(midnight(first_day) + HALF_A_WEEK)


def _curve(panel: Panel, points: Sequence[Point], colour: str, dashes: str, width: float) -> Iterator[str]:
    placed = [(x, panel.scale(value)) for x, value in points]
    yield svg.path(
        placed, stroke=colour, stroke_width=width, stroke_dasharray=dashes, stroke_linejoin="round"
    )
    for x, value in points:
        if value < panel.low:
            yield svg.text(
                f"{value:.1f} ↓", x, panel.bottom - 4, fill=colour, font_size=11, text_anchor="middle"
            )


def _drift(drawing: Drawing, panel: Panel) -> Iterator[str]:
    for week in drawing.year.weeks:
        if week.drift_share is not None:
            y = panel.scale(week.drift_share)
            colour = WARNING if week.drift_share > drawing.year.drift_limit else "#9aa5b1"
            yield svg.box(_middle(drawing, week.first_day) - 8, y, 16, panel.bottom - y, fill=colour)


LANE = 25


@dataclass(frozen=True, slots=True)
class Lanes:
    """What was done and told, one line of the picture each."""

    drawing: Drawing
    top: float

    @property
    def episodes(self) -> tuple[Episode, ...]:
        return episodes(self.drawing.year.alerts)

    @property
    def alertnames(self) -> list[str]:
        return sorted({one.alertname for one in self.episodes})

    @property
    def bottom(self) -> float:
        return self.top + LANE * (2 + len(self.alertnames))

    def drawn(self) -> Iterator[str]:
        weeks, y = self.drawing.year.weeks, self._middle(0)
        yield self._name("retrained", 0)
        for week in weeks:
            if week.trained:
                yield svg.dot(
                    (self.drawing.x(week.at), y), 4.5, fill="white", stroke=ADAPTIVE, stroke_width=2
                )
        yield self._name("deployed", 1)
        for week in weeks:
            if week.deployed:
                yield self._deployment(week)
        for number, name in enumerate(self.alertnames, start=2):
            yield self._name(_short(name), number)
            yield from (self._episode(one, number) for one in self.episodes if one.alertname == name)

    def _deployment(self, week: Week) -> str:
        x, y = self.drawing.x(week.at), self._middle(1)
        mark = svg.line((x, HEAD), (x, y), stroke=ADAPTIVE, stroke_width=1, stroke_dasharray="1 4")
        return mark + svg.dot((x, y), 5, fill=ADAPTIVE)

    def _episode(self, one: Episode, number: int) -> str:
        start = self.drawing.x(one.starts_at)
        end = self.drawing.x(one.ends_at or datetime.combine(self.drawing.last, datetime.min.time(), UTC))
        colour = CRITICAL if one.severity == "critical" else WARNING
        y = self._middle(number)
        # Told and, by a better model, ended in the same run: no bar to be seen.
        short = svg.diamond((start, y), 6, fill=colour)
        return short if end - start < 1 else svg.box(start, y - 6, end - start, 12, fill=colour, rx=3)

    def _name(self, name: str, number: int) -> str:
        y = self._middle(number)
        rule = svg.line((LEFT, y), (RIGHT, y), stroke=GRID)
        return rule + svg.text(name, LEFT - 10, y + 4, fill=INK, text_anchor="end", font_size=12.5)

    def _middle(self, number: int) -> float:
        return self.top + LANE * (number + 0.5)


def _short(alertname: str) -> str:
    return alertname.replace("ModelPerformance", "Performance ")
