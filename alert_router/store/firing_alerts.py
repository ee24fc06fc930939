"""Those of the alerts that fire: few beside the history, found by a partial index of their own."""

from collections.abc import Callable, Sequence
from operator import attrgetter

import sqlalchemy as sa

from alert_router.domain.matchers import Matcher
from alert_router.domain.model import Alert
from alert_router.domain.severity import Severity
from alert_router.store import alert_conditions
from alert_router.store.alert_conditions import FIRES, Condition
from alert_router.store.alerts import COLUMNS, alert_of
from alert_router.store.filters import FIRES_SILENCED, MAX_ID, Cursor, Filters
from alert_router.store.tables import alerts

CHUNK = 500
RANKS = tuple(sorted(Severity, reverse=True))


def newest(conn: sa.Connection, filters: Filters, *, limit: int, before: int) -> list[Alert]:
    found = [
        alert for rank in RANKS for alert in _of_rank(conn, filters, (), rank, before=before, limit=limit)
    ]
    return sorted(found, key=attrgetter("id"), reverse=True)[:limit]


def worst(conn: sa.Connection, filters: Filters, after: Cursor, *, limit: int) -> list[Alert]:
    """Of one section: what is silenced, or what is not. after.rank: where to begin."""
    silenced = after.section == FIRES_SILENCED
    is_in = alerts.c.suppressed.is_not(None) if silenced else alerts.c.suppressed.is_(None)
    found: list[Alert] = []
    for rank in RANKS:
        if rank <= after.rank and len(found) < limit:
            before = after.id if rank == after.rank else MAX_ID
            found += _of_rank(conn, filters, (is_in,), rank, before=before, limit=limit - len(found))
    return found


def _of_rank(
    conn: sa.Connection, filters: Filters, others: Sequence[Condition], rank: int, *, before: int, limit: int
) -> list[Alert]:
    """A range of the partial index, which has them in this order: nothing is sorted."""
    query = sa.select(*COLUMNS).where(FIRES, alerts.c.severity_rank == rank, alerts.c.id < before, *others)
    return matching(conn, query.order_by(alerts.c.id.desc()), filters, limit=limit)


def by_severity(conn: sa.Connection) -> dict[str, int]:
    """How many alerts fire now."""
    query = sa.select(alerts.c.severity, sa.func.count()).where(FIRES).group_by(alerts.c.severity)
    return {str(severity): n for severity, n in conn.execute(query)}


def count(conn: sa.Connection) -> int:
    return conn.scalar(sa.select(sa.func.count()).select_from(alerts).where(FIRES)) or 0


def matching(
    conn: sa.Connection,
    query: sa.Select[tuple[object, ...]],
    filters: Filters,
    *,
    limit: int,
) -> list[Alert]:
    """The first of these alerts that the filters select."""
    in_sql, later = alert_conditions.split(filters, conn.dialect.name)
    query = query.where(*alert_conditions.conditions(in_sql))
    if not later:
        return [alert_of(row) for row in conn.execute(query.limit(limit))]
    return _first(conn, query, matches_all(later), limit)


def matches_all(later: tuple[Matcher, ...]) -> Callable[[Alert], bool]:
    return lambda alert: all(matcher.matches(alert.labels) for matcher in later)


def _first(
    conn: sa.Connection,
    query: sa.Select[tuple[object, ...]],
    is_selected: Callable[[Alert], bool],
    limit: int,
) -> list[Alert]:
    """Read no further than needed: PostgreSQL has regular expressions of another kind."""
    found: list[Alert] = []
    with conn.execute(query.execution_options(yield_per=CHUNK)) as result:
        for row in result:
            alert = alert_of(row)
            if is_selected(alert):
                found.append(alert)
                if len(found) >= limit:
                    break
    return found
