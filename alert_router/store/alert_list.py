"""Pages of alerts under filters, newest or worst first. Keyset: a page costs the same however far down."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

import sqlalchemy as sa

from alert_router.domain.model import Alert
from alert_router.store import alert_extras, alert_search, firing_alerts
from alert_router.store.alert_extras import ListedAlert
from alert_router.store.filters import (
    FIRES,
    FIRES_SILENCED,
    MAX_ID,
    MAX_RANK,
    OVER,
    Cursor,
    Filters,
    Order,
    Standing,
)

CHUNK = 500
"""How many alerts are read at a time when all are wanted."""
MAX_COUNT = 1_000
"""Counting stops there: the cost of a page must not rise with the history."""


@dataclass(frozen=True, slots=True)
class AlertList:
    rows: tuple[ListedAlert, ...]
    next: Cursor | None
    """None on the last page."""


@dataclass(frozen=True, slots=True)
class Count:
    number: int
    is_exact: bool
    """False: there are more."""


def page(
    conn: sa.Connection,
    filters: Filters,
    *,
    now: datetime,
    limit: int,
    order: Order = Order.NEWEST,
    after: Cursor | None = None,
) -> AlertList:
    found = find(conn, filters, limit=limit + 1, order=order, after=after)
    shown = found[:limit]
    last = cursor_of(shown[-1], order) if len(found) > limit else None
    return AlertList(alert_extras.with_extras(conn, shown, now), last)


def count(conn: sa.Connection, filters: Filters, *, most: int = MAX_COUNT) -> Count:
    """How many alerts the filters select, up to `most`."""
    found = find(conn, filters, limit=most + 1, order=Order.WORST)
    return Count(min(len(found), most), is_exact=len(found) <= most)


def all_chunks(conn: sa.Connection, filters: Filters, order: Order) -> Iterator[Sequence[Alert]]:
    """All that the filters select, a chunk at a time: what is held in memory does not grow."""
    after: Cursor | None = None
    while found := find(conn, filters, limit=CHUNK, order=order, after=after):
        yield found
        after = cursor_of(found[-1], order)


def cursor_of(alert: Alert, order: Order) -> Cursor:
    if order is Order.NEWEST:
        return Cursor(alert.id)
    if not alert.firing:
        return Cursor(alert.id, OVER)
    return Cursor(alert.id, FIRES if alert.suppressed is None else FIRES_SILENCED, alert.severity_rank)


def find(
    conn: sa.Connection, filters: Filters, *, limit: int, order: Order, after: Cursor | None = None
) -> list[Alert]:
    if order is Order.NEWEST:
        return _newest(conn, filters, limit=limit, before=after.id if after else MAX_ID)
    found: list[Alert] = []
    for section in (FIRES, FIRES_SILENCED, OVER):
        if after is not None and section > after.section:
            continue
        start = after if after is not None and after.section == section else Cursor(MAX_ID, section, MAX_RANK)
        found += _section(conn, filters, start, limit=limit - len(found))
        if len(found) >= limit:
            break
    return found


def _newest(conn: sa.Connection, filters: Filters, *, limit: int, before: int) -> list[Alert]:
    if _only_firing(filters):
        return firing_alerts.newest(conn, filters, limit=limit, before=before)
    if filters.notified is not False:
        return alert_search.newest(conn, filters, limit=limit, before=before)
    # Those that are over are listed in a table of their own.
    found = alert_search.newest(conn, filters, limit=limit, before=before, over=True)
    if filters.status is None:
        found += firing_alerts.newest(conn, filters, limit=limit, before=before)
    return sorted(found, key=attrgetter("id"), reverse=True)[:limit]


def _section(conn: sa.Connection, filters: Filters, after: Cursor, *, limit: int) -> list[Alert]:
    if after.section == OVER:
        if _only_firing(filters):
            return []
        return alert_search.newest(conn, filters, limit=limit, before=after.id, over=True)
    if filters.status is Standing.RESOLVED:
        return []
    return firing_alerts.worst(conn, filters, after, limit=limit)


def _only_firing(filters: Filters) -> bool:
    return filters.status is not None and filters.status is not Standing.RESOLVED
