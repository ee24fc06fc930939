"""Many values in one statement, however many: no list of bind parameters to grow past a limit."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from alert_router.store.tables import to_json

NAME = "keys"
Type = sa.types.TypeEngine[str] | sa.Integer
Key = str | int


def table(dialect: str, type_: Type) -> sa.TableValuedAlias:
    """The parameter `keys` as a table with one column `value`: for a statement that is built once."""
    return _table(dialect, sa.bindparam(NAME, type_=_carrier(dialect, type_)), type_)


def bound(conn: sa.Connection, values: Iterable[Key]) -> dict[str, object]:
    """What fills the parameter."""
    return {NAME: _carried(conn.dialect.name, values)}


def table_of(conn: sa.Connection, values: Iterable[Key], type_: Type) -> sa.TableValuedAlias:
    """These values as such a table: for a statement that is built for them."""
    dialect = conn.dialect.name
    return _table(dialect, sa.literal(_carried(dialect, values), _carrier(dialect, type_)), type_)


def _table(dialect: str, carrier: sa.ColumnElement[object], type_: Type) -> sa.TableValuedAlias:
    column = sa.column("value", type_)
    if dialect == "sqlite":
        return sa.func.json_each(carrier).table_valued(column, name="k")
    array = sa.cast(carrier, sa.ARRAY(type_))  # said aloud: an empty list has no type
    return sa.func.unnest(array).table_valued(column, name="k").render_derived()


def _carrier(dialect: str, type_: Type) -> sa.types.TypeEngine[Any]:
    return sa.Text() if dialect == "sqlite" else sa.ARRAY(type_)


def _carried(dialect: str, values: Iterable[Key]) -> object:
    return to_json(list(values)) if dialect == "sqlite" else list(values)
