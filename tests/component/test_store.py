"""The tables: made by migrations and by nothing else; hot questions use their index."""

import itertools
import random
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from alert_router.domain import incidents as incident_rules
from alert_router.domain.model import FALLBACK, Fingerprint, Rules
from alert_router.domain.rate_limits import Capacity
from alert_router.store import (
    alert_list,
    alerts,
    card_queue,
    engine,
    fallback_cards,
    history,
    incidents,
    migrate,
    rate_limits,
    senders,
)
from alert_router.store.engine import Store, Unavailable, open_store
from alert_router.store.fallback_cards import StuckCriteria
from alert_router.store.filters import Cursor, Filters, Standing
from alert_router.store.table_writer import Changes
from alert_router.store.tables import UtcDateTime, metadata
from alert_router.store.tables import alerts as alert_table
from testbed.factories import DISK_FULL, NOON, at, make_alert, make_signal
from testbed.router_harness import CHANNEL, NewDatabase, RouterHarness

Question = Callable[[sa.Connection], Any]


def test_migrations_create_exactly_the_tables(store: Store) -> None:
    with store.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})

        assert compare_metadata(context, metadata) == []


def test_every_migration_can_be_downgraded(store: Store) -> None:
    migrate.downgrade(store, "base")

    with store.read() as conn:
        left = set(sa.inspect(conn).get_table_names())
    assert left == {"alembic_version"}
    migrate.upgrade(store)
    migrate.upgrade(store)


def test_naive_time_is_refused(store: Store) -> None:
    question = sa.select(alert_table.c.id).where(alert_table.c.starts_at > NOON.replace(tzinfo=None))

    with store.read() as conn, pytest.raises(sa.exc.StatementError, match="naive time"):
        conn.execute(question)


ODD = {"quote": "\"\\ '", "sign": "é 🚲 %s ?", "empty": ""}
SPEAKERS = ({"source_url": "http://eu", "starts_at": "2026-09-24T12:00:00+00:00"},)


def test_alert_reads_back_as_it_was_written_and_changed(store: Store) -> None:
    elsewhere = datetime.fromisoformat("2026-09-24T14:00:00.000001+02:00")
    incident = incident_rules.add_alert(
        None, make_alert(), {}, NOON, key="{}", rules=Rules(), new_id=lambda: 1
    )
    alert = replace(make_alert(), incident_id=1, labels=ODD, annotations={}, held_until=elsewhere)
    changed = replace(alert, annotations=ODD, held_until=None, also_firing=SPEAKERS, repeats=2)

    with store.write() as conn:
        incidents.save(conn, Changes([incident]))
        alerts.save(conn, Changes([alert]), [])
        first = alerts.by_id(conn, alert.id)
        names = ("annotations", "held_until", "also_firing", "repeats")
        alerts.save(conn, Changes(changed={names: [changed]}), [])
        second = alerts.by_id(conn, alert.id)

    assert first == replace(alert, also_firing=[])
    assert second == replace(changed, also_firing=list(SPEAKERS))


@pytest.mark.parametrize("moment", [NOON, at(1 / 60e6), datetime.fromisoformat("2026-09-24T14:00:00+02:00")])
def test_time_round_trips_in_utc(store: Store, moment: datetime) -> None:
    value = sa.literal(moment, UtcDateTime())

    with store.read() as conn:
        stored = conn.scalar(
            sa.select(sa.cast(value, UtcDateTime()) if store.dialect == "postgresql" else value)
        )

    assert stored == moment
    assert stored is not None
    assert stored.utcoffset() is not None
    assert stored.utcoffset() == NOON.utcoffset()


def test_read_transaction_rolls_back(harness: RouterHarness) -> None:
    harness.accept(make_signal())

    with harness.store.read() as conn:
        conn.execute(sa.update(alert_table).values(severity="none"))

    assert harness.alert().severity == "critical"


def test_failed_transaction_rolls_back(harness: RouterHarness) -> None:
    harness.accept(make_signal())

    def fail() -> None:
        with harness.store.write() as conn:
            conn.execute(sa.update(alert_table).values(severity="none"))
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert harness.alert().severity == "critical"


def test_write_transaction_is_exclusive_from_its_start(sqlite_url: str) -> None:
    """A deferred BEGIN would let two in, and fail one of them at its first write, busy_timeout or not."""
    store = open_store(sqlite_url)
    stranger = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None, timeout=0)

    with store.write(), pytest.raises(sqlite3.OperationalError, match="locked"):
        stranger.execute("BEGIN IMMEDIATE")

    stranger.close()
    store.close()


def test_write_waits_for_another_and_times_out(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.05)
    first, other = open_store(database_url), open_store(database_url)

    with first.write(), pytest.raises(Unavailable), other.write():
        pytest.fail("two write at once")

    with other.write():
        pass
    first.close()
    other.close()


@pytest.mark.postgres
def test_frozen_write_transaction_is_ended(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's file has one router, whose end lets go of the lock; PostgreSQL has several."""
    monkeypatch.setattr(engine, "FROZEN_S", 0.2)
    with new_database("postgresql") as url:
        frozen, other = open_store(url), open_store(url)

        held = ExitStack()
        held.enter_context(frozen.write())

        with other.write():
            pass

        with pytest.raises(Unavailable):
            held.close()
        frozen.close()
        other.close()


def test_episode_is_unique(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    row = harness.ask(lambda conn: conn.execute(sa.select(alert_table)).mappings().one())

    with harness.store.write() as conn, pytest.raises(sa.exc.IntegrityError):
        conn.execute(sa.insert(alert_table).values({**row, "id": 99}))


def test_missing_database_is_unavailable() -> None:
    store = open_store("sqlite:////nowhere/at/all.db")

    with pytest.raises(Unavailable), store.write():
        pytest.fail("there is no database")
    store.close()


@pytest.fixture
def busy(harness: RouterHarness) -> RouterHarness:
    """Some hundred alerts, so that the planner has something to plan."""
    signals = [make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n % 40)}) for n in range(300)]
    harness.accept(*signals)
    harness.accept(
        *[
            make_signal(signal.labels, ends_at=at(1), group_labels=signal.group_labels)
            for signal in signals[:200]
        ]
    )
    return harness


def claim(conn: sa.Connection) -> object:
    return card_queue.claim(conn, CHANNEL, at(2), Capacity(0), lease="me")


HOT: dict[str, tuple[Question, set[str]]] = {
    "which card is delivered next": (claim, {"ix_cards_due"}),
    "what is known of these fingerprints": (
        lambda conn: alerts.newest(conn, "alertmanager", [Fingerprint("a"), Fingerprint("b")]),
        {"sqlite_autoindex_alerts_1"},
    ),
    "which incident does a group join": (
        lambda conn: incidents.by_ids(conn, [], ['{"n":"1"}']),
        {"ix_incidents_key_id"},
    ),
    "what does time change": (
        lambda conn: alerts.due(conn, at(2), hold_s=120),
        {"ix_alerts_held_until"},
    ),
    "has this report been received": (
        lambda conn: alerts.id_by_event(conn, "x"),
        {"sqlite_autoindex_transitions_1"},
    ),
    "is there room for another request": (
        lambda conn: rate_limits.capacity(conn, [CHANNEL], [CHANNEL], at(2), per_minute=30),
        {"ix_deliveries_channel_at", "ix_cards_leased"},
    ),
    "what does the fallback tell, and what must it": (
        lambda conn: (
            fallback_cards.outdated(
                conn, CHANNEL, FALLBACK, StuckCriteria(at_once=False, failures=5, since=at(1))
            ),
            fallback_cards.over(conn, CHANNEL, FALLBACK),
        ),
        {"ix_cards_mirrors", "ix_cards_state"},
    ),
    "a page under the filters people combine most": (
        lambda conn: alert_list.page(
            conn,
            Filters(Standing.FIRING, severity="warning", alertname="DiskFull"),
            now=at(2),
            limit=50,
            after=Cursor(200),
        ),
        {"ix_alerts_firing"},
    ),
    "a page of one alertname": (
        lambda conn: alert_list.page(
            conn, Filters(alertname="DiskFull"), now=at(2), limit=50, after=Cursor(200)
        ),
        {"ix_alerts_alertname_id"},
    ),
    "one alert with its life": (
        lambda conn: history.alert_detail(conn, 7),
        {"ix_transitions_alert_id_id", "ix_deliveries_card_id_id", "ix_alerts_incident_id_id"},
    ),
}


UNIQUE = {
    "sqlite_autoindex_alerts_1": "uq_alerts_source_fingerprint_starts_at",
    "sqlite_autoindex_transitions_1": "uq_transitions_event_key",
}
"""SQLite's name of a constraint's index, and PostgreSQL's."""


@pytest.mark.parametrize("question", HOT)
def test_hot_query_uses_its_index(busy: RouterHarness, question: str) -> None:
    ask, indexes = HOT[question]
    if busy.store.dialect == "postgresql":
        indexes = {UNIQUE.get(name, name) for name in indexes}

    text = "\n".join(itertools.chain.from_iterable(plans_of(busy, ask)))

    assert {index for index in indexes if index not in text} == set(), text
    assert not [line for line in text.splitlines() if scans_a_table(line)], text


def scans_a_table(line: str) -> bool:
    if "Seq Scan" in line:
        return True
    return line.startswith("SCAN ") and not any(
        part in line for part in (" USING ", "VIRTUAL TABLE", "CONSTANT ROW")
    )


def plans_of(harness: RouterHarness, ask: Question) -> list[list[str]]:
    """How the database goes about each statement of the question."""
    statements: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    sa.event.listen(harness.store.writer, "before_cursor_execute", note)
    with harness.store.write() as conn:
        ask(conn)
    sa.event.remove(harness.store.writer, "before_cursor_execute", note)
    sqlite = harness.store.dialect == "sqlite"
    explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
    with harness.store.read() as conn:
        if not sqlite:  # a few hundred rows are read faster than an index; this asks whether one would serve
            conn.execute(sa.text("SET LOCAL enable_seqscan = off"))
        return [
            [str(row[-1]) for row in conn.exec_driver_sql(f"{explain} {statement}", parameters)]
            for statement, parameters in statements
            if "BEGIN" not in statement and "advisory" not in statement
        ]


@pytest.mark.postgres
def test_readers_do_not_block_the_writer(new_database: NewDatabase) -> None:
    with new_database("postgresql") as url, closing(open_store(url)) as store, ExitStack() as readers:
        for _ in range(8):
            readers.enter_context(store.read())

        with store.write() as conn:
            assert conn.scalar(sa.select(1)) == 1


@pytest.mark.postgres
def test_times_are_utc_whatever_the_servers_zone(new_database: NewDatabase) -> None:
    """In Berlin the last hours of the year 9999 are those of a year that Python does not know."""
    last = datetime.max.replace(tzinfo=UTC, microsecond=0)
    with new_database("postgresql") as url:
        with closing(open_store(url)) as store, store.write() as conn:
            name = conn.scalar(sa.select(sa.func.current_database()))
            conn.exec_driver_sql(f"ALTER DATABASE {name} SET timezone = 'Europe/Berlin'")
        with closing(open_store(url)) as store, store.read() as conn:
            assert conn.scalar(sa.select(sa.cast(sa.literal(last), sa.DateTime(timezone=True)))) == last


@pytest.mark.postgres
def test_value_too_large_for_postgresql_is_not_unavailable(new_database: NewDatabase) -> None:
    incompressible = random.Random(1).randbytes(5_000).hex()  # noqa: S311 - no secret
    with (
        new_database("postgresql") as url,
        closing(open_store(url)) as store,
        pytest.raises(sa.exc.OperationalError, match="index row"),
        store.write() as conn,
    ):
        senders.record_receiver(conn, incompressible, at(0))
