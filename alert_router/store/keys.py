"""Many values in one statement, however many: no list of bind parameters to grow past a limit."""

from collections.abc import Iterable

import sqlalchemy as sa

from alert_router.store.tables import to_json


def table_of(
    conn: sa.Connection, values: Iterable[str | int], type_: sa.types.TypeEngine[str] | sa.Integer
) -> sa.TableValuedAlias:
    """The values as a table with one column `value`."""
    if conn.dialect.name == "sqlite":
        return sa.func.json_each(to_json(list(values))).table_valued(sa.column("value", type_), name="k")
    array = sa.cast(list(values), sa.ARRAY(type_))
    return sa.func.unnest(array).table_valued(sa.column("value", type_), name="k").render_derived()
