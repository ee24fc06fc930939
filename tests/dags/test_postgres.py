"""The warehouse on a real PostgreSQL, whose statements differ from SQLite's."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from dags.pipeline import forecasts, ingestion, outbox, warehouse
from dags.pipeline.events import Event, Origin
from dags.pipeline.forecasts import Point, Source
from dags.pipeline.paris_api import Count
from dags.pipeline.tables import metadata, raw_counts
from testbed.pipeline.fake_router import NOON

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
HOUR = timedelta(hours=1)


def run_as_postgres(*command: str) -> None:
    """initdb and the server refuse to run as root."""
    user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None
    subprocess.run(
        [PROGRAMS[-1] / command[0], *command[1:]], user=user, check=True, capture_output=True, cwd="/"
    )


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    if not PROGRAMS:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's path is at most 107 bytes long
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data, options = str(folder / "data"), f"-c listen_addresses= -c fsync=off -k {folder}"
    try:
        run_as_postgres("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")
        run_as_postgres("pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
        yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        run_as_postgres("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[sa.Engine]:
    with warehouse.opened(postgres_url) as engine:
        yield engine
        metadata.drop_all(engine)


def test_counts_are_upserted(postgres: sa.Engine) -> None:
    ingestion.ingest(postgres, [Count("a", NOON, 1), Count("b", NOON, 2)], lambda: NOON)

    again = ingestion.ingest(postgres, [Count("a", NOON, 1), Count("b", NOON, 3)], lambda: NOON)

    assert (again.records_fetched, again.records_count) == (2, 1)
    with postgres.begin() as conn:
        rows = conn.execute(sa.select(raw_counts.c.counter_id, raw_counts.c["count"])).all()
        assert ingestion.newest_hour(conn, NOON) == NOON
    assert sorted(map(tuple, rows)) == [("a", 1), ("b", 3)]


def test_forecasts_are_scored(postgres: sa.Engine) -> None:
    ingestion.ingest(postgres, [Count("a", NOON + HOUR, 11)], lambda: NOON)
    with postgres.begin() as conn:
        for _ in range(2):
            forecasts.save(conn, [Point("a", NOON + HOUR)], [10.0], Source("rf", None, NOON))

        assert forecasts.scored_pairs(conn, since=NOON) == [(10, 11)]
        assert forecasts.active_counters(conn, NOON) == ["a"]


def test_event_is_queued_once(postgres: sa.Engine) -> None:
    event = Event(origin=Origin("d", "r"), occurred_at=NOON, type="api_error", details={"endpoint": "x"})

    with postgres.begin() as conn:
        queued = [outbox.enqueue(conn, event, NOON) for _ in range(2)]

        assert queued == [True, False]
        assert [event.key for event in outbox.pending(conn)] == ["api_error:d:r:x"]
        assert outbox.has_event(conn, dag_id="d", run_id="r", types=("api_error",))


def test_concurrent_table_creation(postgres_url: str) -> None:
    def open_it(_: int) -> None:
        with warehouse.opened(postgres_url):
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_it, range(8)))
