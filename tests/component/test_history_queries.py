"""The questions of the history: what filters select, in which order, and what is kept so that it is cheap."""

import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alert_router.domain import matchers
from alert_router.domain.marks import Mark
from alert_router.domain.matchers import Matcher
from alert_router.domain.model import Alert
from alert_router.domain.retention import Retention
from alert_router.domain.runs import MAX_PAST, Run, RunState
from alert_router.services import retention
from alert_router.services.history_sums import HistorySums
from alert_router.services.retention import Pruning
from alert_router.services.search_indexing import SearchIndexing
from alert_router.store import (
    alert_extras,
    alert_list,
    card_sums,
    frequency,
    history,
    incident_list,
    insights,
    ledger,
    pruning,
    search_index,
    search_writer,
    senders,
    silences,
    timeline,
    why,
)
from alert_router.store import marks as mark_rows
from alert_router.store import runs as run_rows
from alert_router.store.engine import Unavailable
from alert_router.store.filters import Cursor, Filters, Order, Standing
from alert_router.store.search_writer import SearchWriter
from alert_router.store.silences import Silence
from alert_router.store.tables import alerts as alert_table
from alert_router.store.tables import cards as card_table
from alert_router.store.tables import deliveries as delivery_table
from alert_router.store.tables import digests as digest_table
from alert_router.store.tables import incidents as incident_table
from alert_router.store.tables import runs as run_table
from alert_router.store.tables import transitions as transition_table
from testbed.factories import DISK_FULL, at, make_signal
from testbed.router_harness import CHANNEL, RouterHarness

SEVERITIES = ("critical", "error", "warning", "info")
FEW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)


def catch_up(harness: RouterHarness) -> None:
    """As the periodic tasks do."""
    harness.run(HistorySums(harness.store, harness.writer).catch_up())
    writer = search_writer.of_store(harness.store)
    assert writer is not None
    harness.run(SearchIndexing(harness.store, writer).catch_up())


def labels_of(number: int) -> dict[str, str]:
    own = {"alertname": f"Alert{number % 3}", "severity": SEVERITIES[number % 4], "instance": f"db-{number}"}
    return own | ({"team": f"team{number % 2}"} if number % 5 else {})


@pytest.fixture
def history_of_many(harness: RouterHarness) -> RouterHarness:
    """Forty alerts of twenty incidents, the first 25 of them over; six are silenced."""
    signals = [
        make_signal(
            labels_of(number),
            starts_at=at(number),
            group_labels={"n": str(number // 2)},
            annotations={"summary": f"Disk {number} is full at {number * 7919 % 1000} %"},
        )
        for number in range(40)
    ]
    harness.accept(*signals)
    harness.accept(*[replace_end(signal, number) for number, signal in enumerate(signals[:25])])
    with harness.store.write() as conn:
        conn.execute(sa.update(alert_table).where(alert_table.c.id % 7 == 0).values(suppressed="silenced"))
    return harness


def replace_end(signal: Any, number: int) -> Any:
    return make_signal(
        signal.labels,
        starts_at=signal.starts_at,
        ends_at=signal.starts_at + timedelta(seconds=30 + number),
        group_labels=signal.group_labels,
        annotations=signal.annotations,
    )


def ids(found: Sequence[Alert]) -> list[int]:
    return [alert.id for alert in found]


def select(harness: RouterHarness, filters: Filters, order: Order = Order.NEWEST) -> list[int]:
    return ids(harness.ask(lambda conn: alert_list.find(conn, filters, limit=100, order=order)))


def parsed(text: str) -> tuple[Matcher, ...]:
    return matchers.parse_list(text)


FILTERS: dict[str, Filters] = {
    "nothing": Filters(),
    "name": Filters(alertname="Alert1"),
    "severity": Filters(severity="critical"),
    "source": Filters(source="alertmanager"),
    "team": Filters(team="team1"),
    "no team": Filters(matchers=parsed('team=""')),
    "equal": Filters(matchers=parsed('instance="db-7"')),
    "braces": Filters(matchers=parsed('{severity="error",team!="team0"}')),
    "not equal": Filters(matchers=parsed('severity!="critical",alertname!="Alert0"')),
    "prefix": Filters(matchers=parsed('instance=~"db-1.*"')),
    "optional prefix": Filters(matchers=parsed('instance=~"db-1?"')),
    "alternatives": Filters(matchers=parsed('instance=~"db-3|db-4"')),
    "not matching": Filters(matchers=parsed('instance!~"db-[0-9]"')),
    "pattern of nothing": Filters(matchers=parsed('team=~"team1|"')),
    "unknown value": Filters(matchers=parsed('instance="nope"')),
    "unknown label": Filters(matchers=parsed('nope=~".+"')),
    "text": Filters(text="disk 1"),
    "short text": Filters(text="7"),
    "text of labels": Filters(text="DB-12"),
    "JSON": Filters(text='"team":"te'),
    "no such text": Filters(text="disc"),
    "text and severity": Filters(text="full at", severity="info"),
    "range": Filters(since=at(5), until=at(30)),
    "future": Filters(since=at(9999)),
    "over": Filters(Standing.RESOLVED, alertname="Alert2"),
    "firing": Filters(Standing.FIRING, severity="warning"),
    "silenced": Filters(Standing.SILENCED),
    "never notified": Filters(notified=False),
}


@pytest.mark.parametrize("order", Order)
def test_indexes_select_what_the_conditions_select(history_of_many: RouterHarness, order: Order) -> None:
    harness = history_of_many
    without = {name: select(harness, filters, order) for name, filters in FILTERS.items()}

    catch_up(harness)

    assert {name: select(harness, filters, order) for name, filters in FILTERS.items()} == without
    assert without["nothing"]
    assert without["text"]


def test_alerts_that_the_index_does_not_know_yet_are_found(history_of_many: RouterHarness) -> None:
    harness = history_of_many
    catch_up(harness)

    harness.accept(make_signal({**DISK_FULL, "instance": "db-7"}, starts_at=at(50)))

    newest = harness.alerts()[-1].id
    assert select(harness, Filters(matchers=parsed('instance="db-7"'))) == [newest, 8]
    assert select(harness, Filters(matchers=parsed('device="sda1"'))) == [newest]


def test_index_is_built_anew_for_another_database(history_of_many: RouterHarness) -> None:
    harness = history_of_many
    catch_up(harness)
    with harness.store.write() as conn:
        for table in (transition_table, delivery_table, card_table, alert_table):
            conn.execute(sa.delete(table))

    harness.accept(make_signal(DISK_FULL))
    catch_up(harness)

    assert select(harness, Filters(alertname="DiskFull")) == [1]
    assert harness.ask(lambda conn: history.values_of(conn, "instance")) == ("db-1",)


def test_alerts_are_found_after_a_write_of_the_index_that_failed(harness: RouterHarness) -> None:
    writer = search_writer.of_store(harness.store)
    assert writer is not None
    indexing = SearchIndexing(harness.store, writer)
    harness.accept(make_signal(DISK_FULL))
    harness.run(indexing.catch_up())
    harness.accept(make_signal({"alertname": "New"}))
    with harness.store.read() as conn:
        documents = list(search_index.documents(conn, 1, 10))

    with pytest.raises((TypeError, sa.exc.DBAPIError, sqlite3.Error)):
        writer.add(1, [*documents, replace(documents[0], id=None)])  # type: ignore[arg-type] # breaks the write
    harness.run(indexing.catch_up())

    assert select(harness, Filters(matchers=parsed('alertname=~"New|Newer"'))) == [2]


def test_text_that_came_later_is_found(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL, annotations={"summary": "first words"}))
    catch_up(harness)
    harness.accept(make_signal(DISK_FULL, annotations={"summary": "other news"}))
    catch_up(harness)

    harness.accept(make_signal(DISK_FULL, annotations={"why": "it was rebooted"}, ends_at=at(5)))
    catch_up(harness)

    found = {text: select(harness, Filters(text=text)) for text in ("first words", "other news", "rebooted")}
    assert found == {"first words": [], "other news": [1], "rebooted": [1]}


def test_documents_read_before_another_router_built_anew_are_left(harness: RouterHarness) -> None:
    """To add them would leave a gap before them."""
    writer = search_writer.of_store(harness.store)
    assert writer is not None
    harness.accept(make_signal(DISK_FULL), make_signal({"alertname": "New"}))
    harness.run(SearchIndexing(harness.store, writer).catch_up())
    with harness.store.read() as conn:
        documents = list(search_index.documents(conn, 1, 10))
    writer.rebuild(1, 0)

    writer.add(1, documents)

    assert select(harness, Filters(text="DiskFull")) == [1]


def test_alerts_are_found_after_another_router_built_the_index_anew(harness: RouterHarness) -> None:
    """The labels that this router had written are gone, though the index is as far as it was."""
    first, second = search_writer.of_store(harness.store), search_writer.of_store(harness.store)
    assert first is not None
    assert second is not None
    harness.accept(make_signal(DISK_FULL))
    harness.run(SearchIndexing(harness.store, first).catch_up())
    with harness.store.read() as conn:
        documents = list(search_index.documents(conn, 0, 10))

    second.rebuild(1, 0)
    second.add(0, [replace(document, labels={}) for document in documents])
    harness.accept(make_signal(DISK_FULL, group_labels={"n": "2"}, starts_at=at(99)))
    harness.run(SearchIndexing(harness.store, first).catch_up())

    assert select(harness, Filters(matchers=parsed('alertname=~"DiskFull|X"'))) == [2, 1]


@FEW
@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8)
)
def test_any_text_is_found_where_it_stands(harness: RouterHarness, text: str) -> None:
    number = len(harness.alerts())
    labels = {"alertname": f"T{number}"}
    harness.accept(make_signal(labels, starts_at=at(number), annotations={"summary": f"a {text} b"}))
    catch_up(harness)

    assert number + 1 in select(harness, Filters(text=text))


def test_worst_first_is_firing_by_severity_then_silenced_then_over(history_of_many: RouterHarness) -> None:
    listed = history_of_many.ask(lambda conn: alert_list.find(conn, Filters(), limit=100, order=Order.WORST))

    keys = [
        (
            not alert.firing,
            alert.firing and alert.suppressed is not None,
            alert.firing and -alert.severity_rank,
        )
        for alert in listed
    ]
    assert keys == sorted(keys)
    assert len(listed) == 40


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("limit", [1, 7, 39, 40])
def test_pages_of_alerts_are_complete(history_of_many: RouterHarness, order: Order, limit: int) -> None:
    seen: list[int] = []
    after: Cursor | None = None
    for _ in itertools.count():
        page = history_of_many.ask(
            lambda conn, after=after: alert_list.page(  # type: ignore[misc] # mypy cannot type a default
                conn, Filters(), now=at(60), limit=limit, order=order, after=after
            )
        )
        seen += [one.alert.id for one in page.rows]
        if page.next is None:
            break
        after = Cursor.parse(str(page.next), order)

    assert seen == select(history_of_many, Filters(), order)


@pytest.mark.parametrize("order", Order)
def test_pages_of_incidents_show_each_once(history_of_many: RouterHarness, order: Order) -> None:
    seen: list[int] = []
    after: Cursor | None = None
    for _ in itertools.count():
        page = history_of_many.ask(
            lambda conn, after=after: incident_list.page(  # type: ignore[misc] # mypy cannot type a default
                conn, Filters(), now=at(60), limit=3, order=order, after=after
            )
        )
        seen += [one.incident.id for one in page.rows]
        if page.next is None:
            break
        after = page.next

    assert sorted(seen) == list(range(1, 21))


def test_count_stops_at_its_bound(history_of_many: RouterHarness) -> None:
    exact = history_of_many.ask(lambda conn: alert_list.count(conn, Filters()))
    bounded = history_of_many.ask(lambda conn: alert_list.count(conn, Filters(), most=10))

    assert (exact.number, exact.is_exact) == (40, True)
    assert (bounded.number, bounded.is_exact) == (10, False)


def test_acknowledged_alerts_are_listed_with_who_has_them(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL), make_signal({**DISK_FULL, "device": "b"}, group_labels={"n": "2"}))
    harness.acknowledge(1, by="Ada", note="looking")

    listed = harness.ask(
        lambda conn: alert_list.page(conn, Filters(Standing.ACKNOWLEDGED), now=at(1), limit=10)
    ).rows

    assert [one.alert.id for one in listed] == [1]
    assert listed[0].acknowledgement is not None
    assert (listed[0].acknowledgement.by, listed[0].acknowledgement.note) == ("Ada", "looking")


def test_alert_is_notified_once_its_message_is_posted(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL))
    before = listed_one(harness)

    harness.deliver()

    after = listed_one(harness)
    assert (before.notified, after.notified) == (False, True)
    assert select(harness, Filters(notified=True)) == [1]
    assert select(harness, Filters(notified=False)) == []


def test_alert_that_was_announced_late_is_no_longer_unnotified(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL))
    harness.accept(make_signal(DISK_FULL, ends_at=at(1)))
    catch_up(harness)
    before = select(harness, Filters(notified=False))

    harness.deliver()
    catch_up(harness)

    assert before == [1]
    assert select(harness, Filters(notified=False)) == []


def listed_one(harness: RouterHarness) -> alert_extras.ListedAlert:
    alert = harness.alert()
    return harness.ask(lambda conn: alert_extras.with_extras(conn, [alert], harness.clock.time()))[0]


def test_silence_stands_beside_what_it_silences(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL))
    silence = Silence("s1", "http://am", "ada", "disk swap", at(-1), at(60), parsed('device="sda1"'))
    with harness.store.write() as conn:
        conn.execute(sa.update(alert_table).values(suppressed="silenced"))
        silences.save(conn, [replace(silence, ends_at=at(10)), silence])

    listed = listed_one(harness)

    assert listed.silence == silence
    moments = harness.ask(lambda conn: timeline.of_alert(conn, harness.alert(), at(5)))
    assert [(one.by, one.text) for one in moments if one.kind == "silence"] == [("ada", "disk swap")]


def test_sums_equal_a_plain_count(history_of_many: RouterHarness) -> None:
    harness = history_of_many
    catch_up(harness)

    found = harness.ask(lambda conn: insights.of(conn, since=at(-60), until=at(120)))

    stored = harness.alerts()
    spans = sorted(int((one.ends_at - one.starts_at).total_seconds()) for one in stored if one.ends_at)
    assert found.totals.alerts == len(stored)
    assert found.totals.incidents == len(harness.incidents())
    assert {(one.severity, one.count) for one in found.by_day} == {(name, 10) for name in SEVERITIES}
    assert sum(habit.count for habit in found.habits) == len(stored)
    assert found.totals.time_to_resolve.median == spans[(len(spans) + 1) // 2 - 1]
    assert sum(cell.count for cell in found.heat) == len(stored)
    assert found.habits[0].unattended == found.habits[0].ended
    assert found.previous.alerts == 0


def test_sums_follow_what_happens_later(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL))
    catch_up(harness)
    open_ = harness.ask(lambda conn: insights.of(conn, since=at(0), until=at(0))).habits[0]

    harness.accept(make_signal(DISK_FULL, ends_at=at(7)))
    catch_up(harness)

    closed = harness.ask(lambda conn: insights.of(conn, since=at(0), until=at(0))).habits[0]
    assert (open_.ended, open_.median_duration_s) == (0, None)
    assert (closed.ended, closed.median_duration_s, closed.longest_id) == (1, 420, 1)


def test_alert_of_the_last_hour_of_all_stops_no_sums(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL, starts_at=datetime.max.replace(tzinfo=UTC)))
    catch_up(harness)

    harness.accept(make_signal({"alertname": "Later"}))
    catch_up(harness)

    since = datetime.max.replace(hour=0, tzinfo=UTC)
    assert harness.ask(lambda conn: insights.of(conn, since=at(0), until=at(0))).totals.alerts == 1
    assert select(harness, Filters(since=since)) == [1]


def test_acknowledgement_is_timed_from_the_incidents_opening(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL))
    harness.clock.move(90)
    harness.acknowledge()

    found = harness.ask(lambda conn: insights.of(conn, since=at(0), until=at(5)))

    assert found.totals.time_to_acknowledge.median == 90


def test_messages_at_night_are_counted_in_the_zone(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL))
    harness.deliver()

    totals = [
        harness.ask(lambda conn, hours=hours: insights.of(conn, since=at(0), until=at(5), zone=zone(hours)))  # type: ignore[misc]
        for hours in (0, 12)
    ]

    assert [one.totals.notified for one in totals] == [1, 1]
    assert [one.totals.at_night for one in totals] == [0, 1]


def zone(hours: int) -> Any:
    from datetime import timezone  # noqa: PLC0415 - only here

    return timezone(timedelta(hours=hours))


def test_histogram_counts_the_selected_alerts(history_of_many: RouterHarness) -> None:
    harness = history_of_many
    catch_up(harness)

    for filters, number in ((Filters(), 40), (Filters(severity="info"), 10), (Filters(text="Disk 1"), 11)):
        bars = harness.ask(
            lambda conn, filters=filters: frequency.histogram(  # type: ignore[misc]
                conn, filters, since=at(0), until=at(60)
            )
        ).bars
        assert sum(bar.total for bar in bars) == number


def test_strip_shows_when_a_label_set_fired(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL, starts_at=at(0), ends_at=at(30)))
    harness.accept(make_signal(DISK_FULL, starts_at=at(90), ends_at=at(120)))
    newest = harness.alerts()[-1]

    strip = harness.ask(
        lambda conn: frequency.strips(conn, [newest], now=at(120), span=timedelta(hours=2), cells=2)
    )[newest.id]

    assert [(cell.began, cell.firing_share) for cell in strip] == [(1, 0.5), (1, 0.5)]


def test_kept_card_sums_change_no_ledger(
    history_of_many: RouterHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = history_of_many
    monkeypatch.setattr(card_sums, "SETTLED", 2)
    harness.deliver_for(600)
    before = harness.ledger()

    catch_up(harness)

    assert harness.ledger() == before
    assert harness.ask(lambda conn: conn.scalar(sa.select(ledger.since(ledger.CARDS)))) == 18
    assert before.balanced
    assert before.wanted == 20


def test_ledger_shows_a_card_that_is_lost_after_the_sums(
    history_of_many: RouterHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = history_of_many
    monkeypatch.setattr(card_sums, "SETTLED", 2)
    with harness.store.write() as conn:
        conn.execute(sa.delete(card_table).where(card_table.c.incident_id == 3))

    catch_up(harness)

    assert not harness.ledger().balanced


def test_why_says_what_held_a_message_back(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL))
    harness.deliver()
    harness.clock.move(180)
    harness.accept(make_signal({**DISK_FULL, "device": "b"}))
    harness.clock.move(60)
    second = harness.alerts()[-1]

    [answer] = harness.ask(lambda conn: why.of(conn, second, harness.clock.time()))

    assert answer.announced_at is None
    assert answer.sentence == "no new message: joined an incident notified 4 min ago (renotify_after 30 min)"


def test_why_says_which_message_announced_an_alert(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL))
    harness.deliver()
    harness.clock.move(120)

    [answer] = harness.ask(lambda conn: why.of(conn, harness.alert(), harness.clock.time()))

    assert answer.sentence == "notified 2 min ago: the first message of the incident"
    assert answer.announced_at == at(0)


# Retention


def prune(harness: RouterHarness, kept: Retention) -> None:
    work = Pruning(harness.store, harness.writer, kept, harness.clock.time, steady=lambda: 0.0)
    harness.run(work.run(until=1.0, report=lambda _kind, _number: None))


@pytest.fixture
def old(history_of_many: RouterHarness) -> RouterHarness:
    """All of it delivered, and two days ago."""
    history_of_many.deliver_for(600)
    catch_up(history_of_many)
    history_of_many.clock.move(2 * 86400)
    return history_of_many


def test_retention_removes_what_is_over_and_keeps_what_fires(old: RouterHarness) -> None:
    firing = [incident.id for incident in old.incidents() if incident.is_firing]

    prune(old, Retention(alerts=timedelta(days=1)))

    assert [incident.id for incident in old.incidents()] == firing
    assert {alert.incident_id for alert in old.alerts()} == set(firing)
    assert {card.incident_id for card in old.cards()} == set(firing)
    assert old.ledger().balanced
    assert old.ledger().wanted == len(firing)


def test_retention_keeps_the_sums_of_what_it_removed(old: RouterHarness) -> None:
    prune(old, Retention(alerts=timedelta(days=1)))
    catch_up(old)

    found = old.ask(lambda conn: insights.of(conn, since=at(0), until=at(60)))
    assert found.totals.alerts == 40


def test_retention_of_deliveries_keeps_those_of_what_fires(old: RouterHarness) -> None:
    prune(old, Retention(deliveries=timedelta(days=1)))

    query = (
        sa.select(incident_table.c.status)
        .distinct()
        .select_from(
            delivery_table.join(card_table, card_table.c.id == delivery_table.c.card_id).join(
                incident_table, incident_table.c.id == card_table.c.incident_id
            )
        )
    )
    assert old.ask(lambda conn: list(conn.scalars(query))) == ["firing"]


@pytest.mark.parametrize("step", [pruning.deliveries_before, pruning.decisions_before])
def test_incident_that_fires_for_long_holds_up_no_retention(harness: RouterHarness, step: Any) -> None:
    harness.accept(make_signal(DISK_FULL, starts_at=at(0)))
    harness.deliver_for(60)
    harness.accept(make_signal(starts_at=at(0), ends_at=at(1)))
    harness.deliver_for(60)

    with harness.store.write() as conn:
        removed = step(conn, at(99999), 1)

    assert removed == 1


def test_retention_removes_old_runs_marks_and_silences(harness: RouterHarness) -> None:
    """Of a job that stays with its newest runs, only those before them."""
    with harness.store.write() as conn:
        for number in range(MAX_PAST + 3):
            run_rows.save(conn, Run("often", f"{number}", RunState.SUCCEEDED, at(number)))
        run_rows.save(conn, Run("once", "1", RunState.SUCCEEDED, at(0)))
        for minute, key in ((0, "old"), (3 * 1440, "new")):
            mark_rows.add(conn, Mark(at(minute), key), key=key)
            silences.save(conn, [Silence(key, "am", "ada", "", at(minute), at(minute), ())])
    harness.clock.move(3 * 86400)

    prune(harness, Retention(alerts=timedelta(days=1)))

    query = sa.select(run_table.c.run_id).where(run_table.c.job == "often").order_by(run_table.c.at)
    left = harness.ask(lambda conn: conn.scalars(query).all())
    assert (len(left), left[0]) == (MAX_PAST, "3")
    assert harness.ask(lambda conn: len(run_rows.last(conn, "once", 9))) == 1
    assert [mark.title for mark in harness.ask(lambda conn: mark_rows.between(conn, at(0), at(9999)))] == [
        "new"
    ]
    assert harness.ask(lambda conn: [one.id for one in silences.all_since(conn, at(-1))]) == ["new"]


def test_receivers_are_bounded_and_the_newest_stay(
    harness: RouterHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "MAX_RECEIVERS", 2)
    with harness.store.write() as conn:
        for number in range(5):
            senders.record_receiver(conn, f"r{number}", at(number))

    prune(harness, Retention(None, None, None, None))

    assert harness.ask(senders.receiver_names) == {"r3", "r4"}


def test_everything_is_kept_for_ever_when_asked(old: RouterHarness) -> None:
    prune(old, Retention(None, None, None, None))

    assert len(old.alerts()) == 40


NUMBERED = (incident_table, alert_table, transition_table, card_table, digest_table)


def test_retention_gives_no_id_twice(harness: RouterHarness) -> None:
    """Neither those of incidents and alerts, which links and bookmarks name, nor those of a digest's card."""
    signals = [make_signal({"alertname": f"A{n}"}, group_labels={"n": str(n)}) for n in range(80)]
    harness.accept(*signals)
    harness.deliver_for(600)
    harness.accept(*[replace_end(signal, 60) for signal in signals])
    harness.deliver_for(600)
    harness.clock.move(30 * 86400)
    harness.deliver_for(600)
    newest = harness.ask(newest_ids)
    harness.clock.move(2 * 86400)

    prune(harness, Retention(alerts=timedelta(days=1)))

    assert harness.ask(newest_ids) == newest
    assert len(harness.incidents()) < 5


def newest_ids(conn: sa.Connection) -> list[int]:
    return [conn.scalar(sa.select(sa.func.max(table.c.id))) or 0 for table in NUMBERED]


def test_step_that_held_the_writer_is_followed_by_a_smaller_one() -> None:
    size = retention.BatchSize(rows=100)

    size.took(0.2)

    assert size.rows == 25


def test_incident_of_many_alerts_goes_in_steps(harness: RouterHarness) -> None:
    signals = [make_signal({**DISK_FULL, "n": str(n)}, starts_at=at(0), ends_at=at(1)) for n in range(50)]
    harness.accept(*signals)
    harness.accept(make_signal(starts_at=at(0)))
    removed: list[int] = []

    with harness.store.write() as conn:
        while number := pruning.incidents_over(conn, at(99999), 5):
            removed.append(number)

    assert max(removed) < 100
    assert len(harness.alerts()) == 1
    assert len(harness.incidents()) == 1


# Questions and their indexes


def plans(harness: RouterHarness, question: Any) -> Iterator[str]:
    """How the database goes about each statement of the question, with its indexes attached."""
    statements: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    sa.event.listen(harness.store.readers, "before_cursor_execute", note)
    harness.ask(question)
    sa.event.remove(harness.store.readers, "before_cursor_execute", note)
    sqlite = harness.store.dialect == "sqlite"
    explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
    with harness.store.read() as conn:
        if not sqlite:
            conn.execute(sa.text("SET LOCAL enable_seqscan = off"))
        for statement, parameters in statements:
            if statement.lstrip().startswith(("SELECT", "WITH")):
                for row in conn.exec_driver_sql(f"{explain} {statement}", parameters):
                    yield str(row[-1])


SMALL = (
    *("receivers", "heartbeats", "bookmarks", "card_sums", "silences", "quarantine"),
    *("json_each", "k", "keys", "digest", "least", "anon", "candidates", "names", "SUBQUERY", "CONSTANT"),
    *("pragma_table_list", "progress", "day_durations"),
)
"""Tables that stay small, values that a statement brings, and other statements' results."""
QUESTIONS: dict[str, Any] = {
    **{
        f"{order}, {name}": lambda conn, filters=filters, order=order: alert_list.page(
            conn, filters, now=at(60), limit=10, order=order
        )
        for order in Order
        for name, filters in FILTERS.items()
        if name != "short text"
    },
    "incidents": lambda conn: incident_list.page(conn, Filters(), now=at(60), limit=10),
    "insights": lambda conn: insights.of(conn, since=at(0), until=at(60)),
    "alertnames": history.alertnames,
    "label names": history.label_names,
    "ledger": lambda conn: ledger.of(conn, CHANNEL),
    "one alert": lambda conn: history.alert_detail(conn, 7),
    "why": lambda conn: why.of(conn, history.alert_detail(conn, 7).alert, at(60)),  # type: ignore[union-attr]
}


def is_full_scan(line: str) -> bool:
    """A scan of a table or of a whole index; the newest rows of a table, until a page is full, are none."""
    if "Seq Scan" in line:
        return not any(name in line for name in SMALL)
    if not line.startswith("SCAN ") or "VIRTUAL TABLE" in line:
        return False
    words = line.split()
    return not any(name in words[1] for name in (*SMALL, "("))


def analyze_as_if_large(harness: RouterHarness) -> None:
    """As after ANALYZE at a million alerts: of forty, to read all is best."""
    with harness.store.write() as conn:
        conn.exec_driver_sql("ANALYZE")
        if harness.store.dialect == "sqlite":
            rows = conn.exec_driver_sql("SELECT rowid, stat FROM sqlite_stat1").all()
            for rowid, stat in rows:
                numbers = [str(int(n) * 25_000 if n != "1" else 1) for n in stat.split()]
                conn.exec_driver_sql(
                    "UPDATE sqlite_stat1 SET stat = ? WHERE rowid = ?", (" ".join(numbers), rowid)
                )
    harness.store.readers.dispose()


@pytest.mark.parametrize("analyzed", [False, True], ids=["fresh", "analyzed"])
def test_no_question_of_the_history_scans_a_table(history_of_many: RouterHarness, analyzed: bool) -> None:
    harness = history_of_many
    harness.deliver_for(600)
    catch_up(harness)
    if analyzed:
        analyze_as_if_large(harness)

    found = {
        name: scans
        for name, question in QUESTIONS.items()
        if (scans := set(filter(is_full_scan, plans(harness, question))))
    }

    assert found == {}


@pytest.mark.parametrize(
    "fault", [sqlite3.OperationalError("disk is full"), sa.exc.OperationalError("", {}, OSError())]
)
def test_index_without_a_database_waits_for_it(harness: RouterHarness, fault: Exception) -> None:
    class Away:
        def coverage(self) -> None:
            raise fault

    indexing = SearchIndexing(harness.store, cast("SearchWriter", Away()))

    with pytest.raises(Unavailable):
        harness.run(indexing.run_once())
