"""Looking after a database by hand: what is in it, a copy of it, its check, its compaction. All online."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from alert_router.store import database_file
from alert_router.store.engine import Store, unavailable_as_such
from alert_router.store.tables import alerts, deliveries, metadata, quarantine

PAGES = 2_000
"""Copied at a time: a writer waits for no longer than that."""
Progress = Callable[[int, int], None]
"""Called with how many of how many."""


class NotSupported(Exception):
    """The database has a tool of its own for it."""


@dataclass(frozen=True, slots=True)
class Contents:
    rows: Mapping[str, int]
    """By table, in the order of their names."""
    oldest: Mapping[str, datetime]
    """Of alerts, deliveries and the quarantine; what is empty is left out."""


def contents(conn: sa.Connection) -> Contents:
    """Counts every row, which takes a while in a large database."""
    counts = {
        name: conn.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        for name, table in sorted(metadata.tables.items())
    }
    firsts = {
        "alerts": (alerts.c.received_at, alerts.c.id),
        "deliveries": (deliveries.c.at, deliveries.c.id),
        "quarantine": (quarantine.c.at, quarantine.c.id),
    }
    oldest = {name: conn.scalar(sa.select(at).order_by(id_).limit(1)) for name, (at, id_) in firsts.items()}
    return Contents(counts, {name: at for name, at in oldest.items() if at is not None})


def backup(store: Store, target: Path, progress: Progress) -> None:
    """A consistent copy of a SQLite database while the router runs. Raises NotSupported on PostgreSQL."""
    if store.dialect != "sqlite":
        raise NotSupported("use pg_dump, which makes a consistent copy while the router runs")
    database_file.create_private(target)
    target.chmod(0o600)
    with _opened(store.writer.url.database or "") as source, _opened(str(target)) as copy:
        source.backup(copy, pages=PAGES, progress=lambda _status, left, total: progress(total - left, total))
        # The copy is one file: nothing of it waits in a log beside it.
        copy.execute("PRAGMA journal_mode=DELETE")


@contextlib.contextmanager
def _opened(path: str) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


def vacuum(store: Store) -> None:
    """Compact the database. On SQLite senders are answered 503 meanwhile, and send again."""
    with unavailable_as_such():
        if store.dialect == "sqlite":
            with _opened(store.writer.url.database or "") as db:
                # From now on free pages can be given back one by one.
                db.execute("PRAGMA auto_vacuum=INCREMENTAL")
                db.execute("VACUUM")
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        engine = store.readers.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            conn.exec_driver_sql("VACUUM (ANALYZE)")


def faults(store: Store) -> list[str]:
    """What is broken in the database; nothing when it is sound."""
    with store.read() as conn:
        if store.dialect == "sqlite":
            found = [str(row[0]) for row in conn.exec_driver_sql("PRAGMA main.integrity_check")]
            lost = conn.exec_driver_sql("PRAGMA main.foreign_key_check").all()
            orphans = [f"row {row[1]} of {row[0]} belongs to a row of {row[2]} that is gone" for row in lost]
            return [fault for fault in found if fault != "ok"] + orphans
        return list(_orphans(conn))


def _orphans(conn: sa.Connection) -> Iterator[str]:
    """PostgreSQL checks its pages itself (data_checksums, amcheck): here every row and reference is read."""
    for table in metadata.sorted_tables:
        conn.scalar(sa.select(sa.func.count()).select_from(table))
        for key in table.foreign_keys:
            parent = key.column
            missing = sa.select(sa.func.count()).where(
                key.parent.is_not(None), ~sa.exists().where(parent == key.parent)
            )
            if number := conn.scalar(missing):
                yield f"{number} rows of {table.name} belong to rows of {parent.table.name} that are gone"
