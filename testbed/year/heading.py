"""What stands around the panels: title and legend, the events with their shades, the months."""

from collections.abc import Iterator
from datetime import timedelta

from testbed.year import svg
from testbed.year.calendar_events import Kind, Occasion, between
from testbed.year.evaluation import midnight
from testbed.year.frame import ADAPTIVE, AUTUMN, FAINT, GRID, INK, KEPT, TOP, Frame
from testbed.year.results import Year

SHADES = {Kind.LOCKDOWN: "#dfe3ee", Kind.HOLIDAYS: "#f8ecc9", Kind.SNOW: "#cfe9f5", Kind.SENSORS: "#e9e2ef"}
ROWS = 3
"""Of names above the panels; events overlap."""
ROW = 17
LETTER = 7.5
LEGEND = (
    (ADAPTIVE, "", "adaptive pipeline (the champion of that week)"),
    (KEPT, "", "first model, never retrained"),
    (AUTUMN, "6 4", "model of Sep to Nov 2020, never retrained"),
)


def title(year: Year) -> Iterator[str]:
    source = "the city's counts" if year.source == "city" else "the generated year"
    yield svg.text(f"A year in Paris: {source}, model {year.model_type}", 20, 30, font_size=20, fill=INK)
    x = 560.0
    for colour, dashes, words in LEGEND:
        yield svg.line((x, 25), (x + 28, 25), stroke=colour, stroke_width=3, stroke_dasharray=dashes)
        yield svg.text(words, x + 35, 30, fill=INK)
        x += 55 + 6.6 * len(words)
    yield svg.dot((574, 47), 3.5, fill="white", stroke=ADAPTIVE, stroke_width=1.5)
    yield svg.text("what the Monday's run saw of the week, and decided on", 595, 52, fill=INK)


def occasions(frame: Frame, bottom: float) -> Iterator[str]:
    found = between(frame.first, frame.last)
    for one in sorted(found, key=lambda one: one.start - one.end):
        start, end = _edges(frame, one)
        yield svg.box(start, TOP, max(end - start, 2), bottom - TOP, fill=SHADES[one.kind], opacity=0.75)
    taken = [0.0] * ROWS
    for one in found:
        start, end = _edges(frame, one)
        row = next((number for number in range(ROWS) if taken[number] <= start), ROWS - 1)
        taken[row] = max(end, start + LETTER * len(one.name))
        y = TOP - ROW * (ROWS - row) + 8
        yield svg.text(one.name, start, y, fill=FAINT, font_size=12.5)
        yield svg.line((start, y + 3), (max(end, start + 2), y + 3), stroke=FAINT, stroke_width=1)


def months(frame: Frame, bottom: float) -> Iterator[str]:
    day = frame.first
    while day <= frame.last:
        x = frame.x(midnight(day))
        yield svg.line((x, TOP), (x, bottom), stroke=GRID)
        named = day == frame.first or day.month == 1
        yield svg.text(f"{day:%b %Y}" if named else f"{day:%b}", x + 4, bottom + 20, fill=FAINT)
        day = (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _edges(frame: Frame, one: Occasion) -> tuple[float, float]:
    return frame.x(midnight(one.start)), frame.x(midnight(one.end + timedelta(days=1)))
