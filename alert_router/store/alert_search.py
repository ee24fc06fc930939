"""The alerts that filters select, newest first."""

import sqlalchemy as sa

from alert_router.domain.model import Alert
from alert_router.store import firing_alerts
from alert_router.store.alert_conditions import IS_OVER
from alert_router.store.alerts import COLUMNS
from alert_router.store.filters import Filters
from alert_router.store.tables import alerts


def newest(
    conn: sa.Connection, filters: Filters, *, limit: int, before: int, over: bool = False
) -> list[Alert]:
    """over: of those that are over only."""
    query = sa.select(*COLUMNS).where(alerts.c.id < before, *((IS_OVER,) if over else ()))
    return firing_alerts.matching(conn, query.order_by(alerts.c.id.desc()), filters, limit=limit)
