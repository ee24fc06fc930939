"""The page /insights: how noisy the last days were, what is noise, and what is worth a better rule."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from alert_router.discord.markdown import duration
from alert_router.store.insights import DayCount, HeatCell, Insights, Totals
from alert_router.web import histogram
from alert_router.web.histogram import Segment
from alert_router.web.pages import Page

SPANS = ("7d", "30d", "90d")
"""What the page offers; another one can be asked for in the address."""
TONES = 5
"""Of the heat map; 0 is no alert."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    total: int
    segments: tuple[Segment, ...]
    words: str
    """ "21 Nov: 12 alerts, 3 critical, 9 warning"."""


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: str
    before: str
    """The same of the period before, in words."""


@dataclass(frozen=True, slots=True)
class HeatRow:
    weekday: str
    counts: tuple[int, ...]
    """By hour."""
    tones: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InsightsPage(Page):
    insights: Insights
    span: str
    spans: tuple[str, ...]
    figures: tuple[Figure, ...]
    days: tuple[Day, ...]
    heat: tuple[HeatRow, ...]
    zone_name: str


def page(found: Insights, span: str, zone_name: str, now: datetime) -> InsightsPage:
    return InsightsPage(
        now=now,
        insights=found,
        span=span,
        spans=SPANS,
        figures=tuple(_figures(found.totals, found.previous)),
        days=tuple(_days(found.by_day, found.since.date(), now.date())),
        heat=tuple(_heat(found.heat)),
        zone_name=zone_name,
    )


def _figures(now: Totals, before: Totals) -> Iterator[Figure]:
    counts = (
        ("alerts", "alerts"),
        ("incidents", "incidents"),
        ("notified", "messages that notify"),
        ("at_night", "of them at night"),
        ("duplicates", "duplicates suppressed"),
    )
    for field, name in counts:
        yield Figure(name, f"{getattr(now, field):,}", change(getattr(now, field), getattr(before, field)))
    spans = (("time_to_acknowledge", "to acknowledge"), ("time_to_resolve", "to resolve"))
    for field, name in spans:
        value, past = getattr(now, field), getattr(before, field)
        if value.median is not None:
            ninth = f", 9 of 10 within {_seconds(value.p90)}"
            yield Figure(f"median {name}{ninth}", _seconds(value.median), f"before {_seconds(past.median)}")


def change(value: int, before: int) -> str:
    """Against the period before."""
    if not before:
        return "none before" if value else "as before"
    percent = round(100 * (value - before) / before)
    if not percent:
        return f"as before ({before:,})"
    return f"{abs(percent):,} % {'more' if percent > 0 else 'fewer'} than before ({before:,})"


def _seconds(value: int | None) -> str:
    return "–" if value is None else duration(timedelta(seconds=value))  # noqa: RUF001 - a dash for nothing


def _days(counts: Iterable[DayCount], first: date, last: date) -> Iterator[Day]:
    by_day: dict[date, dict[str, int]] = defaultdict(dict)
    for one in counts:
        by_day[one.day][one.severity] = one.count
    highest = max((sum(own.values()) for own in by_day.values()), default=1)
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        own = by_day.get(day, {})
        total = sum(own.values())
        yield Day(day, total, tuple(histogram.segments(own, highest)), _in_words(day, total, own))


def _in_words(day: date, total: int, counts: Mapping[str, int]) -> str:
    parts = [f"{count} {rank}" for rank, count in histogram.by_rank(counts).items()]
    return f"{day.day} {day:%b}: {', '.join(parts) if total else 'none'}"


def _heat(cells: Sequence[HeatCell]) -> Iterator[HeatRow]:
    highest = max((cell.count for cell in cells), default=0) or 1
    for number, weekday in enumerate(WEEKDAYS):
        own = sorted((cell for cell in cells if cell.weekday == number), key=lambda cell: cell.hour)
        counts = tuple(cell.count for cell in own)
        yield HeatRow(weekday, counts, tuple(-(-TONES * count // highest) for count in counts))
