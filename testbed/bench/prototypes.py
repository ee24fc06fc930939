"""What others would write for the same webhooks: python -m testbed.bench.prototypes NAME PORT FILE.

naive: FastAPI and an ORM session per webhook. grouped: FastAPI, SQLAlchemy Core and one writer thread that
commits all that waits together. json_each: the same, with one statement and one parameter per table. bare:
an ASGI application that parses and answers. All but the last keep alerts and their history on the disk before
they answer (SQLite, synchronous=FULL), and know repeats; none has incidents, cards, tokens or metrics.
"""

import asyncio
import json
import queue
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import orm

Batch = list[tuple["Webhook", asyncio.Future[int]]]
Save = Callable[[sa.Connection, Sequence["WireAlert"]], None]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
MAX_BATCH = 256


class WireAlert(BaseModel):
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: datetime  # noqa: N815 - the wire's name
    endsAt: datetime  # noqa: N815 - the wire's name
    generatorURL: str  # noqa: N815 - the wire's name
    fingerprint: str


class Webhook(BaseModel):
    receiver: str
    groupKey: str  # noqa: N815 - the wire's name
    groupLabels: dict[str, str]  # noqa: N815 - the wire's name
    alerts: list[WireAlert]


class Base(orm.DeclarativeBase):
    pass


class Alert(Base):
    __tablename__ = "alerts"
    __table_args__ = (sa.UniqueConstraint("fingerprint", "starts_at"),)

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    fingerprint: orm.Mapped[str]
    alertname: orm.Mapped[str] = orm.mapped_column(index=True)
    severity: orm.Mapped[str]
    status: orm.Mapped[str] = orm.mapped_column(index=True)
    labels: orm.Mapped[dict[str, str]] = orm.mapped_column(sa.JSON)
    annotations: orm.Mapped[dict[str, str]] = orm.mapped_column(sa.JSON)
    starts_at: orm.Mapped[datetime] = orm.mapped_column(index=True)
    ends_at: orm.Mapped[datetime | None]
    received_at: orm.Mapped[datetime]
    last_seen_at: orm.Mapped[datetime]
    repeats: orm.Mapped[int]
    generator_url: orm.Mapped[str]


class Transition(Base):
    __tablename__ = "transitions"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    alert_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("alerts.id"), index=True)
    at: orm.Mapped[datetime]
    kind: orm.Mapped[str]


alerts: sa.Table = Base.metadata.tables["alerts"]
transitions: sa.Table = Base.metadata.tables["transitions"]


def _engine(file: str) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{file}", connect_args={"timeout": 30})

    @sa.event.listens_for(engine, "connect")
    def configure(dbapi: sqlite3.Connection, _record: Any) -> None:
        dbapi.execute("PRAGMA journal_mode=WAL")
        dbapi.execute("PRAGMA synchronous=FULL")

    Base.metadata.create_all(engine)
    return engine


def _naive(value: datetime) -> datetime:
    return value.astimezone(UTC).replace(tzinfo=None)


def _new(alert: WireAlert, now: datetime) -> dict[str, Any]:
    return {
        "fingerprint": alert.fingerprint,
        "alertname": alert.labels.get("alertname", ""),
        "severity": alert.labels.get("severity", ""),
        "status": alert.status,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "starts_at": _naive(alert.startsAt),
        "ends_at": _naive(alert.endsAt) if alert.status == "resolved" else None,
        "received_at": now,
        "last_seen_at": now,
        "repeats": 0,
        "generator_url": alert.generatorURL,
    }


def naive(file: str) -> FastAPI:
    engine = _engine(file)
    app = FastAPI()

    @app.post("/webhooks/alertmanager")
    def receive(webhook: Webhook) -> dict[str, int]:
        now = _naive(datetime.now(UTC))
        with orm.Session(engine) as session:
            for alert in webhook.alerts:
                _save_one(session, alert, now)
            session.commit()
        return {"accepted": len(webhook.alerts)}

    return app


def _save_one(session: orm.Session, alert: WireAlert, now: datetime) -> None:
    query = sa.select(Alert).filter_by(fingerprint=alert.fingerprint, starts_at=_naive(alert.startsAt))
    known = session.scalars(query).one_or_none()
    if known is None:
        known = Alert(**_new(alert, now))
        session.add(known)
        session.flush()
        session.add(Transition(alert_id=known.id, at=now, kind="opened"))
        return
    known.last_seen_at = now
    if known.status == alert.status:
        known.repeats += 1
        return
    known.status, known.ends_at = alert.status, _naive(alert.endsAt)
    session.add(Transition(alert_id=known.id, at=now, kind=alert.status))


def grouped(file: str) -> FastAPI:
    return _with_writer(file, _save_rows)


def json_each(file: str) -> FastAPI:
    return _with_writer(file, _save_as_json)


def _with_writer(file: str, save: Save) -> FastAPI:
    engine = _engine(file)
    waiting: queue.SimpleQueue[tuple[Webhook, asyncio.Future[int]] | None] = queue.SimpleQueue()

    def write() -> None:
        while (first := waiting.get()) is not None:
            batch = [first]
            while len(batch) < MAX_BATCH and not waiting.empty():
                item = waiting.get()
                if item is None:
                    return
                batch.append(item)
            with engine.begin() as conn:
                save(conn, [alert for webhook, _ in batch for alert in webhook.alerts])
            batch[0][1].get_loop().call_soon_threadsafe(_answer, batch)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        thread = threading.Thread(target=write)
        thread.start()
        yield
        waiting.put(None)
        thread.join()

    app = FastAPI(lifespan=lifespan)

    @app.post("/webhooks/alertmanager")
    async def receive(webhook: Webhook) -> dict[str, int]:
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        waiting.put((webhook, done))
        return {"accepted": await done}

    return app


def _answer(batch: Batch) -> None:
    for webhook, done in batch:
        if not done.done():
            done.set_result(len(webhook.alerts))


def _decide(
    known: Iterable[Any], received: Sequence[WireAlert], last_id: int, now: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """New alerts, changed alerts, transitions."""
    newest = {row["fingerprint"]: dict(row) for row in known}
    new: list[dict[str, Any]] = []
    changed: dict[int, dict[str, Any]] = {}
    history: list[dict[str, Any]] = []
    for alert in received:
        row = newest.get(alert.fingerprint)
        if row is None:
            last_id += 1
            row = newest[alert.fingerprint] = {"id": last_id, **_new(alert, now)}
            new.append(row)
            history.append({"alert_id": last_id, "at": now, "kind": "opened"})
            continue
        row["last_seen_at"] = now
        if row["status"] == alert.status:
            row["repeats"] += 1
        else:
            row |= {"status": alert.status, "ends_at": _naive(alert.endsAt)}
            history.append({"alert_id": row["id"], "at": now, "kind": alert.status})
        changed[row["id"]] = row
    return new, list(changed.values()), history


_LAST_ID = sa.select(sa.func.coalesce(sa.func.max(alerts.c.id), 0))
_COLUMNS = [alerts.c[name] for name in ("id", "fingerprint", "status", "repeats", "ends_at")]
_KNOWN = sa.select(*_COLUMNS).where(alerts.c.fingerprint.in_(sa.bindparam("keys", expanding=True)))
_UPDATE = (
    sa.update(alerts)
    .where(alerts.c.id == sa.bindparam("which"))
    .values({name: sa.bindparam(f"new_{name}") for name in ("status", "ends_at", "last_seen_at", "repeats")})
)


def _save_rows(conn: sa.Connection, received: Sequence[WireAlert]) -> None:
    now = _naive(datetime.now(UTC))
    known = conn.execute(_KNOWN, {"keys": [alert.fingerprint for alert in received]}).mappings()
    new, changed, history = _decide(known, received, conn.scalar(_LAST_ID) or 0, now)
    if new:
        conn.execute(sa.insert(alerts), new)
    if changed:
        names = ("status", "ends_at", "last_seen_at", "repeats")
        rows = [{"which": row["id"], **{f"new_{name}": row[name] for name in names}} for row in changed]
        conn.execute(_UPDATE, rows)
    if history:
        conn.execute(sa.insert(transitions), history)


_KNOWN_OF_JSON = sa.text(
    "SELECT id, fingerprint, status, repeats, ends_at FROM alerts "
    "WHERE fingerprint IN (SELECT value FROM json_each(:keys))"
)


def _from_json(table: sa.Table) -> sa.TextClause:
    names = [column.name for column in table.c if table is alerts or column.name != "id"]
    values = ", ".join(f"json_extract(value, '$.{name}')" for name in names)
    return sa.text(f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM json_each(:rows)")  # noqa: S608


_INSERT_ALERTS, _INSERT_TRANSITIONS = _from_json(alerts), _from_json(transitions)
_UPDATE_ALERTS = sa.text(
    "UPDATE alerts SET status = new.value ->> 'status', ends_at = new.value ->> 'ends_at', "
    "last_seen_at = new.value ->> 'last_seen_at', repeats = new.value ->> 'repeats' "
    "FROM json_each(:rows) AS new WHERE alerts.id = new.value ->> 'id'"
)


def _save_as_json(conn: sa.Connection, received: Sequence[WireAlert]) -> None:
    now = _naive(datetime.now(UTC))
    keys = json.dumps([alert.fingerprint for alert in received])
    known = conn.execute(_KNOWN_OF_JSON, {"keys": keys}).mappings()
    new, changed, history = _decide(known, received, conn.scalar(_LAST_ID) or 0, now)
    for statement, rows in ((_INSERT_ALERTS, new), (_UPDATE_ALERTS, changed), (_INSERT_TRANSITIONS, history)):
        if rows:
            conn.execute(statement, {"rows": json.dumps(rows, default=str)})


async def bare(_scope: dict[str, Any], receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event.get("body", b""), event.get("more_body", False)
    if body:
        json.loads(body)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


APPLICATIONS: dict[str, Callable[[str], Any]] = {
    "naive": naive,
    "grouped": grouped,
    "json_each": json_each,
    "bare": lambda _file: bare,
}


if __name__ == "__main__":
    name, port, file = sys.argv[1:]
    uvicorn.run(APPLICATIONS[name](file), port=int(port), access_log=False, log_level="warning")
