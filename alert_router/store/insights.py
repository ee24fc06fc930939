"""What a span of days was like: from sums that are kept, so that a month costs the same at any age."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from operator import attrgetter

import sqlalchemy as sa

from alert_router.domain import noise, percentiles
from alert_router.domain.noise import Past
from alert_router.domain.percentiles import Percentiles
from alert_router.store.tables import acknowledgements, cards, day_sums, hour_sums, incidents

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


@dataclass(slots=True)
class _Sum:
    """Of one alertname."""

    alerts: int = 0
    ended: int = 0
    unattended: int = 0
    flapping: int = 0
    silenced: int = 0
    repeats: int = 0
    longest_s: int = 0
    longest_id: int | None = None


def of(conn: sa.Connection, *, since: datetime, until: datetime, zone: tzinfo = UTC) -> Insights:
    """Of whole days in UTC: that of `since` and that of `until` are included."""
    first, last = since.astimezone(UTC).date(), until.astimezone(UTC).date()
    days = (last - first).days + 1
    before = first - timedelta(days=days)
    now, then = _Span.read(conn, first, last), _Span.read(conn, before, first - timedelta(days=1))
    return Insights(
        since=_midnight(first),
        until=until,
        totals=_totals(conn, now, zone),
        previous=_totals(conn, then, zone),
        by_day=now.by_day(),
        heat=_heat(conn, now, zone),
        habits=tuple(_habits(now, then, days)),
    )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Span:
    """The sums of some days."""

    first: date
    last: date
    rows: Sequence[sa.Row[tuple[object, ...]]]

    @classmethod
    def read(cls, conn: sa.Connection, first: date, last: date) -> "_Span":
        query = sa.select(day_sums).where(day_sums.c.day >= first, day_sums.c.day <= last)
        return cls(first, last, conn.execute(query.order_by(day_sums.c.day)).all())

    @property
    def start(self) -> datetime:
        return _midnight(self.first)

    @property
    def end(self) -> datetime:
        return _midnight(self.last) + DAY

    def by_day(self) -> tuple[DayCount, ...]:
        counts: Counter[tuple[date, str]] = Counter()
        for row in self.rows:
            counts[row.day, row.severity] += row.alerts
        return tuple(DayCount(day, severity, count) for (day, severity), count in sorted(counts.items()))

    def by_name(self) -> Mapping[str, _Sum]:
        sums: dict[str, _Sum] = defaultdict(_Sum)
        for row in self.rows:
            own = sums[row.alertname]
            for field in ("alerts", "ended", "unattended", "flapping", "silenced", "repeats"):
                setattr(own, field, getattr(own, field) + getattr(row, field))
            if row.longest_s > own.longest_s:
                own.longest_s, own.longest_id = row.longest_s, row.longest_id
        return sums

    def durations(self) -> Mapping[str, Counter[int]]:
        """By alertname: seconds, and how many alerts fired for so long."""
        counts: dict[str, Counter[int]] = defaultdict(Counter)
        for row in self.rows:
            own = counts[row.alertname]
            for seconds, number in row.durations.items():
                own[int(seconds)] += number
        return counts

    def weeks(self) -> Mapping[str, tuple[int, ...]]:
        weeks = -(-((self.last - self.first).days + 1) // 7)
        counts: dict[str, list[int]] = defaultdict(lambda: [0] * weeks)
        for row in self.rows:
            counts[row.alertname][weeks - 1 - (self.last - row.day).days // 7] += row.alerts
        return {name: tuple(numbers) for name, numbers in counts.items()}


def _habits(now: _Span, then: _Span, days: int) -> Iterator[Habit]:
    before, durations, weeks = then.by_name(), now.durations(), now.weeks()
    for name, own in sorted(now.by_name().items(), key=lambda item: (-item[1].alerts, item[0])):
        spread = percentiles.of(durations[name])
        yield Habit(
            alertname=name,
            count=own.alerts,
            previous=before[name].alerts if name in before else 0,
            ended=own.ended,
            unattended=own.unattended,
            flapping=own.flapping,
            silenced=own.silenced,
            median_duration_s=spread.median,
            longest_s=own.longest_s,
            longest_id=own.longest_id,
            by_week=weeks[name],
            sentence=noise.advice(
                Past(own.alerts, own.ended, own.unattended, own.flapping, days=days, durations=spread)
            ),
        )


def _totals(conn: sa.Connection, span: _Span, zone: tzinfo) -> Totals:
    opened = sa.select(sa.func.count()).where(
        incidents.c.opened_at >= span.start, incidents.c.opened_at < span.end
    )
    by_hour = _messages(conn, span)
    all_durations: Counter[int] = Counter()
    for counts in span.durations().values():
        all_durations.update(counts)
    return Totals(
        alerts=sum(row.alerts for row in span.rows),
        incidents=conn.scalar(opened) or 0,
        notified=sum(by_hour.values()),
        at_night=sum(n for hour, n in by_hour.items() if hour.astimezone(zone).hour in NIGHT),
        duplicates=sum(row.repeats for row in span.rows),
        time_to_acknowledge=_acknowledged(conn, span),
        time_to_resolve=percentiles.of(all_durations),
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


def _heat(conn: sa.Connection, span: _Span, zone: tzinfo) -> tuple[HeatCell, ...]:
    query = sa.select(hour_sums.c.hour, sa.func.sum(hour_sums.c.alerts)).where(
        hour_sums.c.hour >= span.start, hour_sums.c.hour < span.end
    )
    counts: Counter[tuple[int, int]] = Counter()
    for hour, number in conn.execute(query.group_by(hour_sums.c.hour)):
        local = hour.astimezone(zone)
        counts[local.weekday(), local.hour] += int(number)
    return tuple(HeatCell(day, hour, counts[day, hour]) for day in range(7) for hour in range(24))
