"""The histogram over a list, as bars of SVG; filters.js lets people choose a span of time on it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from alert_router.store.frequency import Bar, Histogram
from alert_router.web.jinja_filters import RANK_NAMES, rank_name

HEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A severity's part of a bar, in units of the chart."""

    rank: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    start: datetime
    end: datetime
    total: int
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class HistogramView:
    columns: tuple[Column, ...]
    since: datetime
    until: datetime
    highest: int
    is_complete: bool

    @classmethod
    def of(cls, found: Histogram) -> "HistogramView":
        highest = max((bar.total for bar in found.bars), default=0)
        columns = tuple(_column(bar, max(highest, 1)) for bar in found.bars)
        return cls(columns, columns[0].start, columns[-1].end, highest, found.is_complete)

    @property
    def total(self) -> int:
        return sum(column.total for column in self.columns)


def _column(bar: Bar, highest: int) -> Column:
    return Column(bar.start, bar.end, bar.total, tuple(segments(bar.counts, highest)))


def segments(counts: Mapping[str, int], highest: int) -> Iterator[Segment]:
    """From the bottom up, worst first."""
    top = HEIGHT
    for rank, count in by_rank(counts).items():
        height = HEIGHT * count / highest
        top -= height
        yield Segment(rank, round(top, 2), round(height, 2))


def by_rank(counts: Mapping[str, int]) -> dict[str, int]:
    """Severities of one rank together, worst first."""
    sums = dict.fromkeys(RANK_NAMES.values(), 0)
    for severity, count in counts.items():
        sums[rank_name(severity)] += count
    return {rank: count for rank, count in sums.items() if count}
