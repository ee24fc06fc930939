"""Writes the search index. One router at a time does; a router that finds another at it leaves it alone."""

# ruff: noqa: S608 - the names in the statements are constants

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from alert_router.store import bookmarks, database_file, engine, search_index
from alert_router.store.engine import SEARCH_SCHEMA as SCHEMA
from alert_router.store.engine import Store, Unavailable, search_path
from alert_router.store.search_index import Changes, Coverage, Document
from alert_router.store.tables import alerts, transitions

MAX_SEEN = 200_000
"""Pairs of a label and its value that are remembered, so that they are not written again and again."""
LOCK = 0x736561726368
"""Any fixed number: on PostgreSQL the holder of this lock writes the index."""


class SearchWriter(Protocol):
    def coverage(self) -> Coverage | None:
        """None: it must be built."""

    def last_change(self) -> int:
        """The last transition after which the text of its alert was looked at."""

    def rebuild(self, first_id: int, last_change: int) -> None:
        """Begin anew with the alert of this id, and with what changes after this transition."""

    def add(self, after: int, documents: Sequence[Document]) -> None:
        """Of all alerts after this one; nothing is done if the index is not that far, or further."""

    def change(self, changes: Changes) -> None: ...


@dataclass(slots=True)
class SeenPairs:
    pairs: set[tuple[str, str]] = field(default_factory=set)
    build: int | None = None
    """A number that is another after the tables were built anew, by whichever router."""

    def new(self, documents: Sequence[Document], build: int) -> list[tuple[str, str]]:
        if build != self.build:
            self.pairs, self.build = set(), build
        found = {pair for document in documents for pair in document.labels.items()}
        return sorted(found - self.pairs)

    def remember(self, written: Sequence[tuple[str, str]]) -> None:
        """Once they are committed: what is remembered is never written again."""
        if len(self.pairs) + len(written) > MAX_SEEN:
            self.pairs.clear()
        self.pairs.update(written)


@dataclass(slots=True)
class SqliteSearchWriter:
    path: Path
    _seen: SeenPairs = field(default_factory=SeenPairs)

    def coverage(self) -> Coverage | None:
        with self._open() as db:
            try:
                row = db.execute("SELECT version, first_id, last_id FROM progress").fetchone()
            except sqlite3.DatabaseError:  # no table yet, or the file is damaged
                return None
        return Coverage(row[1], row[2]) if row and row[0] == search_index.VERSION else None

    def last_change(self) -> int:
        with self._open() as db:
            return int(db.execute("SELECT last_change FROM progress").fetchone()[0])

    def rebuild(self, first_id: int, last_change: int) -> None:
        """In place: connections that read have the file open."""
        self._seen = SeenPairs()
        with self._open() as db, _transaction(db):
            for table in ("progress", "label_values", "terms", "texts", "bodies"):
                db.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in search_index.CREATE_SQLITE:
                db.execute(statement)
            db.execute("UPDATE progress SET first_id = ?, last_change = ?", (first_id, last_change))

    def add(self, after: int, documents: Sequence[Document]) -> None:
        with self._open() as db, _transaction(db):
            if db.execute("SELECT last_id FROM progress").fetchone() != (after,):
                return
            pairs = self._seen.new(documents, db.execute("PRAGMA schema_version").fetchone()[0])
            db.executemany("INSERT OR IGNORE INTO label_values VALUES (?, ?)", pairs)
            terms = [(document.id, " ".join(document.terms)) for document in documents]
            db.executemany("INSERT INTO terms (rowid, tokens) VALUES (?, ?)", terms)
            _add_texts(db, documents)
            db.execute("UPDATE progress SET last_id = ?", (documents[-1].id,))
        self._seen.remember(pairs)

    def change(self, changes: Changes) -> None:
        with self._open() as db, _transaction(db):
            known = "SELECT hash FROM bodies WHERE id = ?"
            changed = [
                document
                for document in changes.documents
                if db.execute(known, (document.id,)).fetchone() != (_hash(document),)
            ]
            _add_texts(db, changed)
            db.execute("UPDATE progress SET last_change = ?", (changes.end,))

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database_file.create_private(self.path)
        db = sqlite3.connect(self.path, isolation_level=None)
        try:
            # It can be built again, so it is never worth an fsync.
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=OFF")
            yield db
        finally:
            db.close()


def _add_texts(db: sqlite3.Connection, documents: Sequence[Document]) -> None:
    """Of an alert that has a text already, it is found by both: nothing is removed from the index."""
    texts = [(document.id, document.body) for document in documents]
    db.executemany("INSERT INTO texts (rowid, body) VALUES (?, ?)", texts)
    hashes = [(document.id, _hash(document)) for document in documents]
    db.executemany("INSERT OR REPLACE INTO bodies VALUES (?, ?)", hashes)


def _hash(document: Document) -> bytes:
    return hashlib.blake2s(document.body.encode("utf-8", "surrogatepass"), digest_size=8).digest()


@contextlib.contextmanager
def unavailable_as_such() -> Iterator[None]:
    """The index has connections of its own, for which a full disk or a server that is away is as ordinary."""
    with engine.unavailable_as_such():
        try:
            yield
        except sqlite3.OperationalError as error:
            raise Unavailable(str(error)) from error


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


@dataclass(slots=True)
class PostgresqlSearchWriter:
    engine: sa.Engine
    """Not the writer's, whose transactions hold up the others."""
    _seen: SeenPairs = field(default_factory=SeenPairs)

    def coverage(self) -> Coverage | None:
        with self.engine.connect() as conn:
            return search_index.coverage(conn)

    def last_change(self) -> int:
        with self.engine.connect() as conn:
            return bookmarks.position(conn, search_index.CHANGES_BOOKMARK)

    def rebuild(self, first_id: int, last_change: int) -> None:
        with self.engine.begin() as conn:
            conn.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
            for statement in search_index.CREATE_POSTGRESQL:
                conn.exec_driver_sql(statement)
            conn.exec_driver_sql(f"TRUNCATE {SCHEMA}.documents, {SCHEMA}.label_values")
            for name, position in ((search_index.BOOKMARK, 0), (search_index.CHANGES_BOOKMARK, last_change)):
                bookmarks.advance(conn, name, bookmarks.position(conn, name), position)
        with contextlib.suppress(sa.exc.DBAPIError), self.engine.begin() as conn:
            for statement in search_index.TRIGRAMS_POSTGRESQL:
                conn.exec_driver_sql(statement)

    def add(self, after: int, documents: Sequence[Document]) -> None:
        with self.engine.begin() as conn:
            if not _is_at(conn, search_index.BOOKMARK, after):
                return
            file = sa.func.pg_relation_filenode(f"{SCHEMA}.label_values")  # TRUNCATE makes another
            pairs = self._seen.new(documents, conn.scalar(sa.select(file)) or 0)
            if pairs:
                conn.exec_driver_sql(
                    f"INSERT INTO {SCHEMA}.label_values VALUES (%s, %s) ON CONFLICT DO NOTHING", pairs
                )
            _save(conn, documents)
            bookmarks.advance(conn, search_index.BOOKMARK, after, documents[-1].id)
        self._seen.remember(pairs)

    def change(self, changes: Changes) -> None:
        with self.engine.begin() as conn:
            if not _is_at(conn, search_index.CHANGES_BOOKMARK, changes.start):
                return
            _save(conn, changes.documents)
            bookmarks.advance(conn, search_index.CHANGES_BOOKMARK, changes.start, changes.end)


def _is_at(conn: sa.Connection, bookmark: str, place: int) -> bool:
    """Whether this router may write the index now, and no other has moved the bookmark."""
    if not conn.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK))):
        return False
    return bookmarks.position(conn, bookmark) == place


def _save(conn: sa.Connection, documents: Sequence[Document]) -> None:
    if documents:
        conn.exec_driver_sql(
            f"INSERT INTO {SCHEMA}.documents AS known VALUES (%s, %s, %s) ON CONFLICT (alert_id) DO UPDATE "
            "SET body = excluded.body WHERE known.body <> excluded.body",
            [(document.id, list(document.terms), document.body) for document in documents],
        )


def of_store(store: Store) -> SearchWriter | None:
    """None for a database in memory, which has no file beside it."""
    if store.dialect != "sqlite":
        return PostgresqlSearchWriter(store.readers)
    path = search_path(store.writer.url.database)
    return SqliteSearchWriter(path) if path else None


def newest_id(conn: sa.Connection) -> int:
    return conn.scalar(sa.select(sa.func.max(alerts.c.id))) or 0


def newest_transition(conn: sa.Connection) -> int:
    return conn.scalar(sa.select(sa.func.max(transitions.c.id))) or 0


def oldest_id(conn: sa.Connection) -> int:
    return conn.scalar(sa.select(sa.func.min(alerts.c.id))) or 0
