"""A time range as a range of ids: alerts get them in the order of receipt, so few others lie between.

By the sums of hours and days, so an alert that has just been received may be missing for some seconds.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from alert_router.store import bookmarks, history_sums
from alert_router.store.filters import MAX_ID, Filters
from alert_router.store.tables import day_sums, hour_sums


@dataclass(frozen=True, slots=True)
class IdRange:
    first: int = 0
    last: int = MAX_ID


def of(conn: sa.Connection, filters: Filters) -> IdRange:
    if filters.since is None and filters.until is None:
        return IdRange()
    if not bookmarks.position(conn, history_sums.BOOKMARK):
        return IdRange()
    first = 0 if filters.since is None else _first(conn, filters.since)
    last = MAX_ID if filters.until is None else _last(conn, filters.until)
    return IdRange(first, last)


def _first(conn: sa.Connection, since: datetime) -> int:
    """The lowest id of the alerts that began at or after this; above all of them where there are none."""
    hour, midnight = _hour(since), _midnight(since)
    end = midnight + history_sums.TO_LAST_OF_DAY
    found = conn.scalar(_hours(sa.func.min(hour_sums.c.first_id), hour, end))
    rest = conn.scalar(sa.select(sa.func.min(day_sums.c.first_id)).where(day_sums.c.day > midnight.date()))
    ids = [one for one in (found, rest) if one is not None]
    return min(ids) if ids else _newest(conn) + 1


def _last(conn: sa.Connection, until: datetime) -> int:
    """The highest id of the alerts that began before this; 0 where there are none."""
    midnight = _midnight(until)
    found = conn.scalar(_hours(sa.func.max(hour_sums.c.last_id), midnight, until))
    rest = conn.scalar(sa.select(sa.func.max(day_sums.c.last_id)).where(day_sums.c.day < midnight.date()))
    return max((one for one in (found, rest) if one is not None), default=0)


def _hours(value: sa.ColumnElement[int], start: datetime, end: datetime) -> sa.Select[int]:
    return sa.select(value).where(hour_sums.c.hour >= start, hour_sums.c.hour < end)


def _newest(conn: sa.Connection) -> int:
    newest_day = sa.select(sa.func.max(day_sums.c.day)).scalar_subquery()
    return conn.scalar(sa.select(sa.func.max(day_sums.c.last_id)).where(day_sums.c.day == newest_day)) or 0


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _midnight(moment: datetime) -> datetime:
    return _hour(moment).replace(hour=0)
