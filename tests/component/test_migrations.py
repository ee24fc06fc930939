"""Every migration keeps every row, on both databases; a database of an older release opens as it is."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from starlette.testclient import TestClient

from alert_router.store import migrate
from alert_router.store.engine import Store, open_store
from alert_router.store.tables import metadata
from testbed.factories import Clock

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
REVISIONS = [
    script.revision
    for script in reversed(list(ScriptDirectory.from_config(migrate.config()).walk_revisions()))
]
RELEASED = Path(__file__).with_name("databases") / "0003.sql"
"""A database that the release with revision 0003 wrote: alerts, cards, deliveries, quarantine."""
ALERT = {
    "id": 5,
    "source": "alertmanager",
    "fingerprint": "00000000000000ab",
    "alertname": "ApiDown",
    "severity": "critical",
    "status": "firing",
    "labels": {"alertname": "ApiDown", "severity": "critical"},
    "annotations": {"summary": "it is down"},
    "starts_at": AT,
    "received_at": AT,
    "last_seen_at": AT,
    "repeats": 2,
    "flaps": 1,
    "incident_id": 3,
    "generator_url": "http://127.0.0.1:9090/graph",
    "source_url": "",
    "reporter": "Prometheus",
}
CARD = {
    "id": 7,
    "channel": "discord",
    "generation": 1,
    "state": "delivered",
    "priority": 1,
    "wanted_rev": 4,
    "attempts": 0,
    "degraded": 0,
    "message_id": "1234",
    "sent_body": {"content": "ApiDown"},
    "sent_at": AT,
    "edited": True,
    "created_at": AT,
}
SUMS: dict[str, Any] = {
    "alertname": "TrainingFailure",
    "severity": "critical",
    "alerts": 1,
    "ended": 1,
    "unattended": 0,
    "silenced": 0,
    "flapping": 0,
    "repeats": 2,
    "first_id": 5,
    "last_id": 5,
    "longest_s": 60,
    "longest_id": 5,
    "durations": {"60": 1},
}
ROWS: Mapping[str, list[dict[str, Any]]] = {
    "digests": [{"id": 2, "channel": "discord", "began_at": AT, "last_folded_at": AT}],
    "heartbeats": [{"source": "alertmanager", "at": AT}],
    "incidents": [
        {
            "id": 3,
            "key": '{"alertname":"ApiDown"}',
            "group_labels": {"alertname": "ApiDown"},
            "status": "firing",
            "severity": "critical",
            "firing": 1,
            "flaps": 0,
            "opened_at": AT,
            "generation": 1,
            "pinged_at": AT,
            "acknowledged_at": AT,
            "acknowledged_by": "Ada",
        }
    ],
    "quarantine": [{"id": 1, "at": AT, "source": "grafana", "reason": "alerts: required", "body": b"{}\x00"}],
    "receivers": [{"name": "router", "heard_at": AT}],
    "decisions": [
        {"id": 1, "incident_id": 3, "channel": "discord", "at": AT, "action": "create", "reason": "first"}
    ],
    "acknowledgements": [{"id": 4, "incident_id": 3, "at": AT, "by": "Ada", "note": "known"}],
    "acts": [
        {
            "id": 1,
            "incident_id": 3,
            "kind": "acknowledged",
            "turn": "a0",
            "at": AT,
            "by": "Ada",
            "note": "known",
        }
        | {"via": "card"}
    ],
    "runs": [
        {"id": 1, "job": "backup", "run_id": "1", "state": "failed", "at": AT, "metrics": {"rows": 3}}
        | {"deployed": False}
    ],
    "marks": [{"id": 1, "at": AT, "title": "rf-41 -> rf-42", "labels": {"model_type": "rf"}}],
    "link_keys": [{"id": 1, "key": "a-key"}],
    "alerts": [ALERT],
    "cards": [
        {**CARD, "incident_id": 3, "digest_id": None},
        {**CARD, "id": 8, "incident_id": None, "digest_id": 2, "generation": 0},
    ],
    "deliveries": [
        {
            "id": 9,
            "card_id": 7,
            "at": AT,
            "channel": "discord",
            "action": "create",
            "outcome": "sent",
            "status": 200,
            "message_id": "1234",
            "took_ms": 12,
            "detail": "",
        }
    ],
    "transitions": [
        {
            "id": 6,
            "alert_id": 5,
            "at": AT,
            "kind": "opened",
            "source": "alertmanager",
            "detail": "",
            "event_key": "training_failure weekly-1",
        }
    ],
    "measures": [{"alert_id": 5, "value": "5.2 %", "limit": "5 %"}],
    "charts": [
        {
            "incident_id": 3,
            "channel": "discord",
            "name": "chart-00.png",
            "subject": "ab",
            "drawn_at": AT,
            "png": b"\x89PNG",
        }
    ],
    "paces": [{"channel": "discord", "remaining": 3, "until": AT, "noted_at": AT}],
    "silences": [
        {
            "id": "0f3b",
            "source_url": "http://am:9093",
            "created_by": "ada",
            "comment": "maintenance",
            "starts_at": AT,
            "ends_at": AT,
            "matchers": [{"name": "instance", "operator": "=", "value": "a"}],
        }
    ],
    "absences": [{"id": 1, "since": AT, "until": AT}],
    "bookmarks": [{"name": "sums", "position": 6}],
    "hour_sums": [{"hour": AT, **SUMS}],
    "day_sums": [{"day": AT.date(), **SUMS}],
    "day_durations": [{"day": AT.date(), "durations": {"60": 1}}],
    "card_sums": [{"channel": "discord", "cards": 3, "incidents": 2}],
    "unnotified": [{"alert_id": 5}],
}
"""A row for every table, in the columns of the revision that created it; referenced tables come first."""


@pytest.fixture
def empty(database_url: str) -> Store:
    """A database before its first migration."""
    store = open_store(database_url)
    migrate.downgrade(store, "base")
    return store


def reflected(store: Store) -> sa.MetaData:
    tables = sa.MetaData()
    with store.read() as conn:
        tables.reflect(conn)
    return tables


def insert_missing(store: Store, inserted: set[str]) -> None:
    """A row into every table that has none."""
    tables = reflected(store)
    new = set(tables.tables) - inserted - {"alembic_version"}
    assert new <= ROWS.keys(), f"ROWS needs a row for {new - ROWS.keys()}"
    for name in (name for name in ROWS if name in new):
        with store.write() as conn:
            conn.execute(sa.insert(tables.tables[name]), ROWS[name])
        inserted.add(name)


def assert_every_row_is_there(store: Store, names: set[str]) -> None:
    """By the tables of this version, so that their types can read the rows."""
    with store.read() as conn:
        for name in names:
            table = metadata.tables[name]
            stored = [dict(row) for row in conn.execute(sa.select(table)).mappings()]
            expected = [{key: row[key] for key in row if key in table.c} for row in ROWS[name]]
            assert [
                {key: row[key] for key in values} for row, values in zip(stored, expected, strict=True)
            ] == (expected), name


@pytest.mark.parametrize("start", range(len(REVISIONS)), ids=REVISIONS)
def test_every_row_survives_the_upgrade_to_head(empty: Store, start: int) -> None:
    inserted: set[str] = set()
    with closing(empty) as store:
        for revision in REVISIONS[start:]:
            migrate.upgrade(store, revision)
            insert_missing(store, inserted)

        assert inserted == ROWS.keys()
        assert_every_row_is_there(store, inserted)
        with store.read() as conn:
            context = MigrationContext.configure(conn, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []


def test_rows_do_not_prevent_the_downgrade_to_base(empty: Store) -> None:
    with closing(empty) as store:
        migrate.upgrade(store)
        insert_missing(store, set())

        migrate.downgrade(store, "base")

        assert set(reflected(store).tables) <= {"alembic_version"}


def test_application_reads_rows_of_the_first_revision(
    empty: Store, make_client: Callable[..., TestClient]
) -> None:
    with closing(empty) as store:
        migrate.upgrade(store, REVISIONS[0])
        insert_missing(store, set())

    client = make_client()

    assert_shows(client, alerts={"ApiDown"}, wanted=1)
    assert client.get("/alerts/5").json()["transitions"][0]["kind"] == "opened"


def test_application_opens_a_database_of_an_older_release(
    sqlite_url: str, clock: Clock, make_sqlite_client: Callable[..., TestClient]
) -> None:
    clock.now = datetime(2026, 11, 28, 16, 20, tzinfo=UTC).timestamp()  # after its last change
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.executescript(RELEASED.read_text())
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        before = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone() for name in tables}  # noqa: S608

    client = make_sqlite_client()

    with closing(sqlite3.connect(path)) as database:
        after = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone() for name in tables}  # noqa: S608
    assert after == before
    assert_shows(client, alerts={"ApiDown", "DiskFull", "TrainingFailure"}, wanted=3)


def assert_shows(client: TestClient, *, alerts: set[str], wanted: int) -> None:
    page = client.get("/alerts").json()["alerts"]
    assert {alert["alertname"] for alert in page} == alerts
    assert client.get("/-/ready").is_success
    assert f'alert_router_ledger{{account="wanted"}} {wanted}.0' in client.get("/metrics").text
