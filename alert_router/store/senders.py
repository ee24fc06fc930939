"""The senders: Alertmanager's receivers that lead to this router, and the last heartbeat of each source."""

from datetime import datetime
from functools import cache

import sqlalchemy as sa

from alert_router.store import rows
from alert_router.store.tables import heartbeats, receivers

COMPARISON = "reconcile"
"""The comparison with Alertmanager's API, in the table of heartbeats: it is the router's own."""
PRESENCE = "router"
"""A router ran."""
HISTORY = "history"
"""The history is complete up to then, as far as Prometheus knows."""
OWN = (COMPARISON, PRESENCE, HISTORY)


def record_receiver(conn: sa.Connection, name: str, now: datetime) -> None:
    """Alertmanager sends here under this name; alerts routed to receivers without a record go elsewhere."""
    conn.execute(_insert_receiver(conn.dialect.name), {"name": name, "heard_at": now})


@cache
def _insert_receiver(dialect: str) -> sa.Insert:
    return rows.upsert(dialect, receivers).on_conflict_do_nothing()


def receiver_names(conn: sa.Connection) -> frozenset[str]:
    return frozenset(conn.scalars(sa.select(receivers.c.name)))


def record_heartbeat(conn: sa.Connection, source: str, at: datetime) -> None:
    statement = rows.upsert(conn.dialect.name, heartbeats).values(source=source, at=at)
    conn.execute(
        statement.on_conflict_do_update(index_elements=["source"], set_={"at": statement.excluded["at"]})
    )


def last_heartbeats(conn: sa.Connection) -> dict[str, datetime]:
    """Of the Watchdog, by source."""
    query = sa.select(heartbeats).where(heartbeats.c.source.not_in(OWN))
    return {row.source: row.at for row in conn.execute(query)}


def record_comparison(conn: sa.Connection, at: datetime) -> None:
    record_heartbeat(conn, COMPARISON, at)


def last_comparison(conn: sa.Connection) -> datetime | None:
    """By whichever router shares the database."""
    return last_heartbeat(conn, COMPARISON)


def last_heartbeat(conn: sa.Connection, source: str) -> datetime | None:
    return conn.scalar(sa.select(heartbeats.c.at).where(heartbeats.c.source == source))
