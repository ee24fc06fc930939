"""SQLite runs; PostgreSQL's and BigQuery's statements are compiled for their dialects and read."""

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from importlib import import_module

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from dags.pipeline import forecasts, ingestion, outbox, upserts, warehouse
from dags.pipeline.tables import PARTITIONS, metadata, monitoring_audit, predictions, raw_counts
from testbed.pipeline.fake_router import NOON


def audit_row(**changes: object) -> dict[str, object]:
    row = {
        "run_id": "r",
        "model_type": "rf",
        "audited_at": NOON,
        "outcome": "ok",
        "reason": "nothing",
        "drift_share": None,
        "drifted_features": None,
        "r2": None,
        "rmse": None,
        "training_status": None,
        "improvement": None,
        "deployment": None,
    }
    return row | changes


@pytest.fixture
def bigquery() -> sa.Dialect:
    dialect: sa.Dialect = import_module("sqlalchemy_bigquery").BigQueryDialect()
    return dialect


def ddl(dialect: sa.Dialect, name: str) -> dict[str, str]:
    return {
        statement.element.name: str(statement.compile(dialect=dialect))
        for statement in warehouse.create_statements(name)
    }


def test_reopening_keeps_rows(warehouse_url: str) -> None:
    with warehouse.opened(warehouse_url) as engine, engine.begin() as conn:
        upserts.upsert(conn, monitoring_audit, [audit_row()])

    with warehouse.opened(warehouse_url) as engine, engine.begin() as conn:
        assert conn.scalar(sa.select(monitoring_audit.c.outcome)) == "ok"


def test_upsert_inserts_and_replaces(engine: sa.Engine) -> None:
    with engine.begin() as conn:
        upserts.upsert(conn, monitoring_audit, [audit_row(), audit_row(run_id="other")])
        upserts.upsert(conn, monitoring_audit, [audit_row(outcome="forced", r2=0.5)])
        rows = {row.run_id: (row.outcome, row.r2) for row in conn.execute(sa.select(monitoring_audit))}

    assert rows == {"r": ("forced", 0.5), "other": ("ok", None)}


def test_upsert_of_no_rows(engine: sa.Engine) -> None:
    with engine.begin() as conn:
        assert upserts.upsert(conn, monitoring_audit, []) == 0


def test_times_come_back_in_utc(engine: sa.Engine) -> None:
    local = NOON.astimezone(timezone(timedelta(hours=2)))

    with engine.begin() as conn:
        upserts.upsert(conn, monitoring_audit, [audit_row(audited_at=local)])
        back = conn.scalar(sa.select(monitoring_audit.c.audited_at))

    assert back == NOON
    assert back.tzinfo is UTC


def test_naive_time_is_refused(engine: sa.Engine) -> None:
    with engine.begin() as conn, pytest.raises(sa.exc.StatementError, match="naive"):
        upserts.upsert(conn, monitoring_audit, [audit_row(audited_at=datetime(2020, 1, 1))])  # noqa: DTZ001


def test_concurrent_writers_wait_for_each_other(warehouse_url: str) -> None:
    def write(number: int) -> None:
        with warehouse.opened(warehouse_url) as engine, engine.begin() as conn:
            conn.scalar(sa.select(sa.func.count()).select_from(monitoring_audit))
            upserts.upsert(conn, monitoring_audit, [audit_row(run_id=str(number))])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(16)))

    with warehouse.opened(warehouse_url) as engine, engine.begin() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(monitoring_audit)) == 16


def test_opening_waits_for_concurrent_table_creation(warehouse_url: str) -> None:
    def open_it() -> None:
        with warehouse.opened(warehouse_url):
            pass

    with closing(sqlite3.connect(warehouse_url.removeprefix("sqlite:///"))) as another:
        another.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(open_it)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.5)
            another.rollback()
            waiting.result(timeout=30)


def test_bigquery_partitions_and_clusters(bigquery: sa.Dialect) -> None:
    statements = ddl(bigquery, "bigquery")

    assert set(statements) == {
        "raw_counts",
        "predictions",
        "monitoring_audit",
        "event_outbox",
        "publications",
    }
    assert "PARTITION BY TIMESTAMP_TRUNC(hour, DAY)\nCLUSTER BY counter_id\n" in statements["raw_counts"]
    assert (
        "PARTITION BY TIMESTAMP_TRUNC(hour, DAY)\nCLUSTER BY counter_id, model_type"
        in statements["predictions"]
    )
    assert (
        "PARTITION BY TIMESTAMP_TRUNC(audited_at, DAY)\nCLUSTER BY outcome" in statements["monitoring_audit"]
    )
    assert all(sql.lstrip().startswith("CREATE TABLE IF NOT EXISTS") for sql in statements.values())


def test_other_databases_keep_their_own_types(bigquery: sa.Dialect) -> None:
    ddl(bigquery, "bigquery")

    statements = ddl(postgresql.dialect(), "postgresql")  # type: ignore[no-untyped-call] # SQLAlchemy's own

    assert "hour TIMESTAMP WITH TIME ZONE NOT NULL" in statements["raw_counts"]
    assert "PRIMARY KEY (counter_id, hour)" in statements["raw_counts"]


def test_bigquery_merge_takes_a_single_parameter(bigquery: sa.Dialect) -> None:
    text = str(upserts.merge(predictions).compile(dialect=bigquery))

    assert text.startswith("MERGE `predictions` AS old USING (SELECT ")
    assert "CAST(JSON_VALUE(one_row, '$.hour') AS TIMESTAMP) AS `hour`" in text
    assert "CAST(JSON_VALUE(one_row, '$.issued_on') AS DATE) AS `issued_on`" in text
    assert "CAST(JSON_VALUE(one_row, '$.predicted') AS FLOAT64) AS `predicted`" in text
    assert "JSON_VALUE(one_row, '$.counter_id') AS `counter_id`" in text
    assert "ON old.`counter_id` = new.`counter_id` AND old.`hour` = new.`hour` AND old.`issued_on`" in text
    assert "UPDATE SET `predicted` = new.`predicted`" in text
    assert text.count(":rows") == 1


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_column_is_merged(table: sa.Table, bigquery: sa.Dialect) -> None:
    text = str(upserts.merge(table).compile(dialect=bigquery))

    assert all(f"new.`{column.name}`" in text for column in table.columns)


def test_rows_as_json_for_bigquery() -> None:
    row = {"counter_id": "é", "hour": NOON, "issued_on": date(2020, 11, 18), "predicted": 1.5, "x": None}

    assert json.loads(upserts.as_json([row])) == [
        {
            "counter_id": "é",
            "hour": "2020-11-18T12:00:00+00:00",
            "issued_on": "2020-11-18",
            "predicted": 1.5,
            "x": None,
        }
    ]


def test_postgresql_upserts_by_primary_key() -> None:
    text = str(upserts.on_conflict(raw_counts, "postgresql").compile(dialect=postgresql.dialect()))  # type: ignore[attr-defined, no-untyped-call] # Executable has it

    assert "ON CONFLICT (counter_id, hour) DO UPDATE SET count = excluded.count" in text


@pytest.fixture
def queries() -> Iterator[dict[str, str]]:
    """Every query of the pipeline, compiled for BigQuery."""
    bigquery = import_module("sqlalchemy_bigquery").BigQueryDialect()
    compiled: dict[str, str] = {}
    engine = sa.create_engine("sqlite://")
    with engine.begin() as conn:
        metadata.create_all(conn)

        @sa.event.listens_for(conn, "before_execute")
        def _compile(_conn: object, clause: sa.ClauseElement, *_: object) -> None:
            text = str(clause.compile(dialect=bigquery))
            compiled[text] = text

        ingestion.newest_hour(conn, NOON)
        forecasts.active_counters(conn, NOON)
        forecasts.scored_pairs(conn, since=NOON)
        outbox.pending(conn)
        outbox.has_event(conn, dag_id="d", run_id="r", types=("api_error",))
    yield compiled
    engine.dispose()


def test_every_query_compiles_for_bigquery(queries: dict[str, str]) -> None:
    assert len(queries) == 5
    [scored] = [sql for sql in queries if "JOIN" in sql]
    assert "`predictions`.`hour` >= " in scored
    assert "`raw_counts`.`hour` >= " in scored


def test_partition_columns_exist() -> None:
    for table, (day, cluster) in PARTITIONS.items():
        assert {day, *cluster} <= set(table.columns.keys())
