"""Opens the warehouse: SQLite, PostgreSQL or BigQuery behind one SQLAlchemy URL."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.schema import CreateTable

from dags.pipeline.tables import PARTITIONS, UtcTime, metadata

BUSY_TIMEOUT_S = 30.0


@contextmanager
def opened(url: str) -> Iterator[sa.Engine]:
    """The engine with every table in place; its connections are closed on leaving."""
    backend = sa.make_url(url).get_backend_name()
    engine = _sqlite(url) if backend == "sqlite" else sa.create_engine(url)
    try:
        create_tables(engine)
        yield engine
    finally:
        engine.dispose()


def create_tables(engine: sa.Engine) -> None:
    with engine.begin() as conn:
        if engine.dialect.name == "postgresql":
            # Two tasks that start together: IF NOT EXISTS alone can collide in PostgreSQL's catalogue.
            conn.execute(sa.select(sa.func.pg_advisory_xact_lock(0x62696B65)))
        for statement in create_statements(engine.dialect.name):
            conn.execute(statement)


def create_statements(dialect: str) -> list[CreateTable]:
    tables = _for_bigquery() if dialect == "bigquery" else metadata
    return [CreateTable(table, if_not_exists=True) for table in tables.sorted_tables]


def _for_bigquery() -> sa.MetaData:
    # Not among the tables' own arguments: SQLAlchemy would import Google's client for SQLite as well.
    bigquery: Any = importlib.import_module("google.cloud.bigquery")
    copy = sa.MetaData()
    for table in metadata.sorted_tables:
        table_copy = table.to_metadata(copy)
        for column in table_copy.columns:
            if isinstance(column.type, UtcTime):
                # The dialect asks a column for its own type's name to choose TIMESTAMP_TRUNC.
                column.type = sa.TIMESTAMP(timezone=True)
        if table in PARTITIONS:
            day, cluster = PARTITIONS[table]
            options = table_copy.dialect_options["bigquery"]
            options["time_partitioning"] = bigquery.TimePartitioning(field=day)
            options["clustering_fields"] = cluster
    return copy


def _sqlite(url: str) -> sa.Engine:
    # A deferred BEGIN of a writer fails with "database is locked" under concurrent writers, busy_timeout or
    # not; so BEGIN IMMEDIATE is sent here, and isolation_level=None keeps the driver from sending its own.
    # No WAL: every transaction is exclusive anyway, and when two connections change to it at once, one fails.
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None})

    @event.listens_for(engine, "begin")
    def _begin(conn: sa.Connection) -> None:
        conn.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
