"""The names under which Alertmanager sends to us: only alerts routed to one of them are ours."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from alert_router.store.tables import receivers


def heard(conn: sa.Connection, name: str, at: datetime) -> None:
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(insert(receivers).values(name=name, heard_at=at).on_conflict_do_nothing())


def names(conn: sa.Connection) -> frozenset[str]:
    return frozenset(conn.scalars(sa.select(receivers.c.name)))
