"""The key of signed links, where no setting gives one: made once, and shared by all routers of a database."""

import sqlalchemy as sa

from alert_router.store import rows
from alert_router.store.tables import link_keys

ONLY = 1


def kept(conn: sa.Connection, new: str) -> str:
    """The key in the database; `new`, if there was none."""
    insert = rows.upsert(conn.dialect.name, link_keys).values(id=ONLY, key=new)
    conn.execute(insert.on_conflict_do_nothing(index_elements=["id"]))
    return str(conn.execute(sa.select(link_keys.c.key).where(link_keys.c.id == ONLY)).scalar_one())
