"""The earlier episodes of an alert's label set."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.domain.model import Alert
from alert_router.store import alert_extras
from alert_router.store.alert_extras import ListedAlert
from alert_router.store.alerts import COLUMNS, alert_of
from alert_router.store.tables import alerts


@dataclass(frozen=True, slots=True)
class Earlier:
    episodes: tuple[ListedAlert, ...]
    """Newest first."""
    is_all: bool
    """False: there were more before."""

    @property
    def median_duration(self) -> timedelta | None:
        spans = sorted(
            one.alert.ends_at - one.alert.starts_at for one in self.episodes if one.alert.ends_at is not None
        )
        return spans[len(spans) // 2] if spans else None


def episodes(conn: sa.Connection, alert: Alert, now: datetime, *, limit: int = 20) -> Earlier:
    query = (
        sa.select(*COLUMNS)
        .where(
            alerts.c.source == alert.source,
            alerts.c.fingerprint == alert.fingerprint,
            alerts.c.starts_at < alert.starts_at,
        )
        .order_by(alerts.c.starts_at.desc())
        .limit(limit + 1)
    )
    found = [alert_of(row) for row in conn.execute(query)]
    return Earlier(alert_extras.with_extras(conn, found[:limit], now), is_all=len(found) <= limit)
