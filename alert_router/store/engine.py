"""Opens the database: who may read, who may write, and what a transaction is."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import re2
import sqlalchemy as sa
from sqlalchemy import event

from alert_router.store.tables import to_json

BUSY_TIMEOUT_S = 5.0
"""How long a writer waits for another, of this process or not."""
CONNECT_TIMEOUT_S = 5
FROZEN_S = 15.0
"""PostgreSQL ends a transaction whose router has said nothing for so long."""
LIMIT_EXCEEDED = "54"
"""The class of SQLSTATE codes that say: more than a row, an index or a statement can hold."""
CLOSING_S = 10.0
"""Longer than a question may take."""
ADVISORY_LOCK = 0x616C657274
"""Any fixed number: on PostgreSQL the holder of this lock is the one writer of all routers (ADR 2)."""


class Unavailable(Exception):
    """The database cannot take it now: locked, full, away. The caller answers 503 and is sent it again."""


@dataclass(frozen=True, slots=True)
class Store:
    readers: sa.Engine
    writer: sa.Engine

    @property
    def dialect(self) -> str:
        return self.writer.dialect.name

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A snapshot to ask; rolls back."""
        with unavailable_as_such(), self.readers.connect() as conn:
            yield conn

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction, alone among writers; commits on leaving, rolls back on an exception."""
        with unavailable_as_such(), self.writer.begin() as conn:
            if self.dialect == "postgresql":
                conn.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
            yield conn

    def close(self) -> None:
        """Waits for those who ask in other threads: a connection they hold would stay open for good."""
        deadline = time.monotonic() + CLOSING_S
        for engine in (self.readers, self.writer):
            while _in_use(engine) and time.monotonic() < deadline:
                threading.Event().wait(0.005)
            engine.dispose()


def _in_use(engine: sa.Engine) -> int:
    return engine.pool.checkedout() if isinstance(engine.pool, sa.QueuePool) else 0


def open_store(url: str) -> Store:
    if sa.make_url(url).get_backend_name() == "sqlite":
        return Store(readers=_sqlite(url, begin="BEGIN"), writer=_sqlite(url, begin="BEGIN IMMEDIATE"))
    # Each its own: who only asks must not keep waiting those who write.
    return Store(readers=_postgresql(url, connections=8), writer=_postgresql(url, connections=2))


@contextmanager
def unavailable_as_such() -> Iterator[None]:
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        if _is_too_much(error):
            raise
        raise Unavailable(str(getattr(error, "orig", None) or error)) from error
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise Unavailable(str(error.orig)) from error


def _is_too_much(error: sa.exc.SQLAlchemyError) -> bool:
    """What PostgreSQL will never take: sent again, it would be refused again, and its batch-mates with it."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    return state.startswith(LIMIT_EXCEEDED)


def _postgresql(url: str, *, connections: int) -> sa.Engine:
    # A router that hangs with the lock must not make the others hang: they answer 503 after a while, and
    # its transaction is ended for it.
    lock_ms, frozen_ms = int(BUSY_TIMEOUT_S * 1000), int(FROZEN_S * 1000)
    return sa.create_engine(
        url,
        json_serializer=to_json,
        pool_pre_ping=True,
        pool_size=connections,
        max_overflow=0,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            # Times come in the session's zone, in which the years 1 and 9999 can lie outside of Python's.
            "options": f"-c lock_timeout={lock_ms} -c idle_in_transaction_session_timeout={frozen_ms} "
            "-c timezone=UTC",
            # A server that has gone without a word is noticed, and the sender answered 503.
            "tcp_user_timeout": frozen_ms,
            "keepalives_idle": CONNECT_TIMEOUT_S,
            "keepalives_interval": CONNECT_TIMEOUT_S,
            "keepalives_count": 2,
        },
    )


def _sqlite(url: str, *, begin: str) -> sa.Engine:
    # A deferred BEGIN of a writer fails with "database is locked" under concurrent writers, busy_timeout or
    # not; so we say BEGIN ourselves, and isolation_level=None keeps the driver from saying it too.
    engine = sa.create_engine(
        url,
        json_serializer=to_json,
        connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _configure(dbapi: sqlite3.Connection, _record: Any) -> None:
        dbapi.execute("PRAGMA journal_mode=WAL")
        # FULL: what was answered 2xx is on the disk when the power goes. 8 % slower than NORMAL at batches.
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
