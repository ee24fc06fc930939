"""Which episodes the history has, label set by label set."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from math import inf

import sqlalchemy as sa

from alert_router.domain import index_keys
from alert_router.domain.backfill import Known, Span
from alert_router.domain.model import Fingerprint
from alert_router.store import rows
from alert_router.store.tables import alerts


def known(conn: sa.Connection, alertnames: Collection[str], start: float, end: float) -> list[Known]:
    """Those of these names that overlap start to end (Unix time)."""
    spans: dict[str, list[Span]] = defaultdict(list)
    newest: dict[str, int] = {}
    wanted = rows.table_of(conn, map(index_keys.truncate, alertnames), sa.Text())
    query = sa.select(alerts.c.id, alerts.c.fingerprint, alerts.c.starts_at, alerts.c.ends_at).where(
        alerts.c.alertname.in_(sa.select(wanted.c.value)),
        alerts.c.starts_at <= _moment(end),
        sa.or_(alerts.c.ends_at.is_(None), alerts.c.ends_at >= _moment(start)),
    )
    for alert_id, fingerprint, starts_at, ends_at in conn.execute(query):
        spans[fingerprint].append(_span(starts_at, ends_at))
        newest[fingerprint] = alert_id
    # Labels are long: of each label set they are read once.
    ids = rows.table_of(conn, newest.values(), sa.BigInteger())
    labels = sa.select(alerts.c.fingerprint, alerts.c.labels).where(alerts.c.id.in_(sa.select(ids.c.value)))
    return [Known(row.labels, spans[row.fingerprint]) for row in conn.execute(labels)]


def begun(
    conn: sa.Connection, source: str, fingerprints: Collection[Fingerprint], start: float, end: float
) -> Mapping[str, list[Span]]:
    """By fingerprint, those that began from start to end (Unix time)."""
    spans: dict[str, list[Span]] = defaultdict(list)
    wanted = rows.table_of(conn, fingerprints, sa.Text())
    query = sa.select(alerts.c.fingerprint, alerts.c.starts_at, alerts.c.ends_at).where(
        alerts.c.source == source,
        alerts.c.fingerprint.in_(sa.select(wanted.c.value)),
        alerts.c.starts_at.between(_moment(start), _moment(end)),
    )
    for fingerprint, starts_at, ends_at in conn.execute(query):
        spans[fingerprint].append(_span(starts_at, ends_at))
    return spans


def _span(starts_at: datetime, ends_at: datetime | None) -> Span:
    return starts_at.timestamp(), ends_at.timestamp() if ends_at else inf


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
