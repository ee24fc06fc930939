"""Sums of the alerts by hour and by day of their start, by name and severity: counted anew where one changed.

To count an hour anew is always right, however often it is done and whatever was missed. Retention leaves
them: the sums outlive the alerts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import Status
from alert_router.store import bookmarks
from alert_router.store.tables import (
    acknowledgements,
    alerts,
    day_durations,
    day_sums,
    hour_sums,
    transitions,
)

BOOKMARK = "history sums"
MAX_TRANSITIONS = 20_000
"""So many are looked at in one run."""
TO_LAST_OF_HOUR = timedelta(hours=1) - timedelta.resolution
TO_LAST_OF_DAY = timedelta(days=1) - timedelta.resolution
"""Not to the beginning of the next: the last hour that there is has none."""
ADDED = ("alerts", "ended", "unattended", "silenced", "flapping", "repeats")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Changed:
    hours: frozenset[datetime]
    """In which alerts began that have changed since the bookmark."""
    start: int
    end: int
    """The last transition that was looked at."""

    def __bool__(self) -> bool:
        return self.end > self.start


def look(conn: sa.Connection) -> Changed:
    start = bookmarks.position(conn, BOOKMARK)
    fact = (
        sa.select(transitions.c.id, transitions.c.alert_id)
        .where(transitions.c.id > start)
        .order_by(transitions.c.id)
        .limit(MAX_TRANSITIONS)
        .subquery()
    )
    hour = hour_of(conn, alerts.c.starts_at)
    query = (
        sa.select(hour, sa.func.max(fact.c.id))
        .select_from(fact.join(alerts, alerts.c.id == fact.c.alert_id))
        .group_by(hour)
    )
    found = conn.execute(query).all()
    end = max((row[1] for row in found), default=start)
    return Changed(frozenset(as_hour(row[0]) for row in found), start, end)


def hour_of(conn: sa.Connection, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    if conn.dialect.name == "sqlite":
        return sa.func.substr(column, 1, 13, type_=sa.Text)
    return sa.func.date_trunc("hour", column)


def as_hour(value: str | datetime) -> datetime:
    """Of what hour_of gives."""
    if isinstance(value, datetime):
        return value
    return datetime.fromisoformat(f"{value}:00:00+00:00")


@dataclass(slots=True)
class Recount:
    """An hour as it is now."""

    hour: datetime
    rows: Sequence[Row] = field(default_factory=list)


def recount(conn: sa.Connection, hour: datetime) -> Recount:
    """A read: it can take a while where many alerts began in one hour."""
    by_key = {(row["alertname"], row["severity"]): row for row in _sums(conn, hour)}
    for name, severity, span, number, alert_id in conn.execute(_durations(conn, hour)):
        row = by_key.get((name, severity))
        if row is None:  # it came between the two queries: its own transition has the hour counted again
            continue
        seconds = max(int(span), 0)
        row["durations"][str(seconds)] = row["durations"].get(str(seconds), 0) + number
        if row["longest_id"] is None or seconds > row["longest_s"]:
            row["longest_s"], row["longest_id"] = seconds, alert_id
    return Recount(hour, list(by_key.values()))


def _began_in(hour: datetime) -> sa.ColumnElement[bool]:
    return alerts.c.starts_at.between(hour, hour + TO_LAST_OF_HOUR)


def _sums(conn: sa.Connection, hour: datetime) -> list[Row]:
    ended = alerts.c.status == Status.RESOLVED
    acknowledged = sa.exists().where(
        acknowledgements.c.incident_id == alerts.c.incident_id,
        acknowledgements.c.at >= alerts.c.starts_at,
        acknowledgements.c.at <= alerts.c.last_seen_at,
    )
    query = sa.select(
        alerts.c.alertname,
        alerts.c.severity,
        sa.func.count().label("alerts"),
        _number_of(ended).label("ended"),
        _number_of(sa.and_(ended, ~acknowledged)).label("unattended"),
        _number_of(alerts.c.suppressed.is_not(None)).label("silenced"),
        _number_of(alerts.c.flaps > 0).label("flapping"),
        sa.func.sum(alerts.c.repeats).label("repeats"),
        sa.func.min(alerts.c.id).label("first_id"),
        sa.func.max(alerts.c.id).label("last_id"),
    ).where(_began_in(hour))
    grouped = conn.execute(query.group_by(alerts.c.alertname, alerts.c.severity)).mappings()
    empty = {"hour": hour, "longest_s": 0, "longest_id": None}
    return [{**row, **empty, "durations": {}, "repeats": int(row["repeats"])} for row in grouped]


def _number_of(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _durations(conn: sa.Connection, hour: datetime) -> sa.Select[Any]:
    """Of those that are over, whole seconds and how many alerts fired for so long."""
    seconds = _epoch(conn, alerts.c.ends_at) - _epoch(conn, alerts.c.starts_at)
    return (
        sa.select(alerts.c.alertname, alerts.c.severity, seconds, sa.func.count(), sa.func.max(alerts.c.id))
        .where(_began_in(hour), alerts.c.ends_at.is_not(None), alerts.c.status == Status.RESOLVED)
        .group_by(alerts.c.alertname, alerts.c.severity, seconds)
    )


def _epoch(conn: sa.Connection, column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """Whole seconds."""
    if conn.dialect.name == "sqlite":
        return sa.cast(sa.func.strftime("%s", column, type_=sa.Text), sa.BigInteger)
    return sa.cast(sa.func.floor(sa.func.extract("epoch", column)), sa.BigInteger)


def save_hour(conn: sa.Connection, recount: Recount) -> None:
    """Replace the sums of the hour."""
    conn.execute(sa.delete(hour_sums).where(hour_sums.c.hour == recount.hour))
    if recount.rows:
        conn.execute(sa.insert(hour_sums), recount.rows)


def read_day(conn: sa.Connection, day: date) -> Sequence[Row]:
    """The sums of a day: those of its hours together."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    query = sa.select(hour_sums).where(hour_sums.c.hour.between(start, start + TO_LAST_OF_DAY))
    sums: dict[tuple[str, str], Row] = {}
    for hour in map(dict, conn.execute(query).mappings()):
        key = hour["alertname"], hour["severity"]
        sums[key] = together(sums[key], hour) if key in sums else _first(day, hour)
    return list(sums.values())


def save_day(conn: sa.Connection, day: date, rows: Sequence[Row]) -> None:
    for table in (day_sums, day_durations):
        conn.execute(sa.delete(table).where(table.c.day == day))
    if rows:
        conn.execute(sa.insert(day_sums), list(rows))
        durations: Counter[str] = Counter()
        for row in rows:
            durations.update(row["durations"])
        conn.execute(sa.insert(day_durations).values(day=day, durations=dict(durations)))


def finish(conn: sa.Connection, changed: Changed) -> None:
    """All hours and days of these transitions are saved."""
    bookmarks.advance(conn, BOOKMARK, changed.start, changed.end)


def _first(day: date, hour: Mapping[str, Any]) -> Row:
    return {name: value for name, value in hour.items() if name != "hour"} | {"day": day}


def together(one: Row, other: Mapping[str, Any]) -> Row:
    """The sums of both, of one alertname and severity."""
    longest = max(one, other, key=lambda row: (row["longest_s"], row["longest_id"] or 0))
    return {
        **one,
        **{name: one[name] + other[name] for name in ADDED},
        "first_id": min(one["first_id"], other["first_id"]),
        "last_id": max(one["last_id"], other["last_id"]),
        "longest_s": longest["longest_s"],
        "longest_id": longest["longest_id"],
        "durations": dict(Counter(one["durations"]) + Counter(other["durations"])),
    }
