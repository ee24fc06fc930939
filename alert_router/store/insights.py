"""What a span of days was like: from sums that are kept, so that a month costs the same at any age."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from alert_router.domain import noise, percentiles
from alert_router.domain.noise import Past
from alert_router.domain.percentiles import Percentiles
from alert_router.store.tables import acknowledgements, cards, day_durations, day_sums, hour_sums, incidents

NIGHT = (*range(22, 24), *range(7))
"""Hours in which a message wakes people."""
TOP = 10
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DayCount:
    day: date
    severity: str
    count: int


@dataclass(frozen=True, slots=True)
class HeatCell:
    weekday: int
    """0 is Monday."""
    hour: int
    count: int


@dataclass(frozen=True, slots=True)
class Habit:
    """An alertname in the span, and in the one before it."""

    alertname: str
    count: int
    previous: int
    ended: int
    unattended: int
    flapping: int
    silenced: int
    median_duration_s: int | None
    longest_s: int
    longest_id: int | None
    """The alert that fired longest."""
    by_week: tuple[int, ...]
    """How often it began in each week of the span, oldest first; the first may be shorter."""
    sentence: str
    """What that suggests; empty where it suggests nothing."""


@dataclass(frozen=True, slots=True)
class Totals:
    alerts: int
    incidents: int
    notified: int
    """New messages that people were notified by."""
    at_night: int
    """Of those, how many between 22:00 and 07:00."""
    duplicates: int
    """Reports that brought nothing new, and so were suppressed."""
    time_to_acknowledge: Percentiles
    """Seconds from when an incident opened to its first acknowledgement."""
    time_to_resolve: Percentiles
    """Seconds from the start of an alert to its end."""


@dataclass(frozen=True, slots=True)
class Insights:
    since: datetime
    until: datetime
    totals: Totals
    previous: Totals
    """Of the span of the same length before it."""
    by_day: tuple[DayCount, ...]
    """Days without alerts are left out."""
    heat: tuple[HeatCell, ...]
    """All 168 hours of a week, in the zone that was asked for."""
    habits: tuple[Habit, ...]
    """Of every alertname that fired, the noisiest first."""

    @property
    def noisiest(self) -> Sequence[Habit]:
        return self.habits[:TOP]

    @property
    def flapping(self) -> Sequence[Habit]:
        return _top(self.habits, "flapping")

    @property
    def longest(self) -> Sequence[Habit]:
        return _top(self.habits, "longest_s")

    @property
    def never_acted_on(self) -> Sequence[Habit]:
        """All that were over had ended without anybody."""
        return _top([one for one in self.habits if one.ended and one.unattended == one.ended], "unattended")


def _top(habits: Iterable[Habit], field: str) -> Sequence[Habit]:
    value = attrgetter(field)
    return sorted((one for one in habits if value(one)), key=value, reverse=True)[:TOP]


def of(conn: sa.Connection, *, since: datetime, until: datetime, zone: tzinfo = UTC) -> Insights:
    """Of whole days in UTC: that of `since` and that of `until` are included."""
    first, last = since.astimezone(UTC).date(), until.astimezone(UTC).date()
    days = (last - first).days + 1
    before = first - timedelta(days=days)
    now, then = _Span(conn, first, last), _Span(conn, before, first - DAY)
    rows = now.rows()
    return Insights(
        since=_midnight(first),
        until=until,
        totals=_totals(now, zone),
        previous=_totals(then, zone),
        by_day=_by_day(rows),
        heat=_heat(now, zone),
        habits=tuple(_habits(rows, then.counts(), now.last, days)),
    )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Span:
    """Some days, both included."""

    conn: sa.Connection
    first: date
    last: date

    @property
    def start(self) -> datetime:
        return _midnight(self.first)

    @property
    def end(self) -> datetime:
        return _midnight(self.last) + DAY

    def _within(self, day: sa.Column[date]) -> sa.ColumnElement[bool]:
        return sa.and_(day >= self.first, day <= self.last)

    def rows(self) -> Sequence[sa.Row[Any]]:
        return self.conn.execute(sa.select(day_sums).where(self._within(day_sums.c.day))).all()

    def sums(self) -> tuple[int, int]:
        """Alerts, and their repeats."""
        query = sa.select(sa.func.sum(day_sums.c.alerts), sa.func.sum(day_sums.c.repeats))
        alerts, repeats = self.conn.execute(query.where(self._within(day_sums.c.day))).one()
        return int(alerts or 0), int(repeats or 0)

    def counts(self) -> Mapping[str, int]:
        """Alerts by name."""
        query = sa.select(day_sums.c.alertname, sa.func.sum(day_sums.c.alerts))
        found = self.conn.execute(query.where(self._within(day_sums.c.day)).group_by(day_sums.c.alertname))
        return {name: int(number) for name, number in found}

    def durations(self) -> Percentiles:
        query = sa.select(day_durations.c.durations).where(self._within(day_durations.c.day))
        return _percentiles(self.conn.scalars(query))


def _percentiles(durations: Iterable[Mapping[str, int]]) -> Percentiles:
    """Of distributions together, as they are stored: {seconds: how many}."""
    together: dict[str, int] = {}
    for counts in durations:
        for seconds, number in counts.items():
            together[seconds] = together.get(seconds, 0) + number
    return percentiles.of({int(seconds): number for seconds, number in together.items()})


def _by_day(rows: Iterable[sa.Row[Any]]) -> tuple[DayCount, ...]:
    counts: Counter[tuple[date, str]] = Counter()
    for row in rows:
        counts[row.day, row.severity] += row.alerts
    return tuple(DayCount(day, severity, count) for (day, severity), count in sorted(counts.items()))


def _habits(rows: Iterable[sa.Row[Any]], before: Mapping[str, int], last: date, days: int) -> Iterator[Habit]:
    by_name: dict[str, list[sa.Row[Any]]] = defaultdict(list)
    for row in rows:
        by_name[row.alertname].append(row)
    habits = [_habit(name, own, before.get(name, 0), last, days) for name, own in by_name.items()]
    yield from sorted(habits, key=lambda habit: (-habit.count, habit.alertname))


def _habit(name: str, rows: Sequence[sa.Row[Any]], before: int, last: date, days: int) -> Habit:
    spread = _percentiles(row.durations for row in rows)
    longest = max(rows, key=attrgetter("longest_s"))

    def total(field: str) -> int:
        return sum(map(attrgetter(field), rows))

    past = Past(
        total("alerts"), total("ended"), total("unattended"), total("flapping"), days=days, durations=spread
    )
    return Habit(
        alertname=name,
        count=past.alerts,
        previous=before,
        ended=past.ended,
        unattended=past.unattended,
        flapping=past.flapping,
        silenced=total("silenced"),
        median_duration_s=spread.median,
        longest_s=longest.longest_s,
        longest_id=longest.longest_id,
        by_week=_weeks(rows, last, days),
        sentence=noise.advice(past),
    )


def _weeks(rows: Iterable[sa.Row[Any]], last: date, days: int) -> tuple[int, ...]:
    counts = [0] * -(-days // 7)
    for row in rows:
        counts[-1 - (last - row.day).days // 7] += row.alerts
    return tuple(counts)


def _totals(span: _Span, zone: tzinfo) -> Totals:
    opened = sa.select(sa.func.count()).where(
        incidents.c.opened_at >= span.start, incidents.c.opened_at < span.end
    )
    alerts, repeats = span.sums()
    by_hour = _messages(span.conn, span)
    return Totals(
        alerts=alerts,
        incidents=span.conn.scalar(opened) or 0,
        notified=sum(by_hour.values()),
        at_night=sum(n for hour, n in by_hour.items() if hour.astimezone(zone).hour in NIGHT),
        duplicates=repeats,
        time_to_acknowledge=_acknowledged(span.conn, span),
        time_to_resolve=span.durations(),
    )


def _messages(conn: sa.Connection, span: _Span) -> Mapping[datetime, int]:
    """New messages by the hour; what a digest shows is one, and a copy in the fallback is none."""
    sqlite = conn.dialect.name == "sqlite"
    posted = cards.c.posted_at
    hour = sa.func.substr(posted, 1, 13, type_=sa.Text) if sqlite else sa.func.date_trunc("hour", posted)
    query = (
        sa.select(hour, sa.func.count())
        .where(
            posted.is_not(None),
            posted >= span.start,
            posted < span.end,
            cards.c.state != "folded",
            cards.c.message_id.is_not(None),
            cards.c.copy_of.is_(None),
        )
        .group_by(hour)
    )
    return {_hour(value): number for value, number in conn.execute(query)}


def _hour(value: str | datetime) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return datetime.fromisoformat(f"{value}:00:00+00:00")


def _acknowledged(conn: sa.Connection, span: _Span) -> Percentiles:
    made = acknowledgements.c
    query = (
        sa.select(made.incident_id, made.at, incidents.c.opened_at, incidents.c.firing_since)
        .join(incidents, incidents.c.id == made.incident_id)
        .where(made.at >= span.start, made.at < span.end)
        .order_by(made.at, made.id)
    )
    waits: dict[int, int] = {}
    for incident_id, at, opened_at, firing_since in conn.execute(query):
        began = firing_since if firing_since is not None and firing_since <= at else opened_at
        waits.setdefault(incident_id, max(int((at - began).total_seconds()), 0))
    return percentiles.of(Counter(waits.values()))


def _heat(span: _Span, zone: tzinfo) -> tuple[HeatCell, ...]:
    query = sa.select(hour_sums.c.hour, sa.func.sum(hour_sums.c.alerts)).where(
        hour_sums.c.hour >= span.start, hour_sums.c.hour < span.end
    )
    counts: Counter[tuple[int, int]] = Counter()
    for hour, number in span.conn.execute(query.group_by(hour_sums.c.hour)):
        local = hour.astimezone(zone)
        counts[local.weekday(), local.hour] += int(number)
    return tuple(HeatCell(day, hour, counts[day, hour]) for day in range(7) for hour in range(24))
