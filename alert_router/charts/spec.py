"""What a chart shows, and its form on the way to the process that draws it. Times are Unix seconds."""

import json
from dataclasses import asdict, dataclass, field

from alert_router.domain.quantities import NONE, Step, Unit


@dataclass(frozen=True, slots=True)
class Line:
    points: tuple[tuple[float, float], ...]
    """In the order of time."""
    label: str = ""
    """Names the line in the legend, if there is one."""
    stressed: bool = False
    """Of an alert of the card; the others are drawn faintly."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that changed."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class ChartSpec:
    start: float
    end: float
    step_s: float
    """Between two points; a longer distance is a gap."""
    lines: tuple[Line, ...]
    spans: tuple[tuple[float, float], ...] = ()
    """When it fired."""
    firing: bool = True
    limit: float | None = None
    marks: tuple[Mark, ...] = field(default=())
    unit: Unit = NONE
    caption: str = ""
    """Names what is shown, where the card does not."""
    dots: bool = False
    """Each point was measured on its own: it is drawn as such."""


def to_json(spec: ChartSpec) -> bytes:
    return json.dumps(asdict(spec), allow_nan=False).encode()


def from_json(text: bytes) -> ChartSpec:
    values = json.loads(text)
    unit = values.pop("unit")
    steps = tuple(Step(**step) for step in unit.pop("steps"))
    return ChartSpec(
        **{
            **values,
            "lines": tuple(Line(tuple(map(tuple, line.pop("points"))), **line) for line in values["lines"]),
            "spans": tuple(map(tuple, values["spans"])),
            "marks": tuple(Mark(**mark) for mark in values["marks"]),
            "unit": Unit(**unit, steps=steps),
        }
    )
