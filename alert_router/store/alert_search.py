"""The alerts that filters select, newest first: candidates from an index, and conditions that decide.

Alerts that the search index does not know yet are the newest, and few: they are read one by one.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alert_router.domain.model import Alert
from alert_router.store import bookmarks, firing_alerts, id_range, search_index
from alert_router.store import unnotified as unheard
from alert_router.store.alert_conditions import IS_OVER, Condition
from alert_router.store.alerts import COLUMNS
from alert_router.store.filters import Filters
from alert_router.store.id_range import IdRange
from alert_router.store.tables import alerts, unnotified


def newest(
    conn: sa.Connection, filters: Filters, *, limit: int, before: int, over: bool = False
) -> list[Alert]:
    """over: of those that are over only."""
    others = (IS_OVER,) if over else ()
    within = id_range.of(conn, filters)
    before = min(before, within.last + 1)
    found, known_to = _beyond_index(conn, filters, others, within, before=before, limit=limit)
    if len(found) >= limit or known_to <= within.first:
        return found
    before, limit = min(before, known_to), limit - len(found)
    return found + _known(conn, filters, others, within, before=before, limit=limit)


def _beyond_index(
    conn: sa.Connection,
    filters: Filters,
    others: Sequence[Condition],
    within: IdRange,
    *,
    before: int,
    limit: int,
) -> tuple[list[Alert], int]:
    """Those that the index does not know yet, and the id below which it does."""
    coverage = search_index.coverage(conn)
    if coverage is None:
        return [], before
    first = max(coverage.last_id + 1, within.first)
    if before <= first:
        return [], before
    query = sa.select(*COLUMNS).where(alerts.c.id >= first, alerts.c.id < before, *others)
    ordered = query.order_by(alerts.c.id.desc())
    return firing_alerts.matching(conn, ordered, filters, limit=limit), first


def _known(
    conn: sa.Connection,
    filters: Filters,
    others: Sequence[Condition],
    within: IdRange,
    *,
    before: int,
    limit: int,
) -> list[Alert]:
    candidates = _candidates(conn, filters, over=bool(others), before=before)
    place = alerts.c.id if candidates is None else candidates.c.id
    query = sa.select(*COLUMNS).where(place >= within.first, *others)
    if candidates is None:
        query = query.where(alerts.c.id < before)
    else:
        query = query.select_from(_joined(conn, candidates))
    return firing_alerts.matching(conn, query.order_by(place.desc()), filters, limit=limit)


def _candidates(conn: sa.Connection, filters: Filters, *, over: bool, before: int) -> sa.FromClause | None:
    if filters.notified is False and over and bookmarks.position(conn, unheard.BOOKMARK):
        listed = sa.select(unnotified.c.alert_id.label("id")).where(unnotified.c.alert_id < before)
        return listed.order_by(unnotified.c.alert_id.desc()).subquery("candidates")
    if search_index.coverage(conn) is None:
        return None
    return search_index.candidates(conn, filters, before=before)


def _joined(conn: sa.Connection, candidates: sa.FromClause) -> sa.FromClause:
    """On SQLite the plus keeps the index from being asked for each alert: candidates come first, in order."""
    candidate: sa.ColumnElement[int] = candidates.c.id
    if conn.dialect.name == "sqlite":
        candidate = sa.type_coerce(sa.literal_column("+candidates.id"), sa.Integer)
    return sa.join(candidates, alerts, alerts.c.id == candidate)
