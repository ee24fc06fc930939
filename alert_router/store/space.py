"""How much room the database takes, and giving back what is free."""

from dataclasses import dataclass

import sqlalchemy as sa

from alert_router.store import search_index
from alert_router.store.engine import SEARCH_SCHEMA

PAGES = 200
"""Given back in one step: some milliseconds."""
ANALYSIS_LIMIT = 400
"""Rows of each index that SQLite samples for its statistics."""


@dataclass(frozen=True, slots=True)
class Space:
    database_bytes: int
    """The file, or on PostgreSQL the database with all of its indexes."""
    free_bytes: int
    """Of these, how much is free for new rows; 0 on PostgreSQL, which does not say."""
    search_bytes: int
    """The search index; on PostgreSQL it is part of the database."""


def of(conn: sa.Connection) -> Space:
    if conn.dialect.name != "sqlite":
        size = conn.scalar(sa.select(sa.func.pg_database_size(sa.func.current_database()))) or 0
        return Space(size, 0, 0)
    page_size = _pragma(conn, "page_size")
    has_search = search_index.coverage(conn) is not None
    return Space(
        _pragma(conn, "page_count") * page_size,
        _pragma(conn, "freelist_count") * page_size,
        _pragma(conn, f"{SEARCH_SCHEMA}.page_count") * page_size if has_search else 0,
    )


def give_back(conn: sa.Connection) -> bool:
    """Cut some free pages off the end of SQLite's file; whether that freed any."""
    free = _pragma(conn, "freelist_count")
    # It frees a page each time it is asked for a row, and has none: SQLAlchemy would not ask.
    cursor = conn.connection.cursor()
    cursor.execute(f"PRAGMA incremental_vacuum({PAGES})")
    cursor.fetchall()
    return _pragma(conn, "freelist_count") < free


def optimize(conn: sa.Connection) -> None:
    """Refresh the planner's statistics where SQLite thinks it is worth it."""
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql(f"PRAGMA analysis_limit={ANALYSIS_LIMIT}")
        conn.exec_driver_sql("PRAGMA optimize")


def _pragma(conn: sa.Connection, name: str) -> int:
    return int(conn.exec_driver_sql(f"PRAGMA {name}").scalar() or 0)
