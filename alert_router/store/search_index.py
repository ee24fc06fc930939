"""The search index: which alerts have a label or a text. Derived from `alerts` by a task, and disposable.

On SQLite it is a file of its own beside the database ("alert_router.db-search", attached to the connections
that read), so that to write it holds up nobody; on PostgreSQL it is a schema of its own. It may lag behind,
and may hold alerts that are gone: whoever asks it looks at the alerts themselves.
"""

# ruff: noqa: S608 - the names in the statements are constants

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import TransitionKind
from alert_router.store import bookmarks, rows, search_terms
from alert_router.store.engine import SEARCH_SCHEMA as SCHEMA
from alert_router.store.filters import Filters
from alert_router.store.search_terms import Expression
from alert_router.store.tables import alerts, to_json, transitions

BOOKMARK = "search index"
CHANGES_BOOKMARK = "search index changes"
VERSION = 2
"""Another version is built anew."""
MAX_DICTIONARY = 20_000
"""A pattern is tried on so many values of a label."""
SAMPLE = 200
"""So many of the newest alerts that have a trigram are looked at, to find the rarest trigrams."""
RAREST = 4
MIN_TEXT = 3

CREATE_SQLITE = (
    "CREATE TABLE progress (version INTEGER, first_id INTEGER, last_id INTEGER, last_change INTEGER)",
    f"INSERT INTO progress VALUES ({VERSION}, 0, 0, 0)",
    "CREATE TABLE bodies (id INTEGER PRIMARY KEY, hash BLOB NOT NULL)",
    "CREATE TABLE label_values (name TEXT, value TEXT, PRIMARY KEY (name, value)) WITHOUT ROWID",
    "CREATE VIRTUAL TABLE terms USING fts5(tokens, content='', columnsize=0, detail=none, tokenize='ascii')",
    "CREATE VIRTUAL TABLE texts USING fts5(body, content='', columnsize=0, detail=none, tokenize='trigram')",
)
CREATE_POSTGRESQL = (
    f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.label_values (name TEXT, value TEXT, PRIMARY KEY (name, value))",
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.documents (alert_id BIGINT PRIMARY KEY, terms TEXT[], body TEXT)",
    f"CREATE INDEX IF NOT EXISTS ix_documents_terms ON {SCHEMA}.documents USING gin (terms)",
)
TRIGRAMS_POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    f"CREATE INDEX IF NOT EXISTS ix_documents_body ON {SCHEMA}.documents USING gin (body gin_trgm_ops)",
)
"""Where the extension may be created; without it, a text is looked for in every alert."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which alerts the index knows: those from the first id to the last."""

    first_id: int
    last_id: int


def coverage(conn: sa.Connection) -> Coverage | None:
    """None where there is no index, or none of this version."""
    if conn.dialect.name != "sqlite":
        last_id = bookmarks.position(conn, BOOKMARK)
        return Coverage(1, last_id) if last_id else None
    built = f"SELECT count(*) FROM pragma_table_list WHERE schema = '{SCHEMA}' AND name = 'texts'"
    if not conn.exec_driver_sql(built).scalar():
        return None
    row = conn.exec_driver_sql(f"SELECT version, first_id, last_id FROM {SCHEMA}.progress").one()
    return Coverage(row[1], row[2]) if row[0] == VERSION and row[2] else None


def candidates(conn: sa.Connection, filters: Filters, *, before: int) -> sa.FromClause | None:
    """A table of one column `id`, newest first, of alerts that may be selected; None: the index cannot tell.

    before: only ids below this one.
    """
    expression = search_terms.of_filters(filters, partial(values_of, conn))
    text = filters.text if filters.text and len(filters.text) >= MIN_TEXT else None
    if conn.dialect.name == "sqlite":
        return _candidates_sqlite(conn, expression, text, before)
    return _candidates_postgresql(expression, text, before)


def values_of(conn: sa.Connection, name: str, prefix: str) -> Sequence[str] | None:
    table = _values()
    query = sa.select(table.c.value).where(table.c.name == name, *_begins(table.c.value, prefix))
    query = query.limit(MAX_DICTIONARY + 1)
    values = conn.scalars(query).all()
    return values if len(values) <= MAX_DICTIONARY else None


def _values() -> sa.TableClause:
    return sa.table("label_values", sa.column("name", sa.Text), sa.column("value", sa.Text), schema=SCHEMA)


def suggestions(conn: sa.Connection, name: str, prefix: str, limit: int) -> tuple[str, ...]:
    """The values of a label that begin so, in their order."""
    if coverage(conn) is None:
        return ()
    table = _values()
    value = table.c.value
    query = sa.select(value).where(table.c.name == name, *_begins(value, prefix))
    return tuple(conn.scalars(query.order_by(value).limit(limit)))


def _begins(value: sa.ColumnElement[str], prefix: str) -> tuple[sa.ColumnElement[bool], ...]:
    """A range of the index. PostgreSQL's own order is another where its locale is not C."""
    return (value.startswith(prefix, autoescape=True),) if prefix else ()


def label_names(conn: sa.Connection, limit: int) -> tuple[str, ...]:
    """In their order: one look into the index for each, not a scan of it."""
    if coverage(conn) is None:
        return ()
    return tuple(conn.scalars(rows.each_value(_values().c.name, limit)))


def _candidates_sqlite(
    conn: sa.Connection, expression: Expression, text: str | None, before: int
) -> sa.FromClause | None:
    if text is not None:
        match = search_terms.join([f"({_rarest(conn, one)})" for one in _spellings(text)], "OR")
        return _fts("texts", match, before)
    return _fts("terms", _match(expression), before) if expression else None


def _fts(table: str, match: str, before: int) -> sa.FromClause:
    query = sa.text(
        f"SELECT rowid AS id FROM {SCHEMA}.{table} WHERE {table} MATCH :match AND rowid < :before "
        "ORDER BY rowid DESC"
    ).bindparams(match=match, before=before)
    return query.columns(sa.column("id", sa.Integer)).subquery("candidates")


def _match(expression: Expression) -> str:
    groups = [f"({search_terms.join(group, 'OR')})" for group in expression.groups]
    wanted = search_terms.join([*expression.all_of, *groups] or [search_terms.EVERY], "AND")
    unwanted = search_terms.join(expression.none_of, "OR")
    return f"({wanted}) NOT ({unwanted})" if unwanted else wanted


def _spellings(text: str) -> Sequence[str]:
    """As in a name, and as in JSON, where a quote or a line break is written with a backslash."""
    return tuple(dict.fromkeys((text, to_json(text)[1:-1])))


def _rarest(conn: sa.Connection, text: str) -> str:
    """The few trigrams that select the least: to look for all of them costs more than it saves."""
    quoted = ['"' + trigram.replace('"', '""') + '"' for trigram in search_terms.trigrams(text)]
    if len(quoted) > RAREST:
        quoted.sort(key=lambda trigram: _sampled(conn, trigram))
    return search_terms.join(quoted[:RAREST], "AND")


def _sampled(conn: sa.Connection, trigram: str) -> tuple[bool, int]:
    """The lower, the rarer: the id of the SAMPLEth newest alert that has it, below those with fewer."""
    ids = conn.exec_driver_sql(
        f"SELECT rowid FROM {SCHEMA}.texts WHERE texts MATCH ? ORDER BY rowid DESC LIMIT 1 OFFSET {SAMPLE}",
        (trigram,),
    ).scalar()
    return ids is not None, ids or 0


def _candidates_postgresql(expression: Expression, text: str | None, before: int) -> sa.FromClause | None:
    table = sa.table(
        "documents",
        sa.column("alert_id", sa.BigInteger),
        sa.column("terms", sa.ARRAY(sa.Text)),
        sa.column("body", sa.Text),
        schema=SCHEMA,
    )
    has_any = table.c.terms.op("&&", is_comparison=True)
    conditions: list[sa.ColumnElement[bool]] = [has_any(_array(group)) for group in expression.groups]
    if expression.all_of:
        conditions.append(table.c.terms.op("@>", is_comparison=True)(_array(expression.all_of)))
    if text is not None:
        spellings = (table.c.body.icontains(one, autoescape=True) for one in _spellings(text))
        conditions.append(sa.or_(*spellings))
    if not conditions:
        return None
    query = sa.select(table.c.alert_id.label("id")).where(table.c.alert_id < before, *conditions)
    return query.subquery("candidates")


def _array(terms: Sequence[str]) -> sa.ColumnElement[Any]:
    return sa.cast(sa.literal(list(terms), sa.ARRAY(sa.Text)), sa.ARRAY(sa.Text))


@dataclass(frozen=True, slots=True)
class Document:
    """What the index keeps of an alert."""

    id: int
    labels: Mapping[str, str]
    terms: Sequence[str]
    body: str


def documents(conn: sa.Connection, after: int, number: int) -> Iterator[Document]:
    """Of the next alerts."""
    return _documents(conn, _ALERTS.where(alerts.c.id > after).order_by(alerts.c.id).limit(number))


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of alerts that the index knows, by the transitions after the first id to the last."""

    start: int
    end: int
    documents: Sequence[Document]


def changes(conn: sa.Connection, start: int, known_to: int, number: int) -> Changes:
    """By the next so many transitions. known_to: alerts of higher ids are read later, as they are then."""
    columns = transitions.c.id, transitions.c.alert_id, transitions.c.kind
    query = sa.select(*columns).where(transitions.c.id > start).order_by(transitions.c.id).limit(number)
    found = conn.execute(query).all()
    end = found[-1].id if found else start
    opened = TransitionKind.OPENED
    ids = {row.alert_id for row in found if row.kind != opened and row.alert_id <= known_to}
    if not ids:
        return Changes(start, end, ())
    wanted = rows.table_of(conn, sorted(ids), sa.BigInteger())
    changed = _ALERTS.where(alerts.c.id.in_(sa.select(wanted.c.value)))
    return Changes(start, end, list(_documents(conn, changed)))


_ALERTS = sa.select(
    alerts.c.id,
    alerts.c.source,
    alerts.c.alertname,
    alerts.c.severity,
    alerts.c.labels,
    sa.cast(alerts.c.labels, sa.Text),
    sa.cast(alerts.c.annotations, sa.Text),
)


def _documents(conn: sa.Connection, query: sa.Select[Any]) -> Iterator[Document]:
    """As the columns are searched: JSON as the database writes it."""
    for id_, source, alertname, severity, labels, labels_text, annotations in conn.execute(query):
        terms = search_terms.of_alert(labels, source=source, alertname=alertname, severity=severity)
        yield Document(id_, labels, terms, f"{alertname}\n{labels_text}\n{annotations}")
