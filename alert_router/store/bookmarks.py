"""How far each periodic task has got: the last id that it has dealt with."""

import sqlalchemy as sa

from alert_router.store import rows
from alert_router.store.tables import bookmarks


def position(conn: sa.Connection, name: str) -> int:
    return conn.scalar(sa.select(bookmarks.c.position).where(bookmarks.c.name == name)) or 0


def move(conn: sa.Connection, name: str, to: int) -> None:
    statement = rows.upsert(conn.dialect.name, bookmarks).values(name=name, position=to)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"position": statement.excluded["position"]}
        )
    )
