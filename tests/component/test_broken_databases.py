"""A database that takes no writes: senders hear 503, and readiness, metrics, pages and the log say why."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from starlette.testclient import TestClient

from alert_router import app
from alert_router.app import Service
from alert_router.delivery import Clocks
from alert_router.services import write_probe
from alert_router.settings import Settings
from alert_router.store import engine
from testbed.factories import Clock, webhook_json
from testbed.fakes.discord import DiscordState, transport
from testbed.router_harness import WEBHOOK, NewDatabase, until

STORE_DOWN = "alert_router_store_up 0.0"
STORE_UP = "alert_router_store_up 1.0"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.05)
    monkeypatch.setattr(write_probe, "EVERY_S", 0.02)
    monkeypatch.setattr(write_probe, "IDLE_S", 0.0)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, new_database: NewDatabase) -> Iterator[str]:
    """Of the kind that the test's fault breaks."""
    fault = request.node.callspec.params["fault"]
    with new_database("postgresql" if fault.startswith("PostgreSQL") else "sqlite") as url:
        yield url


@pytest.fixture
def service(database_url: str, clock: Clock, unlimited: DiscordState) -> Service:
    settings = Settings(database_url=SecretStr(database_url), discord_webhook_url=WEBHOOK)
    clocks = Clocks(now=clock.time, steady=clock)
    return app.build(settings, clocks=clocks, transport=transport(unlimited))


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(app.serve(service), raise_server_exceptions=False, client=("127.0.0.1", 50000)) as client:
        yield client


@contextmanager
def setting(service: Service, statement: str, afterwards: str) -> Iterator[None]:
    """In every connection of the writer, at its next use."""
    current = statement

    def execute(dbapi: Any, *_: object) -> None:
        dbapi.execute(current)
        dbapi.commit()

    sa.event.listen(service.store.writer, "checkout", execute)
    yield
    current = afterwards


@contextmanager
def locked(service: Service) -> Iterator[None]:
    with closing(sqlite3.connect(str(service.store.file), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def locked_in_postgresql(service: Service) -> Iterator[None]:
    with service.store.questions.connect() as other:
        other.exec_driver_sql(f"SELECT pg_advisory_xact_lock({engine.ADVISORY_LOCK})")
        yield


@contextmanager
def read_only(service: Service) -> Iterator[None]:
    with setting(service, "PRAGMA query_only = ON", "PRAGMA query_only = OFF"):
        yield


@contextmanager
def read_only_in_postgresql(service: Service) -> Iterator[None]:
    name = "default_transaction_read_only"
    with setting(service, f"SET {name} = on", f"SET {name} = off"):
        yield


@contextmanager
def deleted(service: Service) -> Iterator[None]:
    path = Path(str(service.store.file))
    path.rename(path.with_suffix(".away"))
    yield
    path.with_suffix(".away").rename(path)


@contextmanager
def replaced(service: Service) -> Iterator[None]:
    path = Path(str(service.store.file))
    path.rename(path.with_suffix(".away"))
    shutil.copy(path.with_suffix(".away"), path)
    yield
    path.with_suffix(".away").rename(path)


@contextmanager
def damaged(service: Service) -> Iterator[None]:
    """Page 2 and those after it; the WAL is emptied first, and caches are dropped with their connections."""
    path = Path(str(service.store.file))
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sound = path.read_bytes()
    _overwrite(path, sound[:4096] + b"\xff" * (len(sound) - 4096))
    service.store.writer.dispose()
    yield
    _overwrite(path, sound)


def _overwrite(path: Path, content: bytes) -> None:
    with path.open("r+b") as file:
        file.write(content)


FAULTS = {
    "is locked by another process": locked,
    "is read-only": read_only,
    "is damaged": damaged,
    "lost its file, which was deleted": deleted,
    "lost its file, which another replaces": replaced,
    "PostgreSQL is locked by another process": locked_in_postgresql,
    "PostgreSQL is read-only": read_only_in_postgresql,
}


@pytest.mark.parametrize(
    "fault",
    [pytest.param(name, marks=[pytest.mark.postgres] * name.startswith("PostgreSQL")) for name in FAULTS],
)
def test_refused_write_is_shown_everywhere_until_it_is_over(
    fault: str,
    service: Service,
    client: TestClient,
    unlimited: DiscordState,
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = fault.removeprefix("PostgreSQL ")
    until(lambda: client.get("/-/ready").status_code == 200)

    with FAULTS[fault](service):
        refused = client.post("/webhooks/alertmanager", json=webhook_json())
        ready = client.get("/-/ready")
        metrics = client.get("/metrics").text.splitlines()
        page = client.get("/preview", headers={"accept": "text/html"}).text

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["detail"] == f"the database {words}; send it again"
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert words in ready.json()["not_ready"]["database"]
    assert STORE_DOWN in metrics
    assert f"the database {words}" in page
    logged = [record for record in caplog.records if "takes no writes" in record.msg]
    assert len(logged) == 1
    until(lambda: client.get("/-/ready").status_code == 200)
    assert STORE_UP in client.get("/metrics").text.splitlines()
    assert client.post("/webhooks/alertmanager", json=webhook_json()).json()["accepted"] == 1
    until(lambda: unlimited.creates)
