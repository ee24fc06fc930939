"""What a dashboard is made of. Standard library only; rendering.py turns it into Grafana's JSON."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    LINES = "lines"
    BARS = "bars"
    STAT = "stat"
    STATES = "states"
    """A state timeline: a row per series, its colour by value."""
    HEATMAP = "heatmap"
    """Of a histogram's buckets."""


class Unit(StrEnum):
    """Grafana's names of units."""

    NUMBER = "short"
    SCORE = "none"
    RATIO = "percentunit"
    SECONDS = "s"
    BYTES = "bytes"
    AGE = "dtdurations"
    PER_SECOND = "reqps"
    PER_MINUTE = "reqpm"
    STATE = "bool_yes_no"


@dataclass(frozen=True, slots=True)
class Query:
    expr: str
    legend: str
    """A legend in Grafana's template syntax: `{{label}}`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where values turn from good to bad, in rising order."""

    values: tuple[float, ...]
    bad_below: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    id: int
    """Rules link to it: an id is never given to another panel."""
    title: str
    description: str
    queries: tuple[Query, ...]
    kind: Kind = Kind.LINES
    unit: Unit = Unit.NUMBER
    limits: Limits | None = None
    empty: str = ""
    """Why a healthy system may show no data here, as a sentence."""
    time_from: str | None = None
    """The panel's own time range instead of the dashboard's, such as 7d."""
    axis: str = ""
    """What is counted, where the unit does not say it."""
    texts: tuple[tuple[str, str, str], ...] = ()
    """(value, text, colour): what is shown instead of a number."""
    width: int = 8
    height: int = 8

    @property
    def help(self) -> str:
        return f"{self.description} {self.empty}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    uid: str
    title: str
    description: str
    time_from: str
    panels: tuple[Panel, ...]
