"""What a card says beside its alerts' own words: measured, remembered, drawn. Any of it may be missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Measure:
    """A value at the moment its alert fired. Both as people read them, with their unit: "5.2 %"."""

    value: str
    limit: str = ""


@dataclass(frozen=True, slots=True)
class CardFacts:
    measures: Mapping[int, Measure] = field(default_factory=dict)
    """By alert id."""
    memory: str = ""
    """How often, how long, who acted last: "7th time in 30 days, usually over by itself after 12 min"."""
    changes: tuple[str, ...] = ()
    """What happened just before it fired, the likeliest reason first: "12 min before: rf-41 -> rf-42"."""
    chart: bytes | None = None
    """A PNG; None while it is not drawn."""
    chart_name: str = "chart.png"
    """Its file's: another chart has another name."""
