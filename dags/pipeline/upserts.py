"""Writes rows by their primary key: new rows are inserted, known ones replaced. A statement per dialect."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

BATCH_ROWS = 5_000
"""Of BigQuery's 10 MB a query, about a tenth."""

CASTS = {int: "INT64", float: "FLOAT64", date: "DATE", datetime: "TIMESTAMP"}

Row = Mapping[str, Any]
T = TypeVar("T")


def upsert(conn: sa.Connection, table: sa.Table, rows: Iterable[Row]) -> int:
    """Returns how many rows were written. Rows must not repeat a key: PostgreSQL and BigQuery refuse that."""
    written = 0
    for batch in batches(rows, BATCH_ROWS):
        if conn.dialect.name == "bigquery":
            conn.execute(merge(table), {"rows": as_json(batch)})
        else:
            conn.execute(on_conflict(table, conn.dialect.name), [dict(row) for row in batch])
        written += len(batch)
    return written


def on_conflict(table: sa.Table, dialect: str) -> sa.Executable:
    keys, others = _columns(table)
    if dialect == "sqlite":
        lite = sqlite.insert(table)
        return lite.on_conflict_do_update(
            index_elements=keys, set_={name: lite.excluded[name] for name in others}
        )
    insert = postgresql.insert(table)
    return insert.on_conflict_do_update(
        index_elements=keys, set_={name: insert.excluded[name] for name in others}
    )


def merge(table: sa.Table) -> sa.TextClause:
    """BigQuery's: the rows are a single JSON parameter, because a query has at most 10,000 parameters."""
    keys, others = _columns(table)
    every = [*keys, *others]
    source = ", ".join(_from_json(table.c[name]) for name in every)
    matched = " AND ".join(f"old.`{name}` = new.`{name}`" for name in keys)
    changed = ", ".join(f"`{name}` = new.`{name}`" for name in others)
    return sa.text(
        f"MERGE `{table.name}` AS old "  # noqa: S608 - names of these tables, never data
        f"USING (SELECT {source} FROM UNNEST(JSON_QUERY_ARRAY(:rows)) AS one_row) AS new "
        f"ON {matched} "
        f"WHEN MATCHED THEN UPDATE SET {changed} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(f'`{name}`' for name in every)}) "
        f"VALUES ({', '.join(f'new.`{name}`' for name in every)})"
    )


def as_json(rows: Sequence[Row]) -> str:
    return json.dumps(rows, default=_plain, ensure_ascii=False)


def batches(rows: Iterable[T], size: int) -> Iterable[Sequence[T]]:
    source = iter(rows)
    while batch := list(islice(source, size)):
        yield batch


def _columns(table: sa.Table) -> tuple[list[str], list[str]]:
    keys = [column.name for column in table.primary_key.columns]
    return keys, [column.name for column in table.columns if column.name not in keys]


def _from_json(column: sa.Column[Any]) -> str:
    value = f"JSON_VALUE(one_row, '$.{column.name}')"
    cast = CASTS.get(column.type.python_type)
    return f"CAST({value} AS {cast}) AS `{column.name}`" if cast else f"{value} AS `{column.name}`"


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a row")
