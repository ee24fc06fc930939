"""Keeps finished runs, and what each added to the counters, in SQLite over restarts.

A counter is the sum of the runs' increments, and the primary key lets a run add to a series once. So a run
that is cleared and runs again counts once; a run that failed first and succeeded later counts as both.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitoring.custom_exporters.counter_increments import Series
from monitoring.custom_exporters.runs import SUCCESS, Run

VERSION = 1
BUSY_TIMEOUT_S = 5.0
TABLES = """
CREATE TABLE runs (
    dag_id TEXT, run_id TEXT, state TEXT NOT NULL, run_after REAL NOT NULL,
    started_at REAL, ended_at REAL, duration_s REAL,
    PRIMARY KEY (dag_id, run_id)
) WITHOUT ROWID;
CREATE INDEX runs_ended_at ON runs (ended_at);
CREATE TABLE counted (
    dag_id TEXT, run_id TEXT, metric TEXT, labels TEXT, amount REAL NOT NULL,
    PRIMARY KEY (dag_id, run_id, metric, labels)
) WITHOUT ROWID;
CREATE TABLE lasting (metric TEXT PRIMARY KEY, run_after REAL NOT NULL, value REAL NOT NULL) WITHOUT ROWID;
"""


class UnknownVersion(Exception):
    """The file was written by another version of this program."""


@contextmanager
def opened(path: Path) -> Iterator["RunStore"]:
    """Raises sqlite3.Error, UnknownVersion. For a single thread at a time."""
    db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    try:
        _create(db)
        yield RunStore(db)
    finally:
        db.close()


class RunStore:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def has(self, run: Run) -> bool:
        """Whether this end of the run was recorded."""
        query = "SELECT 1 FROM runs WHERE dag_id = ? AND run_id = ? AND state = ? AND ended_at IS ?"
        key = (run.dag_id, run.run_id, run.state, _seconds(run.ended_at))
        return self._db.execute(query, key).fetchone() is not None

    def record(self, run: Run, increments: Mapping[Series, float], lasting: Mapping[str, float]) -> None:
        """In one transaction."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", _row(run))
            self._add(run.dag_id, run.run_id, increments)
            self._db.executemany(
                "INSERT INTO lasting VALUES (?, ?, ?) ON CONFLICT (metric) DO UPDATE "
                "SET run_after = excluded.run_after, value = excluded.value "
                "WHERE excluded.run_after >= lasting.run_after",
                [(metric, run.run_after.timestamp(), value) for metric, value in lasting.items()],
            )

    def start_at_zero(self, series: Iterable[Series]) -> None:
        """Series that exist already keep their total."""
        with self._db:
            self._add("", "", dict.fromkeys(series, 0.0))

    def totals(self) -> dict[Series, float]:
        rows = self._db.execute("SELECT metric, labels, sum(amount) FROM counted GROUP BY metric, labels")
        return {_series(metric, labels): total for metric, labels, total in rows}

    def newest_runs(self) -> dict[str, Run]:
        """The newest finished run of each DAG."""
        # SQLite takes the other columns from the row that has the maximum.
        rows = self._db.execute("SELECT *, max(run_after) FROM runs GROUP BY dag_id")
        return {row[0]: _run(row) for row in rows}

    def last_successes(self) -> dict[str, datetime]:
        query = (
            "SELECT dag_id, max(ended_at) FROM runs WHERE state = ? AND ended_at IS NOT NULL GROUP BY dag_id"
        )
        return {dag_id: _time(at) for dag_id, at in self._db.execute(query, (SUCCESS,))}

    def newest_end(self) -> datetime | None:
        at = self._db.execute("SELECT max(ended_at) FROM runs").fetchone()[0]
        return None if at is None else _time(at)

    def lasting_values(self) -> dict[str, float]:
        return dict(self._db.execute("SELECT metric, value FROM lasting"))

    def _add(self, dag_id: str, run_id: str, increments: Mapping[Series, float]) -> None:
        self._db.executemany(
            "INSERT OR IGNORE INTO counted VALUES (?, ?, ?, ?, ?)",
            [
                (dag_id, run_id, series.metric, json.dumps(series.labels), amount)
                for series, amount in increments.items()
            ],
        )


def _create(db: sqlite3.Connection) -> None:
    # No fsync per commit: a power cut loses the last commits, and Airflow still has those runs.
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, VERSION):
        raise UnknownVersion(f"it has version {version}, this program knows {VERSION}")
    if version == 0:
        db.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")


def _series(metric: str, labels: str) -> Series:
    return Series(metric, tuple((name, value) for name, value in json.loads(labels)))


def _row(run: Run) -> tuple[Any, ...]:
    times = (_seconds(run.run_after), _seconds(run.started_at), _seconds(run.ended_at))
    return (run.dag_id, run.run_id, run.state, *times, run.duration_s)


def _run(row: tuple[Any, ...]) -> Run:
    dag_id, run_id, state, run_after, started_at, ended_at, duration_s, *_ = row
    return Run(
        dag_id=dag_id,
        run_id=run_id,
        state=state,
        run_after=_time(run_after),
        started_at=None if started_at is None else _time(started_at),
        ended_at=None if ended_at is None else _time(ended_at),
        duration_s=duration_s,
    )


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
