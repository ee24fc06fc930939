"""Signals in, through the real store: what is kept, what is told, and that nothing is kept by half."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alert_router.domain.model import Receipt, Signal, Status
from alert_router.services.intake import Batch, Told
from alert_router.store.engine import Unavailable, open_store
from alert_router.store.quarantine import Refused
from alert_router.store.tables import cards, quarantine, transitions
from alert_router.store.writer import Writer
from testbed.factories import (
    API_DOWN,
    DISK_FULL,
    DRIFT_HIGH,
    RULES,
    Clock,
    at,
    event_json,
    make_signal,
    wire_time,
)
from testbed.fakes.discord import DiscordState
from testbed.replicas import Story, stories
from testbed.router_harness import DATABASES, NewDatabase, RouterHarness

SEVERE_DRIFT = {**DRIFT_HIGH, "severity": "critical"}
DRIFT = {"alertname": "DriftHigh"}
FEWER = settings(
    max_examples=max(settings.default.max_examples // 5, 5) if settings.default else 10,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def assert_consistent(harness: RouterHarness) -> None:
    alerts, incidents = harness.alerts(), {incident.id: incident for incident in harness.incidents()}
    firing = Counter(alert.incident_id for alert in alerts if alert.firing)
    assert {id_: one.firing for id_, one in incidents.items()} == {id_: firing[id_] for id_ in incidents}
    assert all(one.is_firing == (one.firing > 0) for one in incidents.values())
    assert all((one.resolved_at is None) == one.is_firing for one in incidents.values())
    assert all(alert.ends_at is None or alert.ends_at >= alert.starts_at for alert in alerts)
    assert all((alert.ends_at is None) == alert.firing for alert in alerts)
    assert max(Counter((a.source, a.fingerprint, a.starts_at) for a in alerts).values(), default=1) == 1
    assert max(Counter((a.source, a.fingerprint) for a in alerts if a.firing).values(), default=1) == 1
    told = {card.incident_id for card in harness.cards()}
    assert told == set(incidents), "every incident has a card"


# --- one webhook


def test_an_accepted_alert_is_kept_with_its_history_and_the_wish_to_tell(harness: RouterHarness) -> None:
    receipt = harness.accept(make_signal())

    assert receipt == Receipt(accepted=1)
    assert (harness.alert().status, harness.kinds()) == (Status.FIRING, ["opened"])
    assert [(card.state, card.priority) for card in harness.cards()] == [("pending", 0)]
    assert_consistent(harness)


def test_alerts_of_one_group_are_one_incident(harness: RouterHarness) -> None:
    harness.accept(*[make_signal({**DISK_FULL, "instance": f"db-{n}"}) for n in range(5)])

    assert [incident.firing for incident in harness.incidents()] == [5]
    assert len(harness.cards()) == 1


def test_a_body_sent_twice_changes_nothing_but_counters(harness: RouterHarness) -> None:
    body = (
        make_signal(),
        make_signal(DISK_FULL, ends_at=at(5)),
        make_signal(DISK_FULL, starts_at=at(6)),
        make_signal(DRIFT_HIGH),
    )
    harness.accept(*body)
    before = [(a.id, a.status, a.starts_at, a.ends_at, a.incident_id) for a in harness.alerts()]
    harness.deliver()
    requests = len(harness.discord.requests)

    again = harness.accept(*body)

    assert again == Receipt(duplicates=4)
    assert [(a.id, a.status, a.starts_at, a.ends_at, a.incident_id) for a in harness.alerts()] == before
    harness.deliver()
    assert len(harness.discord.requests) == requests
    assert sum(alert.repeats for alert in harness.alerts()) == 4
    assert_consistent(harness)


def test_the_same_alert_twice_in_one_body_is_one_alert(harness: RouterHarness) -> None:
    assert harness.accept(make_signal(), make_signal()) == Receipt(accepted=1, duplicates=1)

    assert harness.alert().repeats == 1


def test_what_was_refused_is_kept_in_the_same_transaction(harness: RouterHarness) -> None:
    receipt = harness.accept(
        make_signal(), refused=[Refused(at(0), "alertmanager", "alerts.1.startsAt: no time", b'{"a":1}')]
    )

    kept = harness.ask(lambda conn: conn.execute(sa.select(quarantine)).one())
    assert (receipt.accepted, receipt.quarantined) == (1, 1)
    assert (kept.body, kept.reason, kept.at) == (b'{"a":1}', "alerts.1.startsAt: no time", at(0))


def test_a_reason_with_a_nul_can_be_kept_too(harness: RouterHarness) -> None:
    harness.accept(refused=[Refused(at(0), "alertmanager", "alerts.0.labels.a\x00b: no text", b"\x00")])

    assert harness.ask(lambda conn: conn.scalar(sa.select(quarantine.c.body))) == b"\x00"


# --- incidents over time


def test_refire_within_flap_window_reuses_the_card(
    harness: RouterHarness,
) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))
    harness.clock.move(29 * 60)

    harness.accept(make_signal(starts_at=at(29)))

    assert [(one.flaps, one.firing) for one in harness.incidents()] == [(1, 1)]
    assert [alert.flaps for alert in harness.alerts()] == [0, 1]
    assert len(harness.cards()) == 1
    assert_consistent(harness)


def test_an_incident_that_fires_again_later_is_told_anew(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))
    harness.clock.move(31 * 60)

    harness.accept(make_signal(starts_at=at(31)))

    first, second = harness.incidents()
    assert (second.previous_id, second.flaps) == (first.id, 0)
    assert len(harness.cards()) == 2
    assert_consistent(harness)


def test_a_rising_severity_asks_for_a_new_card_when_the_old_one_was_seen(harness: RouterHarness) -> None:
    harness.accept(make_signal(DRIFT_HIGH))
    harness.deliver()

    harness.accept(make_signal(SEVERE_DRIFT))

    assert [(card.generation, card.priority) for card in harness.cards()] == [(1, 3), (2, 0)]


def test_a_rising_severity_takes_over_a_card_nobody_has_seen(harness: RouterHarness) -> None:
    harness.accept(make_signal(DRIFT_HIGH))

    harness.accept(make_signal(SEVERE_DRIFT))

    assert [(card.generation, card.priority) for card in harness.cards()] == [(2, 0)]


def test_rising_severity_while_discord_is_away_costs_no_webhook(
    harness: RouterHarness,
) -> None:
    """A card under delivery keeps its generation; let go unsent, it must not be in the way of the next."""
    group = {"alertname": "Load"}
    for rank, severity in enumerate(("info", "warning", "error", "critical")):
        labels = {**group, "severity": severity, "instance": str(rank)}
        harness.lease_cards()
        harness.accept(make_signal(labels, group_labels=group))
        harness.release_cards()
        harness.accept(make_signal({**labels, "instance": "x"}, group_labels=group))

    receipt = harness.accept(make_signal({**group, "severity": "critical"}, group_labels=group))

    assert receipt.accepted == 1
    assert max(card.generation for card in harness.cards()) == harness.incidents()[0].generation
    assert_consistent(harness)


def test_a_missed_resolve_hands_the_incident_on_without_closing_it(harness: RouterHarness) -> None:
    harness.accept(make_signal())

    harness.accept(make_signal(starts_at=at(5)))

    assert harness.kinds() == ["opened", "superseded", "opened"]
    assert [(one.status, one.firing, one.flaps) for one in harness.incidents()] == [(Status.FIRING, 1, 0)]
    assert_consistent(harness)


# --- time


def test_a_late_firing_is_not_told_while_it_is_held(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))

    receipt = harness.accept(make_signal())
    harness.pass_time(119)

    assert receipt == Receipt(duplicates=1, held=1)
    assert harness.alert().status is Status.RESOLVED
    assert harness.kinds() == ["opened", "resolved"]


def test_a_held_firing_that_nobody_answers_reopens_its_alert(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))
    harness.accept(make_signal())

    changed = harness.pass_time(120)

    assert changed == 1
    assert (harness.alert().status, harness.alert().ends_at) == (Status.FIRING, None)
    assert harness.kinds() == ["opened", "resolved", "reopened"]
    assert_consistent(harness)


def test_a_held_firing_that_is_answered_never_reopens(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))

    changed = harness.pass_time(10_000)

    assert (changed, harness.alert().status) == (0, Status.RESOLVED)
    assert harness.kinds() == ["opened", "resolved", "late_duplicate"]


def test_time_that_changes_nothing_changes_nothing(harness: RouterHarness) -> None:
    harness.accept(make_signal())

    assert harness.pass_time(10**7) == 0


# --- reports


def test_a_failed_training_joins_the_incident_of_prometheus(harness: RouterHarness) -> None:
    labels = {"alertname": "TrainingFailure", "severity": "critical", "model_type": "rf"}
    harness.accept(make_signal(labels, group_labels={"alertname": "TrainingFailure", "model_type": "rf"}))

    told = harness.report(event_json())

    assert told.new
    assert [one.firing for one in harness.incidents()] == [2]
    assert {alert.source for alert in harness.alerts()} == {"alertmanager", "events"}
    assert len(harness.cards()) == 1


def test_the_same_report_again_is_the_same_alert(harness: RouterHarness) -> None:
    first = harness.report(event_json())

    again = harness.report(event_json(try_number=2))

    assert (first.new, again.new) == (True, False)
    assert first.alert_id == again.alert_id
    assert harness.alert().repeats == 0
    assert harness.kinds() == ["opened"]


def test_an_idempotency_key_makes_two_reports_one_and_one_report_two(harness: RouterHarness) -> None:
    first = harness.report(event_json(), idempotency_key="a")
    same = harness.report(event_json("drift_alert"), idempotency_key="a")
    other = harness.report(event_json(dag_id="another"), idempotency_key="b")

    assert (same.alert_id, same.new) == (first.alert_id, False)
    assert other.new


def test_the_same_report_many_times_at_once_is_one_alert(harness: RouterHarness) -> None:
    async def together() -> list[Told]:
        return await asyncio.gather(*(harness.reporting(event_json()) for _ in range(20)))

    told = harness.run(together())

    assert sorted(one.new for one in told) == [False] * 19 + [True]
    assert {one.alert_id for one in told} == {harness.alert().id}


def test_a_success_resolves_the_failure_and_tells_it(harness: RouterHarness) -> None:
    failed = harness.report(event_json())
    harness.clock.move(600)

    told = harness.report(event_json("training_success", run_id="next", occurred_at="2026-09-24T12:10:00Z"))

    assert (told.alert_id, told.new) == (failed.alert_id, True)
    assert (harness.alert().status, harness.alert().ends_at) == (Status.RESOLVED, at(10))
    assert harness.kinds() == ["opened", "resolved"]


@pytest.mark.parametrize("changes", [{"dag_id": "another"}, {"model_type": "gb"}])
def test_success_of_another_job_resolves_nothing(harness: RouterHarness, changes: dict[str, Any]) -> None:
    harness.report(event_json())

    harness.report(event_json("training_success", run_id="next", **changes))

    assert [alert.status for alert in harness.alerts()] == [Status.FIRING, Status.RESOLVED]


def test_a_success_alone_stands_for_itself(harness: RouterHarness) -> None:
    told = harness.report(event_json("training_success"))

    assert (harness.alert().id, harness.alert().status) == (told.alert_id, Status.RESOLVED)
    assert harness.alert().alertname == "TrainingSuccess"
    assert [card.priority for card in harness.cards()] == [1]


WEEK = 7 * 24 * 60


@pytest.mark.parametrize("run_id", ["one", "two"], ids=["cleared", "next"])
@pytest.mark.parametrize("type_", ["drift_alert", "performance_alert"])
def test_a_recovery_without_a_deployment_ends_what_was_told_and_says_so_on_its_card(
    harness: RouterHarness, type_: str, run_id: str
) -> None:
    harness.report(event_json(type_, run_id="one"))
    harness.deliver()

    over = event_json(type_, run_id=run_id, status="resolved", r2=0.91, occurred_at=wire_time(at(WEEK)))
    told = [harness.report(over), harness.report(over)]
    harness.deliver_for(5)

    assert [one.new for one in told] == [True, False]
    assert harness.alert().ends_at == at(WEEK)
    [message] = harness.discord.messages()
    assert "🟢" in message.embeds[0]["title"]
    assert "R² 0.910" in str(message.embeds[0]["fields"])


def test_a_recovery_from_what_nobody_knows_is_an_information(harness: RouterHarness) -> None:
    harness.report(event_json("performance_alert", status="resolved", r2=0.91))

    assert (harness.alert().alertname, harness.alert().severity) == ("ModelPerformanceRecovered", "info")
    assert not harness.alert().firing


def test_a_model_that_gets_a_little_better_is_no_longer_told_as_critical(harness: RouterHarness) -> None:
    harness.report(event_json("performance_alert", run_id="one", r2=0.5))

    better = event_json("performance_alert", run_id="two", r2=0.68, occurred_at=wire_time(at(WEEK)))
    told = [harness.report(better), harness.report(better)]

    assert [one.new for one in told] == [True, False]
    assert [(alert.alertname, alert.firing) for alert in harness.alerts()] == [
        ("ModelPerformanceCritical", False),
        ("ModelPerformanceWarning", True),
    ]


def test_a_success_told_twice_is_told_once(harness: RouterHarness) -> None:
    harness.report(event_json())
    success = event_json("training_success", run_id="next", occurred_at="2026-09-24T12:10:00Z")

    first, again = harness.report(success), harness.report(success)

    assert (again.alert_id, again.new) == (first.alert_id, False)
    assert len(harness.alerts()) == 1


def test_a_report_nobody_repeats_is_over_when_it_expires(harness: RouterHarness) -> None:
    harness.report(event_json("api_error"))

    changed = harness.pass_time(3600)

    assert changed == 1
    assert (harness.alert().status, harness.alert().ends_at) == (Status.RESOLVED, at(60))
    assert_consistent(harness)


def test_a_report_that_is_repeated_goes_on(harness: RouterHarness) -> None:
    harness.report(event_json("api_error"))
    harness.clock.move(1800)
    harness.report(event_json("api_error", run_id="b", occurred_at="2026-09-24T12:30:00Z"))

    changed = harness.pass_time(1801)

    assert changed == 0
    assert [alert.firing for alert in harness.alerts()] == [False, True]
    assert [one.firing for one in harness.incidents()] == [1]


def test_an_old_report_that_comes_late_is_only_counted(harness: RouterHarness) -> None:
    harness.report(event_json("drift_alert", occurred_at="2026-09-24T12:00:00Z"))
    harness.pass_time(9 * 86400)

    told = harness.report(event_json("drift_alert", run_id="older", occurred_at="2026-09-24T11:00:00Z"))

    assert not told.new
    assert (harness.alert().status, harness.alert().held_until) == (Status.RESOLVED, None)


# --- the writer


def test_many_who_wait_share_a_commit(harness: RouterHarness) -> None:
    transactions = 0

    @sa.event.listens_for(harness.store.writer, "commit")
    def _(_conn: sa.Connection) -> None:
        nonlocal transactions
        transactions += 1

    async def together() -> list[Receipt]:
        batches = [
            Batch((make_signal({**DISK_FULL, "n": str(n)}),), harness.clock.time()) for n in range(200)
        ]
        return await asyncio.gather(*map(harness.intake.accept, batches))

    receipts = harness.run(together())

    assert receipts == [Receipt(accepted=1)] * 200
    assert len(harness.alerts()) == 200
    assert transactions < 50
    assert_consistent(harness)


def test_one_who_cannot_be_written_does_not_cost_the_others(harness: RouterHarness) -> None:
    poison = make_signal(DISK_FULL, starts_at=at(0).replace(tzinfo=None))

    async def together() -> list[Receipt | BaseException]:
        signals = [make_signal(), poison, make_signal(DRIFT_HIGH)]
        batches = [Batch((signal,), harness.clock.time()) for signal in signals]
        return await asyncio.gather(*map(harness.intake.accept, batches), return_exceptions=True)

    first, middle, last = harness.run(together())

    assert (first, last) == (Receipt(accepted=1), Receipt(accepted=1))
    assert isinstance(middle, sa.exc.StatementError)
    assert {alert.alertname for alert in harness.alerts()} == {"ApiDown", "DriftHigh"}
    assert_consistent(harness)


def test_when_the_database_is_away_all_who_wait_are_told_so() -> None:
    store = open_store("sqlite:////nowhere/router.db")
    writer = Writer(store)
    writer.start()

    async def together() -> list[Any]:
        jobs = (writer.submit(lambda _conn, given: given, n) for n in range(10))
        return await asyncio.gather(*jobs, return_exceptions=True)

    answers = asyncio.run(together())

    writer.close()
    store.close()
    assert [type(answer) for answer in answers] == [Unavailable] * 10


def test_what_was_handed_in_before_closing_is_written(harness: RouterHarness) -> None:
    async def hand_in_and_close() -> Receipt:
        waiting = asyncio.ensure_future(harness.intake.accept(Batch((make_signal(),), harness.clock.time())))
        await asyncio.sleep(0)
        await asyncio.to_thread(harness.writer.close)
        return await waiting

    receipt = harness.run(hand_in_and_close())

    assert receipt.accepted == 1
    assert harness.alert().firing
    harness.restart_writer()


def test_when_the_cards_cannot_be_written_neither_is_the_alert(harness: RouterHarness) -> None:
    with harness.store.write() as conn:
        conn.execute(sa.text("ALTER TABLE cards RENAME TO cards_away"))

    with pytest.raises((sa.exc.DBAPIError, Unavailable)):
        harness.accept(make_signal())

    assert harness.alerts() == []
    assert harness.kinds() == []


# --- properties


@FEWER
@given(story=stories(most_gap_s=400))
def test_through_the_real_store_too_the_end_state_is_the_truth(harness: RouterHarness, story: Story) -> None:
    labels = {**API_DOWN, "instance": f"api-{len(harness.alerts())}"}
    for moment, saying in story.moments():
        harness.clock.now = moment.timestamp()
        harness.pass_time()
        harness.accept(saying.signal(labels=labels, fingerprint=labels["instance"], group_labels=labels))
    harness.pass_time(RULES.hold_s)

    found = [alert for alert in harness.alerts() if alert.fingerprint == labels["instance"]]
    newest = max(found, key=lambda alert: alert.starts_at)
    assert (newest.starts_at, newest.ends_at) == (story.last.starts_at, story.last.ends_at)
    assert len({alert.starts_at for alert in found}) == len(found) <= len(story.episodes)
    assert_consistent(harness)


SIGNALS = st.builds(
    lambda labels, start, length: (labels, start, length),
    st.sampled_from([API_DOWN, DISK_FULL, DRIFT_HIGH, SEVERE_DRIFT]),
    st.integers(-10, 40),
    st.none() | st.integers(0, 30),
)


@pytest.mark.parametrize("kind", DATABASES)
@FEWER
@given(webhooks=st.lists(st.tuples(st.lists(SIGNALS, max_size=5), st.integers(0, 3000)), max_size=12))
def test_whatever_comes_in_the_books_balance(
    new_database: NewDatabase, kind: str, discord: DiscordState, webhooks: list[Any]
) -> None:
    with new_database(kind) as url, RouterHarness.opened(url, Clock(), discord) as harness:
        for signals, seconds in webhooks:
            harness.pass_time(seconds)
            harness.accept(*[_signal(labels, start, length) for labels, start, length in signals])

            assert_consistent(harness)


def _signal(labels: dict[str, str], start: int, length: int | None) -> Signal:
    ends_at = None if length is None else at(start) + timedelta(minutes=length)
    return make_signal(
        labels, starts_at=at(start), ends_at=ends_at, group_labels={"team": labels["severity"]}
    )


def test_no_wish_is_written_for_what_nobody_needs_to_hear(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.deliver()

    harness.accept(make_signal())

    assert [card.due_at for card in harness.cards()] == [None]
    count = harness.ask(lambda conn: conn.scalar(sa.select(sa.func.count()).select_from(transitions)))
    assert count == 1
    assert harness.ask(lambda conn: conn.scalar(sa.select(cards.c.wanted_rev))) == 1
