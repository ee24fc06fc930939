"""Opens the database: connections to read, connections to write, and their transactions."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import re2
import sqlalchemy as sa
from sqlalchemy import event

from alert_router.store.tables import to_json

BUSY_TIMEOUT_S = 5.0
"""How long a writer waits for another, in this process or in another."""
CONNECT_TIMEOUT_S = 5
FROZEN_S = 15.0
"""PostgreSQL ends a transaction whose router has been silent for so long."""
LIMIT_EXCEEDED = "54"
"""The class of SQLSTATE codes for more than a row, an index or a statement can hold."""
MAX_QUERY_S = 10.0
"""Upper bound on a running query; close() waits this long for readers."""
SEARCH_SCHEMA = "search"
"""The name under which connections that read have the search index."""
ADVISORY_LOCK = 0x616C657274
"""Any fixed number: on PostgreSQL the holder of this lock is the one writer of all routers (ADR 2)."""


class Unavailable(Exception):
    """The database cannot be used now: locked, full, unreachable. Answered with 503: send it again."""


@dataclass(frozen=True, slots=True)
class Store:
    readers: sa.Engine
    writer: sa.Engine

    @property
    def dialect(self) -> str:
        return self.writer.dialect.name

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A snapshot to query; rolls back."""
        with unavailable_as_such(), self.readers.connect() as conn:
            yield conn

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """The only write transaction of all routers; commits on leaving, rolls back on an exception."""
        with unavailable_as_such(), self.writer.begin() as conn:
            yield conn

    def close(self) -> None:
        """Waits for queries in other threads: the connections that they hold would stay open for good."""
        deadline = time.monotonic() + MAX_QUERY_S
        for engine in (self.readers, self.writer):
            while _in_use(engine) and time.monotonic() < deadline:
                threading.Event().wait(0.005)
            engine.dispose()


def _in_use(engine: sa.Engine) -> int:
    return engine.pool.checkedout() if isinstance(engine.pool, sa.QueuePool) else 0


def open_store(url: str) -> Store:
    if sa.make_url(url).get_backend_name() == "sqlite":
        readers = _sqlite(url, begin="BEGIN")
        event.listen(readers, "connect", _attach_search)
        return Store(readers=readers, writer=_sqlite(url, begin="BEGIN IMMEDIATE"))
    # A pool each, so that readers do not keep the writer waiting.
    writer = _postgresql(url, connections=2)
    event.listen(writer, "begin", _lock)
    return Store(readers=_postgresql(url, connections=8), writer=writer)


def _attach_search(dbapi: sqlite3.Connection, _record: Any) -> None:
    """The search index is a file of its own; where it cannot be opened, searches read the alerts."""
    path = search_path(dbapi.execute("PRAGMA database_list").fetchone()[2])
    if path is not None:
        with suppress(sqlite3.OperationalError):
            dbapi.execute(f"ATTACH DATABASE ? AS {SEARCH_SCHEMA}", (str(path),))


def search_path(database: str | None) -> Path | None:
    """Where the search index of a SQLite file is; None for a database in memory."""
    if not database or database.startswith((":", "file:")):
        return None
    return Path(f"{database}-search")


def _lock(conn: sa.Connection) -> None:
    conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")


@contextmanager
def unavailable_as_such() -> Iterator[None]:
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        if _exceeds_limit(error):
            raise
        raise Unavailable(str(getattr(error, "orig", None) or error)) from error
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise Unavailable(str(error.orig)) from error


def _exceeds_limit(error: sa.exc.SQLAlchemyError) -> bool:
    """PostgreSQL will never accept it: sent again, it would fail again, and the rest of its batch with it."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    return state.startswith(LIMIT_EXCEEDED)


def _postgresql(url: str, *, connections: int) -> sa.Engine:
    # A router that hangs with the lock must not block the others for good: they answer 503 after a while, and
    # PostgreSQL ends its transaction.
    lock_ms, frozen_ms = int(BUSY_TIMEOUT_S * 1000), int(FROZEN_S * 1000)
    return sa.create_engine(
        url,
        json_serializer=to_json,
        pool_pre_ping=True,
        pool_size=connections,
        max_overflow=0,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            # In a session's own time zone the years 1 and 9999 can lie outside of Python's range.
            "options": f"-c lock_timeout={lock_ms} -c idle_in_transaction_session_timeout={frozen_ms} "
            "-c timezone=UTC",
            # A server that vanished without closing the connection is noticed, and senders are answered 503.
            "tcp_user_timeout": frozen_ms,
            "keepalives_idle": CONNECT_TIMEOUT_S,
            "keepalives_interval": CONNECT_TIMEOUT_S,
            "keepalives_count": 2,
        },
    )


def _sqlite(url: str, *, begin: str) -> sa.Engine:
    # A writer's deferred BEGIN fails with "database is locked" under concurrent writers, whatever the
    # busy_timeout; so the listener below begins, and isolation_level=None keeps the driver from doing it too.
    engine = sa.create_engine(
        url,
        json_serializer=to_json,
        connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _configure(dbapi: sqlite3.Connection, _record: Any) -> None:
        # Before the first table, so that retention can give free pages back; later only VACUUM sets it.
        dbapi.execute("PRAGMA auto_vacuum=INCREMENTAL")
        dbapi.execute("PRAGMA journal_mode=WAL")
        # FULL: what was answered 2xx survives a power failure. 8 % slower than NORMAL for batches.
        dbapi.execute("PRAGMA synchronous=FULL")
        dbapi.execute("PRAGMA foreign_keys=ON")
        dbapi.create_function("regexp", 2, _regexp, deterministic=True)

    @event.listens_for(engine, "begin")
    def _begin(conn: sa.Connection) -> None:
        conn.exec_driver_sql(begin)

    return engine


def _regexp(pattern: str, value: str | None) -> bool:
    # RE2 as in Prometheus: anchored by the caller, and linear in the text whatever the pattern.
    return re2.search(pattern, value or "") is not None
