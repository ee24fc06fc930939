"""How far each periodic task has got: the last id that it has dealt with."""

import sqlalchemy as sa

from alert_router.store import rows
from alert_router.store.tables import bookmarks


def position(conn: sa.Connection, name: str) -> int:
    return conn.scalar(sa.select(bookmarks.c.position).where(bookmarks.c.name == name)) or 0


def advance(conn: sa.Connection, name: str, start: int, end: int) -> bool:
    """Move it from start to end; False when another router has moved it since it was read."""
    if position(conn, name) != start:
        return False
    statement = rows.upsert(conn.dialect.name, bookmarks).values(name=name, position=end)
    new = {"position": statement.excluded["position"]}
    conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_=new))
    return True
