"""Rows in and out: values as parameters, columns as values, upserts, many keys in one parameter."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg

from alert_router.store.tables import to_json, utc_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
NAME = "keys"
Type = sa.types.TypeEngine[str] | sa.Integer
Key = str | int
Insert = postgresql.Insert | sqlite.Insert
OnConflict = Callable[[Any], Any]
"""Completes an INSERT."""
PLAIN = frozenset({str, int, type(None)})
MAX_ROWS = 32
"""In one statement, so that there are few different ones; SQLite takes 32,766 parameters."""


def to_row(value: "DataclassInstance") -> dict[str, Any]:
    """Column name to value. dataclasses.asdict copies deeply, which cost a sixth of the writer's time."""
    names, values_of = _fields(type(value))
    return dict(zip(names, values_of(value), strict=True))


def columns(
    type_: "type[DataclassInstance]", table: sa.Table, **others: sa.ColumnElement[Any]
) -> tuple[sa.ColumnElement[Any], ...]:
    """One column for each field, in their order, so that a row becomes `type_(*row)`.

    others: for fields that are not named like a column.
    """
    names, _ = _fields(type_)
    return tuple(others[name].label(name) if name in others else table.c[name] for name in names)


@cache
def _fields(type_: "type[DataclassInstance]") -> "tuple[tuple[str, ...], attrgetter[tuple[Any, ...]]]":
    """The names, and what gets their values; a type of two fields or more."""
    names = tuple(one.name for one in fields(type_))
    return names, attrgetter(*names)


def upsert(dialect: str, table: sa.Table) -> Insert:
    """An INSERT that can be given an ON CONFLICT clause."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@dataclass(frozen=True, slots=True)
class Changes(Generic[T]):
    """Of one table."""

    new: list[T] = field(default_factory=list)
    changed: dict[tuple[str, ...], list[T]] = field(default_factory=dict)
    """By the names of the fields that are to be set."""


class TableWriter:
    """Writes dataclasses to a table whose columns are named like their fields.

    A statement takes many rows, as plain values that the driver takes as they are. To bind them row by row
    through the columns' types took a third of the writer's time; and with each statement SQLite gives the
    interpreter's lock away, which the event loop then keeps for a while.
    """

    def __init__(
        self,
        table: sa.Table,
        type_: "type[DataclassInstance]",
        on_conflict: OnConflict = lambda insert: insert,
    ) -> None:
        self._table = table
        self._on_conflict = on_conflict
        names = {one.name for one in fields(type_)}
        # In the order of the table, which is that of a statement's parameters.
        self._fields = tuple(column.name for column in table.c if column.name in names)
        others = {column.name: column.default for column in table.c if column.name not in names}
        self._defaults = {
            name: default.arg for name, default in others.items() if isinstance(default, sa.ColumnDefault)
        }
        self._statements: dict[tuple[str, tuple[str, ...], int], _Statement] = {}

    def insert(self, conn: sa.Connection, values: "Sequence[DataclassInstance]") -> None:
        self._write(conn, values, self._fields, self._insert_of)

    def update(self, conn: sa.Connection, changed: Mapping[tuple[str, ...], Sequence[Any]]) -> None:
        """changed: as in Changes."""
        for names, values in changed.items():
            self._write(conn, values, ("id", *names), self._update_of)

    def _write(
        self,
        conn: sa.Connection,
        values: Sequence[Any],
        names: tuple[str, ...],
        build: Callable[[str, tuple[str, ...], int], sa.Insert | sa.Update],
    ) -> None:
        values_of = attrgetter(*names)
        for start in range(0, len(values), MAX_ROWS):
            chunk = values[start : start + MAX_ROWS]
            key = conn.dialect.name, names, len(chunk)
            statement = self._statements.get(key)
            if statement is None:
                statement = self._statements[key] = _compile(
                    build(*key), conn.dialect.name, len(names) * len(chunk)
                )
            plain = [
                item if type(item) in PLAIN else _plain(item) for value in chunk for item in values_of(value)
            ]
            conn.exec_driver_sql(statement.text, (*plain, *statement.constants))

    def _insert_of(self, dialect: str, names: tuple[str, ...], count: int) -> sa.Insert:
        defaults = {name: _literal(value, dialect) for name, value in self._defaults.items()}
        rows: list[dict[str, sa.ColumnElement[Any]]] = [
            {name: sa.bindparam(f"{name}_{i}") for name in names} | defaults for i in range(count)
        ]
        insert: sa.Insert = self._on_conflict(upsert(dialect, self._table)).values(rows)
        return insert

    def _update_of(self, _dialect: str, names: tuple[str, ...], count: int) -> sa.Update:
        columns = [self._table.c[name] for name in names]
        rows = [
            tuple(sa.bindparam(f"{column.name}_{i}", type_=column.type) for column in columns)
            for i in range(count)
        ]
        new = (
            sa.values(*(sa.column(column.name, column.type) for column in columns), name="new")
            .data(rows)
            .cte()
        )
        changes = {name: new.c[name] for name in names if name != "id"}
        return sa.update(self._table).where(self._table.c.id == new.c.id).values(changes)


@dataclass(frozen=True, slots=True)
class _Statement:
    text: str
    constants: tuple[object, ...]
    """The parameters that follow those of the rows."""


def _compile(statement: sa.Insert | sa.Update, dialect: str, parameters: int) -> _Statement:
    compiled = statement.compile(dialect=_DIALECTS[dialect])
    constants = (compiled.positiontup or [])[parameters:]
    return _Statement(str(compiled), tuple(map(compiled.params.__getitem__, constants)))


def _literal(value: Any, dialect: str) -> sa.ColumnElement[Any]:
    literal = sa.literal(value).compile(dialect=_DIALECTS[dialect], compile_kwargs={"literal_binds": True})
    return sa.literal_column(str(literal))


_DIALECTS: Mapping[str, sa.Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": psycopg.dialect(paramstyle="format"),  # type: ignore[no-untyped-call]
}
"""With parameters by position."""


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return utc_text(value)
    return str(value) if isinstance(value, str) else to_json(value)  # a str: a member of an enum


# Many keys in one statement: a list of bind parameters would grow past a limit.


def table(dialect: str, type_: Type) -> sa.TableValuedAlias:
    """The parameter `keys` as a table with one column `value`: for a statement that is built once."""
    return _table(dialect, sa.bindparam(NAME, type_=_carrier(dialect, type_)), type_)


def bound(conn: sa.Connection, values: Iterable[Key]) -> dict[str, object]:
    """The value of that parameter."""
    return {NAME: to_json(list(values)) if conn.dialect.name == "sqlite" else list(values)}


def table_of(conn: sa.Connection, values: Iterable[Key], type_: Type) -> sa.TableValuedAlias:
    """These values as such a table: for a statement that is built for them."""
    dialect = conn.dialect.name
    return _table(dialect, sa.literal(bound(conn, values)[NAME], _carrier(dialect, type_)), type_)


def _table(dialect: str, carrier: sa.ColumnElement[object], type_: Type) -> sa.TableValuedAlias:
    column = sa.column("value", type_)
    if dialect == "sqlite":
        return sa.func.json_each(carrier).table_valued(column, name="k")
    array = sa.cast(carrier, sa.ARRAY(type_))  # an empty list has no type of its own
    return sa.func.unnest(array).table_valued(column, name="k").render_derived()


def _carrier(dialect: str, type_: Type) -> sa.types.TypeEngine[Any]:
    return sa.Text() if dialect == "sqlite" else sa.ARRAY(type_)
