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
from pydantic_core import from_json
from sqlalchemy import event

from alert_router.store import database_faults, database_file
from alert_router.store.database_faults import INTERRUPTED, UNREACHABLE
from alert_router.store.database_file import DatabaseFile
from alert_router.store.tables import to_json

BUSY_TIMEOUT_S = 5.0
"""How long a writer waits for another, in this process or in another."""
CACHED_STATEMENTS = 512
"""Of a connection: rows.py makes one for each table and number of rows."""
CONNECT_TIMEOUT_S = 5
FROZEN_S = 15.0
"""PostgreSQL ends a transaction whose router has been silent for so long."""
LIMIT_EXCEEDED = "54"
"""The class of SQLSTATE codes for more than a row, an index or a statement can hold."""
MAX_QUERY_S = 10.0
"""Upper bound on a running query; close() waits this long for readers."""
CHANGES_BEFORE = "changes_before"
MAX_QUESTION_S = 5.0
"""A person's question is ended after so long."""
MAX_QUESTIONS = 4
"""Of people, at once."""
SEARCH_SCHEMA = "search"
"""The name under which connections that read have the search index."""
ADVISORY_LOCK = 0x616C657274
"""Any fixed number: on PostgreSQL the holder of this lock is the one writer of all routers (ADR 2)."""


class Unavailable(Exception):
    """The database cannot be used now: locked, full, unreachable. Answered with 503: send it again.

    Its text may name hosts and paths, so it is for the log; `reason` is for everybody.
    """

    def __init__(self, text: str, reason: str = UNREACHABLE) -> None:
        super().__init__(text)
        self.reason = reason


class TookTooLong(Unavailable):
    """A person's question reached its time limit, or nobody waits for its answer any more."""


@dataclass(frozen=True, slots=True)
class Store:
    readers: sa.Engine
    writer: sa.Engine
    questions: sa.Engine
    """Of people: a pool of their own, so that nobody else waits for them."""
    file: DatabaseFile | None = None
    """None: PostgreSQL, or a database in memory."""

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
            self._check_file()

    def close(self) -> None:
        """Waits for queries in other threads: the connections that they hold would stay open for good."""
        deadline = time.monotonic() + MAX_QUERY_S
        for engine in (self.readers, self.questions, self.writer):
            while _in_use(engine) and time.monotonic() < deadline:
                threading.Event().wait(0.005)
            engine.dispose()

    def _check_file(self) -> None:
        """SQLite writes happily into a file that has no name any more. Raises Unavailable."""
        if self.file is not None:
            _check_file(self.file)


def _check_file(file: DatabaseFile) -> None:
    """Also before a connection is opened: SQLite would create the file that is missing, empty."""
    if (lost := file.lost()) is not None:
        raise Unavailable(f"{lost}: {file}; restart the router with the right file", lost)


def _prepare_file(file: DatabaseFile) -> None:
    _check_file(file)
    database_file.create_private(file.path)


def has_written(conn: sa.Connection) -> bool:
    """Whether this transaction changed anything: one that did not commits on a full disk too."""
    if conn.dialect.name == "sqlite":
        before: int = conn.info[CHANGES_BEFORE]
        return _total_changes(conn) > before
    return conn.exec_driver_sql("SELECT pg_current_xact_id_if_assigned()").scalar() is not None


def _total_changes(conn: sa.Connection) -> int:
    changes: int = conn.connection.driver_connection.total_changes  # type: ignore[union-attr] # sqlite3's
    return changes


def _in_use(engine: sa.Engine) -> int:
    return engine.pool.checkedout() if isinstance(engine.pool, sa.QueuePool) else 0


def open_store(url: str) -> Store:
    """A pool each for the writer, the router's own readers and people: none of them waits for another."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        file = DatabaseFile.of(parsed.database)
        readers, questions = _sqlite(url, begin="BEGIN"), _sqlite(url, begin="BEGIN")
        for engine in (readers, questions):
            event.listen(engine, "connect", _attach_search)
        writer = _sqlite(url, begin="BEGIN IMMEDIATE")
        if file is not None:
            event.listen(writer, "connect", lambda _dbapi, _record: file.opened())
            for engine in (readers, writer, questions):
                event.listen(engine, "do_connect", lambda *_: _prepare_file(file))
        return Store(readers, writer, questions, file)
    writer = _postgresql(url, connections=2)
    event.listen(writer, "begin", _lock)
    return Store(_postgresql(url, connections=8), writer, _postgresql(url, connections=MAX_QUESTIONS))


def _attach_search(dbapi: sqlite3.Connection, _record: Any) -> None:
    """The search index is a file of its own; where it cannot be opened, searches read the alerts."""
    path = search_path(dbapi.execute("PRAGMA database_list").fetchone()[2])
    if path is not None:
        database_file.create_private(path)
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
        raise _unavailable(error, database_faults.of(getattr(error, "orig", None)) or UNREACHABLE) from error
    except sa.exc.DBAPIError as error:
        reason = UNREACHABLE if error.connection_invalidated else database_faults.of(error.orig)
        if reason is None:
            raise
        raise _unavailable(error, reason) from error


def _unavailable(error: sa.exc.SQLAlchemyError, reason: str) -> Unavailable:
    text = str(getattr(error, "orig", None) or error)
    return TookTooLong(text, reason) if reason == INTERRUPTED else Unavailable(text, reason)


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
        json_deserializer=from_json,
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
        json_deserializer=from_json,
        connect_args={
            "timeout": BUSY_TIMEOUT_S,
            "isolation_level": None,
            "check_same_thread": False,
            "cached_statements": CACHED_STATEMENTS,
        },
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
        conn.info[CHANGES_BEFORE] = _total_changes(conn)

    return engine


def _regexp(pattern: str, value: str | None) -> bool:
    # RE2 as in Prometheus: anchored by the caller, and linear in the text whatever the pattern.
    return re2.search(pattern, value or "") is not None
