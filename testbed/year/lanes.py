"""What was done and told, one line of the picture each: trainings, deployments, and every kind of alert."""

from collections.abc import Iterator
from dataclasses import dataclass

from testbed.year import svg
from testbed.year.episodes import Episode, episodes
from testbed.year.evaluation import midnight
from testbed.year.frame import ADAPTIVE, CRITICAL, FAINT, GRID, INK, LEFT, RIGHT, TOP, WARNING, Frame
from testbed.year.results import Week

LANE = 25
NARROWEST = 8
"""Of a bar: what began on the last Monday is still to be seen."""
KEY = "alerts: a bar from the first report to the end, a diamond where the same run's deployment ended it"


@dataclass(frozen=True, slots=True)
class Lanes:
    frame: Frame
    top: float

    @property
    def episodes(self) -> tuple[Episode, ...]:
        return episodes(self.frame.year.alerts)

    @property
    def alertnames(self) -> list[str]:
        return sorted({one.alertname for one in self.episodes})

    @property
    def bottom(self) -> float:
        return self.top + LANE * (2 + len(self.alertnames))

    def drawn(self) -> Iterator[str]:
        yield svg.text(KEY, RIGHT, self.bottom + 40, fill=FAINT, font_size=12, text_anchor="end")
        weeks = self.frame.year.weeks
        yield self._name("retrained", 0)
        yield from (self._training(week) for week in weeks if week.trained)
        yield self._name("deployed", 1)
        yield from (self._deployment(week) for week in weeks if week.deployed)
        for number, name in enumerate(self.alertnames, start=2):
            yield self._name(name.replace("ModelPerformance", "Performance "), number)
            yield from (self._episode(one, number) for one in self.episodes if one.alertname == name)

    def _training(self, week: Week) -> str:
        at = (self.frame.x(week.at), self._middle(0))
        return svg.dot(at, 4.5, fill="white", stroke=ADAPTIVE, stroke_width=2)

    def _deployment(self, week: Week) -> str:
        x, y = self.frame.x(week.at), self._middle(1)
        mark = svg.line((x, TOP), (x, y), stroke=ADAPTIVE, stroke_width=1, stroke_dasharray="1 4")
        return mark + svg.dot((x, y), 5, fill=ADAPTIVE)

    def _episode(self, one: Episode, number: int) -> str:
        start, y = self.frame.x(one.starts_at), self._middle(number)
        end = self.frame.x(one.ends_at or midnight(self.frame.last))
        colour = CRITICAL if one.severity == "critical" else WARNING
        if one.ends_at and end - start < 1:
            return svg.diamond((start, y), 6, fill=colour)
        return svg.box(start, y - 6, max(end - start, NARROWEST), 12, fill=colour, rx=3)

    def _name(self, name: str, number: int) -> str:
        y = self._middle(number)
        rule = svg.line((LEFT, y), (RIGHT, y), stroke=GRID)
        return rule + svg.text(name, LEFT - 10, y + 4, fill=INK, text_anchor="end", font_size=12.5)

    def _middle(self, number: int) -> float:
        return self.top + LANE * (number + 0.5)
