"""The names under which Alertmanager sends to us: only alerts routed to one of them are ours."""

from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from alert_router.store.tables import receivers


def heard(conn: sa.Connection, name: str, at: datetime) -> None:
    conn.execute(_hear(conn.dialect.name), {"name": name, "heard_at": at})


@cache
def _hear(dialect: str) -> sa.Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(receivers).on_conflict_do_nothing()


def names(conn: sa.Connection) -> frozenset[str]:
    return frozenset(conn.scalars(sa.select(receivers.c.name)))
