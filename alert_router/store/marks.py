"""Marks: what changed, and when."""

from datetime import datetime

import sqlalchemy as sa

from alert_router.domain.marks import Mark
from alert_router.store import rows
from alert_router.store.tables import marks

MAX_MARKS = 100
"""More than a chart can show."""


def add(conn: sa.Connection, mark: Mark, *, key: str | None) -> bool:
    """False when the report with this key is stored already."""
    insert = rows.upsert(conn.dialect.name, marks).values(key=key, **rows.to_row(mark))
    query = insert.on_conflict_do_nothing(index_elements=["key"]).returning(marks.c.id)
    return conn.scalar(query) is not None


def between(conn: sa.Connection, since: datetime, until: datetime) -> list[Mark]:
    """Those of this time, both ends included: the latest MAX_MARKS, oldest first."""
    query = sa.select(*rows.columns(Mark, marks)).where(marks.c.at.between(since, until))
    newest = conn.execute(query.order_by(marks.c.at.desc()).limit(MAX_MARKS))
    return [Mark(*row) for row in newest][::-1]
