"""How often alerts began to fire over time: the histogram of the list, and the strips beside an alert."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.domain.model import Alert
from alert_router.store import alert_list, rows
from alert_router.store.filters import Filters, Order
from alert_router.store.tables import alerts, hour_sums

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MAX_BARS = 120
"""A longer span has wider bars."""
MAX_READ = 2_000
"""A histogram under filters that the sums do not know is that of this many alerts, the newest."""
MAX_EPISODES = 20_000
"""Of all label sets of one page of strips."""


@dataclass(frozen=True, slots=True)
class Bar:
    start: datetime
    end: datetime
    counts: Mapping[str, int]
    """Alerts that began, by severity."""

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Histogram:
    bars: tuple[Bar, ...]
    """Without gaps, oldest first."""
    is_complete: bool
    """False: only the newest MAX_READ alerts were counted."""


@dataclass(frozen=True, slots=True)
class Cell:
    start: datetime
    end: datetime
    began: int
    """How many episodes began in it."""
    firing_share: float
    """Of its time, how much an episode fired: from 0 to 1."""


def histogram(conn: sa.Connection, filters: Filters, *, since: datetime, until: datetime) -> Histogram:
    """Of the selected alerts that began in this span, by hour or by several hours."""
    step = _step(until - since)
    if _is_summed(filters):
        return Histogram(_bars(_from_sums(conn, filters, since, until), since, until, step), is_complete=True)
    began = _from_alerts(conn, filters, since, until)
    return Histogram(_bars(began, since, until, step), is_complete=len(began) < MAX_READ)


def _is_summed(filters: Filters) -> bool:
    others = (filters.status, filters.source, filters.team, filters.notified, filters.text)
    return not filters.matchers and all(value is None or value == "" for value in others)


def _step(span: timedelta) -> timedelta:
    """Whole hours, so that the sums by the hour fill it."""
    hours = -(-span // HOUR)
    return max(-(-hours // MAX_BARS), 1) * HOUR


def _from_sums(
    conn: sa.Connection, filters: Filters, since: datetime, until: datetime
) -> list[tuple[datetime, str, int]]:
    sums = hour_sums.c
    query = sa.select(sums.hour, sums.severity, sa.func.sum(sums.alerts)).where(
        sums.hour >= _floor(since), sums.hour < until
    )
    if filters.severity is not None:
        query = query.where(sums.severity == filters.severity)
    if filters.alertname is not None:
        query = query.where(sums.alertname == filters.alertname)
    counted = conn.execute(query.group_by(sums.hour, sums.severity))
    return [(hour, severity, int(number)) for hour, severity, number in counted]


def _from_alerts(
    conn: sa.Connection, filters: Filters, since: datetime, until: datetime
) -> list[tuple[datetime, str, int]]:
    within = replace(filters, since=since, until=until)
    found = alert_list.find(conn, within, limit=MAX_READ, order=Order.NEWEST)
    return [(alert.starts_at, alert.severity, 1) for alert in found]


def _bars(
    began: Iterable[tuple[datetime, str, int]], since: datetime, until: datetime, step: timedelta
) -> tuple[Bar, ...]:
    start = _floor(since)
    counts = [Counter[str]() for _ in range(-(-(until - start) // step))]
    for moment, severity, number in began:
        counts[max((moment - start) // step, 0)][severity] += number
    return tuple(
        Bar(start + index * step, start + (index + 1) * step, dict(counter))
        for index, counter in enumerate(counts)
    )


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def strips(
    conn: sa.Connection, shown: Sequence[Alert], *, now: datetime, span: timedelta = DAY, cells: int = 24
) -> Mapping[int, tuple[Cell, ...]]:
    """By alert: when its label set fired, oldest cell first. For 30 days: span=30 * DAY, cells=30."""
    since, step = now - span, span / cells
    episodes = _episodes(conn, shown, since)
    return {
        alert.id: tuple(
            _cell(episodes.get(alert.id, ()), since + index * step, since + (index + 1) * step, now)
            for index in range(cells)
        )
        for alert in shown
    }


Span = tuple[datetime, datetime | None]


def _episodes(conn: sa.Connection, shown: Sequence[Alert], since: datetime) -> Mapping[int, Sequence[Span]]:
    """By alert, the episodes of its label set; of those before `since` the last: they do not overlap."""
    wanted = rows.table_of(conn, [alert.id for alert in shown], sa.BigInteger())
    other, earlier = alerts.alias("other"), alerts.alias("earlier")
    last_before = (
        sa.select(sa.func.max(earlier.c.starts_at))
        .where(_same_labels(earlier), earlier.c.starts_at < since)
        .correlate(alerts)
        .scalar_subquery()
    )
    query = (
        sa.select(alerts.c.id, other.c.starts_at, other.c.ends_at)
        .join(other, _same_labels(other))
        .where(
            alerts.c.id.in_(sa.select(wanted.c.value)),
            other.c.starts_at >= sa.func.coalesce(last_before, sa.literal(since, alerts.c.starts_at.type)),
        )
        .limit(MAX_EPISODES)
    )
    by_alert: dict[int, list[Span]] = defaultdict(list)
    for alert_id, starts_at, ends_at in conn.execute(query):
        by_alert[alert_id].append((starts_at, ends_at))
    return by_alert


def _same_labels(other: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(other.c.source == alerts.c.source, other.c.fingerprint == alerts.c.fingerprint)


def _cell(episodes: Iterable[Span], start: datetime, end: datetime, now: datetime) -> Cell:
    began, fired = 0, timedelta()
    for starts_at, ends_at in episodes:
        began += start <= starts_at < end
        fired += max(min(ends_at or now, end) - max(starts_at, start), timedelta())
    return Cell(start, end, began, min(fired / (end - start), 1.0))
