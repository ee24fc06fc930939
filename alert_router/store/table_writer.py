"""Writes many rows at once, as plain values that the driver takes as they are.

To bind them row by row through the columns' types took a third of the writer's time; and with each statement
SQLite gives the interpreter's lock away, which the event loop then keeps for a while.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg

from alert_router.store import rows
from alert_router.store.tables import utc_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
MAX_ROWS = 32
"""In one statement, so that there are few different ones; SQLite takes 32,766 parameters."""
PLAIN = frozenset({str, int, type(None)})
_ROW = re.compile(r"(?<=VALUES )\([^()]*\)")
_DIALECTS: Mapping[str, sa.Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": psycopg.dialect(paramstyle="format"),  # type: ignore[no-untyped-call]
}
"""With parameters by position."""


@dataclass(frozen=True, slots=True)
class Changes(Generic[T]):
    """Of one table."""

    new: list[T] = field(default_factory=list)
    changed: dict[tuple[str, ...], list[T]] = field(default_factory=dict)
    """By the names of the fields that are to be set."""


@dataclass(frozen=True, slots=True)
class _Statement:
    text: str
    """For one row."""
    constants: tuple[object, ...]
    """The parameters that follow those of the rows."""


class TableWriter:
    """Writes dataclasses to a table whose columns are named like their fields."""

    def __init__(
        self,
        table: sa.Table,
        type_: "type[DataclassInstance]",
        on_conflict: Callable[[rows.Insert], rows.Insert] = lambda insert: insert,
    ) -> None:
        """on_conflict: completes the INSERT; by default it fails where a row exists."""
        self._table = table
        self._on_conflict = on_conflict
        names = {one.name for one in fields(type_)}
        # In the order of the table, which is that of a statement's parameters.
        self._fields = tuple(column.name for column in table.c if column.name in names)
        self._inserts: dict[str, _Statement] = {}
        self._updates: dict[tuple[str, tuple[str, ...]], _Statement] = {}

    def insert(self, conn: sa.Connection, values: "Sequence[DataclassInstance]") -> None:
        if not values:
            return
        dialect = conn.dialect.name
        if dialect not in self._inserts:
            self._inserts[dialect] = _compile(self._insert(dialect), dialect, self._fields)
        _write(conn, self._inserts[dialect], self._fields, values)

    def save(self, conn: sa.Connection, changes: Changes[Any]) -> None:
        """Insert what is new; set the changed fields of the rows with these ids."""
        self.insert(conn, changes.new)
        for names, values in changes.changed.items():
            key, parameters = (conn.dialect.name, names), ("id", *names)
            if key not in self._updates:
                self._updates[key] = _compile(self._update(parameters), conn.dialect.name, parameters)
            _write(conn, self._updates[key], parameters, values)

    def _insert(self, dialect: str) -> sa.Insert:
        defaults = {
            column.name: _literal(column.default.arg, dialect)
            for column in self._table.c
            if column.name not in self._fields and isinstance(column.default, sa.ColumnDefault)
        }
        row: dict[str, sa.ColumnElement[Any]] = {name: sa.bindparam(name) for name in self._fields}
        return self._on_conflict(rows.upsert(dialect, self._table)).values([row | defaults])

    def _update(self, names: Sequence[str]) -> sa.Update:
        columns = [sa.column(name, self._table.c[name].type) for name in names]
        row = tuple(sa.bindparam(column.name, type_=column.type) for column in columns)
        new = sa.values(*columns, name="new").data([row]).cte()
        values = {name: new.c[name] for name in names if name != "id"}
        return sa.update(self._table).where(self._table.c.id == new.c.id).values(values)


def _write(conn: sa.Connection, statement: _Statement, names: Sequence[str], values: Sequence[Any]) -> None:
    values_of = attrgetter(*names)
    for start in range(0, len(values), MAX_ROWS):
        chunk = values[start : start + MAX_ROWS]
        parameters = [
            item if type(item) in PLAIN else _plain(item) for value in chunk for item in values_of(value)
        ]
        conn.exec_driver_sql(_for_rows(statement.text, len(chunk)), (*parameters, *statement.constants))


def _compile(statement: sa.Insert | sa.Update, dialect: str, names: Sequence[str]) -> _Statement:
    compiled = statement.compile(dialect=_DIALECTS[dialect])
    constants = (compiled.positiontup or [])[len(names) :]
    return _Statement(str(compiled), tuple(map(compiled.params.__getitem__, constants)))


@cache
def _for_rows(text: str, count: int) -> str:
    return _ROW.sub(lambda row: ", ".join([row[0]] * count), text, count=1)


def _literal(value: Any, dialect: str) -> sa.ColumnElement[Any]:
    literal = sa.literal(value).compile(dialect=_DIALECTS[dialect], compile_kwargs={"literal_binds": True})
    return sa.literal_column(str(literal))


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, str):  # a member of an enum
        return str(value)
    # As tables.to_json spells it, three times as fast; nothing here is nested.
    in_order = dict(sorted(value.items())) if isinstance(value, Mapping) else value
    return to_json(in_order).decode()
