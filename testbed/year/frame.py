"""The picture's measures: where a day and a value lie, and the colours."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from testbed.year.evaluation import midnight
from testbed.year.results import Year
from testbed.year.svg import Scale

WIDTH, LEFT, RIGHT = 1500, 150, 1475
TOP = 140
"""Of the first panel; above it the title, the legend and the names of the events."""
GAP = 40
INK, FAINT, GRID = "#1f2933", "#66727f", "#e4e7eb"
ADAPTIVE, KEPT, AUTUMN = "#0b62a8", "#d9711c", "#5c8f3a"
CRITICAL, WARNING, CALM = "#c62828", "#c98a00", "#9aa5b1"
HALF_A_WEEK = timedelta(days=3.5)


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
class Frame:
    """The picture's time goes from the first Monday to the last."""

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

    def x_of_week(self, first_day: date) -> float:
        return self.x(midnight(first_day) + HALF_A_WEEK)
