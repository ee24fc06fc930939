"""Rows in and out: values as parameters, columns as values, upserts, many keys in one parameter."""

import json
from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NAME = "keys"
Type = sa.types.TypeEngine[str] | sa.Integer
Key = str | int
Insert = postgresql.Insert | sqlite.Insert


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


def each_value(column: sa.ColumnElement[str], most: int) -> sa.Select[str]:
    """The different values of the first column of an index, in their order: one look into it for each."""
    least = sa.select(sa.func.min(column).label("value")).cte("least", recursive=True)
    following = sa.select(sa.func.min(column)).where(column > least.c.value).scalar_subquery()
    values = least.union_all(sa.select(following).where(least.c.value.is_not(None)))
    return sa.select(values.c.value).where(values.c.value.is_not(None)).limit(most)


# Many keys in one statement: a list of bind parameters would grow past a limit.


def table(dialect: str, type_: Type, name: str = NAME) -> sa.TableValuedAlias:
    """The parameter of this name as a table with one column `value`: for a statement that is built once."""
    return _table(dialect, sa.bindparam(name, type_=_carrier(dialect, type_)), type_)


def bound(conn: sa.Connection, values: Iterable[Key], name: str = NAME) -> dict[str, object]:
    """The value of that parameter."""
    return {name: json.dumps(list(values)) if conn.dialect.name == "sqlite" else list(values)}


def table_of(conn: sa.Connection, values: Iterable[Key], type_: Type) -> sa.TableValuedAlias:
    """These values as such a table: for a statement that is built for them."""
    dialect = conn.dialect.name
    return _table(dialect, sa.literal(bound(conn, values)[NAME], _carrier(dialect, type_)), type_)


def _table(dialect: str, carrier: sa.ColumnElement[object], type_: Type) -> sa.TableValuedAlias:
    column = sa.column("value", type_)
    if dialect == "sqlite":
        return sa.func.json_each(carrier).table_valued(column)
    array = sa.cast(carrier, sa.ARRAY(type_))  # an empty list has no type of its own
    return sa.func.unnest(array).table_valued(column).render_derived()


def _carrier(dialect: str, type_: Type) -> sa.types.TypeEngine[Any]:
    return sa.Text() if dialect == "sqlite" else sa.ARRAY(type_)
