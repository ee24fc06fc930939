"""When each source's Watchdog was last heard."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from alert_router.store.tables import heartbeats


def heard(conn: sa.Connection, source: str, at: datetime) -> None:
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    statement = insert(heartbeats).values(source=source, at=at)
    conn.execute(
        statement.on_conflict_do_update(index_elements=["source"], set_={"at": statement.excluded["at"]})
    )


def last(conn: sa.Connection) -> dict[str, datetime]:
    return {row.source: row.at for row in conn.execute(sa.select(heartbeats))}
