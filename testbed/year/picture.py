"""The year as one picture: how good the forecasts were, how far the data moved, what was done and told."""

from testbed.year import heading, panels, svg
from testbed.year.frame import GAP, WIDTH, Frame
from testbed.year.lanes import Lanes
from testbed.year.results import Year

FOOT = 54


def drawn(year: Year) -> str:
    frame = Frame(year)
    r2, rmse, drift = panels.panels(year)
    lanes = Lanes(frame, top=drift.bottom + GAP)
    height = round(lanes.bottom + FOOT)
    parts = (
        svg.box(0, 0, WIDTH, height, fill="white"),
        *heading.title(year),
        *heading.occasions(frame, lanes.bottom),
        *heading.months(frame, lanes.bottom),
        *panels.drawn(frame, r2, rmse, drift),
        *lanes.drawn(),
    )
    return svg.document(WIDTH, height, parts)
