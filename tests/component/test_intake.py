"""Signals in, through the real store: alerts, incidents and cards are stored together or not at all."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alert_router.domain.model import Receipt, RefusedBody, Signal, Status
from alert_router.services.reports import EventReceipt
from alert_router.sources.webhook import WebhookMessage
from alert_router.store.engine import Unavailable, open_store
from alert_router.store.table_writer import MAX_ROWS
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


def message(harness: RouterHarness, signal: Signal) -> WebhookMessage:
    return WebhookMessage("alertmanager", harness.clock.time(), (signal,))


def assert_consistent(harness: RouterHarness) -> None:
    alerts, incidents = harness.alerts(), {incident.id: incident for incident in harness.incidents()}
    firing = Counter(alert.incident_id for alert in alerts if alert.firing)
    assert {id_: incident.firing for id_, incident in incidents.items()} == {
        id_: firing[id_] for id_ in incidents
    }
    assert all(incident.is_firing == (incident.firing > 0) for incident in incidents.values())
    assert all((incident.resolved_at is None) == incident.is_firing for incident in incidents.values())
    assert all(alert.ends_at is None or alert.ends_at >= alert.starts_at for alert in alerts)
    assert all((alert.ends_at is None) == alert.firing for alert in alerts)
    assert max(Counter((a.source, a.fingerprint, a.starts_at) for a in alerts).values(), default=1) == 1
    assert max(Counter((a.source, a.fingerprint) for a in alerts if a.firing).values(), default=1) == 1
    with_card = {card.incident_id for card in harness.cards()}
    assert with_card == set(incidents), "every incident has a card"


def test_accepted_alert_is_stored_with_its_transition_and_card(harness: RouterHarness) -> None:
    receipt = harness.accept(make_signal())

    assert receipt == Receipt(accepted=1)
    assert (harness.alert().status, harness.kinds()) == (Status.FIRING, ["opened"])
    assert [(card.state, card.priority) for card in harness.cards()] == [("pending", 0)]
    assert_consistent(harness)


def test_alerts_of_one_group_share_an_incident(harness: RouterHarness) -> None:
    harness.accept(*[make_signal({**DISK_FULL, "instance": f"db-{n}"}) for n in range(5)])

    assert [incident.firing for incident in harness.incidents()] == [5]
    assert len(harness.cards()) == 1


def test_many_alerts_of_one_webhook_fire_and_resolve(harness: RouterHarness) -> None:
    instances = [{**DISK_FULL, "instance": f"db-{n}"} for n in range(2 * MAX_ROWS + 5)]
    harness.accept(*map(make_signal, instances))
    firing = harness.alerts()

    receipt = harness.accept(*[make_signal(labels, ends_at=at(5)) for labels in instances])

    assert receipt == Receipt(accepted=len(instances))
    assert [alert.labels for alert in harness.alerts()] == [alert.labels for alert in firing] == instances
    assert {(alert.status, alert.ends_at) for alert in harness.alerts()} == {(Status.RESOLVED, at(5))}
    assert harness.kinds() == ["opened"] * len(instances) + ["resolved"] * len(instances)
    assert_consistent(harness)


def test_webhook_sent_twice_changes_counters_only(harness: RouterHarness) -> None:
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


def test_same_alert_twice_in_one_webhook_is_one_alert(harness: RouterHarness) -> None:
    assert harness.accept(make_signal(), make_signal()) == Receipt(accepted=1, duplicates=1)

    assert harness.alert().repeats == 1


def test_refused_alert_is_kept_in_the_same_transaction(harness: RouterHarness) -> None:
    receipt = harness.accept(
        make_signal(), refused=[RefusedBody(at(0), "alertmanager", "alerts.1.startsAt: no time", b'{"a":1}')]
    )

    kept = harness.ask(lambda conn: conn.execute(sa.select(quarantine)).one())
    assert (receipt.accepted, receipt.quarantined) == (1, 1)
    assert (kept.body, kept.reason, kept.at) == (b'{"a":1}', "alerts.1.startsAt: no time", at(0))


def test_reason_with_a_nul_is_kept(harness: RouterHarness) -> None:
    harness.accept(refused=[RefusedBody(at(0), "alertmanager", "alerts.0.labels.a\x00b: no text", b"\x00")])

    assert harness.ask(lambda conn: conn.scalar(sa.select(quarantine.c.body))) == b"\x00"


def test_refire_within_flap_window_reuses_the_card(
    harness: RouterHarness,
) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))
    harness.clock.move(29 * 60)

    harness.accept(make_signal(starts_at=at(29)))

    assert [(incident.flaps, incident.firing) for incident in harness.incidents()] == [(1, 1)]
    assert [alert.flaps for alert in harness.alerts()] == [0, 1]
    assert len(harness.cards()) == 1
    assert_consistent(harness)


def test_refire_after_the_flap_window_creates_a_card(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))
    harness.clock.move(31 * 60)

    harness.accept(make_signal(starts_at=at(31)))

    first, second = harness.incidents()
    assert (second.previous_id, second.flaps) == (first.id, 0)
    assert len(harness.cards()) == 2
    assert_consistent(harness)


def test_rising_severity_adds_a_card_to_a_sent_one(harness: RouterHarness) -> None:
    harness.accept(make_signal(DRIFT_HIGH))
    harness.deliver()

    harness.accept(make_signal(SEVERE_DRIFT))

    assert [(card.generation, card.priority) for card in harness.cards()] == [(1, 3), (2, 0)]


def test_rising_severity_reuses_an_unsent_card(harness: RouterHarness) -> None:
    harness.accept(make_signal(DRIFT_HIGH))

    harness.accept(make_signal(SEVERE_DRIFT))

    assert [(card.generation, card.priority, card.mention_of) for card in harness.cards()] == [(1, 0, 2)]


def test_rising_severity_under_a_lease_costs_no_webhook(
    harness: RouterHarness,
) -> None:
    """A card under delivery keeps its generation; released unsent, it must not block the next."""
    group = {"alertname": "Load"}
    for rank, severity in enumerate(("info", "warning", "error", "critical")):
        labels = {**group, "severity": severity, "instance": str(rank)}
        harness.lease_cards()
        harness.accept(make_signal(labels, group_labels=group))
        harness.release_cards()
        harness.accept(make_signal({**labels, "instance": "x"}, group_labels=group))

    receipt = harness.accept(make_signal({**group, "severity": "critical"}, group_labels=group))

    assert receipt.accepted == 1
    assert [card.generation for card in harness.cards()] == [1], "the one that is not sent shows all of them"
    assert_consistent(harness)


def test_missed_resolve_keeps_the_incident_open(harness: RouterHarness) -> None:
    harness.accept(make_signal())

    harness.accept(make_signal(starts_at=at(5)))

    assert harness.kinds() == ["opened", "superseded", "opened"]
    assert [(incident.status, incident.firing, incident.flaps) for incident in harness.incidents()] == [
        (Status.FIRING, 1, 0)
    ]
    assert_consistent(harness)


def test_late_firing_is_not_shown_while_held(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))

    receipt = harness.accept(make_signal())
    harness.pass_time(119)

    assert receipt == Receipt(duplicates=1, held=1)
    assert harness.alert().status is Status.RESOLVED
    assert harness.kinds() == ["opened", "resolved"]


def test_unanswered_hold_reopens_the_alert(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))
    harness.accept(make_signal())

    changed = harness.pass_time(120)

    assert changed == 1
    assert (harness.alert().status, harness.alert().ends_at) == (Status.FIRING, None)
    assert harness.kinds() == ["opened", "resolved", "reopened"]
    assert_consistent(harness)


def test_answered_hold_never_reopens(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))

    changed = harness.pass_time(10_000)

    assert (changed, harness.alert().status) == (0, Status.RESOLVED)
    assert harness.kinds() == ["opened", "resolved", "late_duplicate"]


def test_time_alone_changes_no_firing_alert(harness: RouterHarness) -> None:
    harness.accept(make_signal())

    assert harness.pass_time(10**7) == 0


def test_failed_training_joins_the_incident_of_prometheus(harness: RouterHarness) -> None:
    labels = {"alertname": "TrainingFailure", "severity": "critical", "model_type": "rf"}
    harness.accept(make_signal(labels, group_labels={"alertname": "TrainingFailure", "model_type": "rf"}))

    receipt = harness.report(event_json())

    assert receipt.new
    assert [incident.firing for incident in harness.incidents()] == [2]
    assert {alert.source for alert in harness.alerts()} == {"alertmanager", "events"}
    assert len(harness.cards()) == 1


def test_repeated_event_is_the_same_alert(harness: RouterHarness) -> None:
    first = harness.report(event_json())

    again = harness.report(event_json(try_number=2))

    assert (first.new, again.new) == (True, False)
    assert first.alert_id == again.alert_id
    assert harness.alert().repeats == 0
    assert harness.kinds() == ["opened"]


def test_idempotency_key_identifies_an_event(harness: RouterHarness) -> None:
    first = harness.report(event_json(), idempotency_key="a")
    same = harness.report(event_json("drift_alert"), idempotency_key="a")
    other = harness.report(event_json(dag_id="another"), idempotency_key="b")

    assert (same.alert_id, same.new) == (first.alert_id, False)
    assert other.new


def test_concurrent_copies_of_an_event_are_one_alert(harness: RouterHarness) -> None:
    async def together() -> list[EventReceipt]:
        return await asyncio.gather(*(harness.reporting(event_json()) for _ in range(20)))

    receipts = harness.run(together())

    assert sorted(receipt.new for receipt in receipts) == [False] * 19 + [True]
    assert {receipt.alert_id for receipt in receipts} == {harness.alert().id}


def test_success_resolves_the_failure(harness: RouterHarness) -> None:
    failed = harness.report(event_json())
    harness.clock.move(600)

    receipt = harness.report(
        event_json("training_success", run_id="next", occurred_at="2026-09-24T12:10:00Z")
    )

    assert (receipt.alert_id, receipt.new) == (failed.alert_id, True)
    assert (harness.alert().status, harness.alert().ends_at) == (Status.RESOLVED, at(10))
    assert harness.kinds() == ["opened", "resolved"]


@pytest.mark.parametrize("changes", [{"dag_id": "another"}, {"model_type": "gb"}])
def test_success_of_another_job_resolves_nothing(harness: RouterHarness, changes: dict[str, Any]) -> None:
    harness.report(event_json())

    harness.report(event_json("training_success", run_id="next", **changes))

    assert [alert.status for alert in harness.alerts()] == [Status.FIRING, Status.RESOLVED]


def test_success_alone_is_an_alert_of_its_own(harness: RouterHarness) -> None:
    receipt = harness.report(event_json("training_success"))

    assert (harness.alert().id, harness.alert().status) == (receipt.alert_id, Status.RESOLVED)
    assert harness.alert().alertname == "TrainingSuccess"
    assert [card.priority for card in harness.cards()] == [1]


WEEK = 7 * 24 * 60


@pytest.mark.parametrize("run_id", ["one", "two"], ids=["cleared", "next"])
@pytest.mark.parametrize("type_", ["drift_alert", "performance_alert"])
def test_recovery_resolves_the_alert_and_its_card_says_why(
    harness: RouterHarness, type_: str, run_id: str
) -> None:
    harness.report(event_json(type_, run_id="one"))
    harness.deliver()

    over = event_json(type_, run_id=run_id, status="resolved", r2=0.91, occurred_at=wire_time(at(WEEK)))
    receipts = [harness.report(over), harness.report(over)]
    harness.deliver_for(5)

    assert [receipt.new for receipt in receipts] == [True, False]
    assert harness.alert().ends_at == at(WEEK)
    [message] = harness.discord.messages()
    assert "🟢" in message.embeds[0]["title"]
    assert "✅" in message.embeds[0]["description"]
    assert "R² 0.910" in message.embeds[0]["description"]


def test_recovery_without_an_open_alert_is_informational(harness: RouterHarness) -> None:
    harness.report(event_json("performance_alert", status="resolved", r2=0.91))

    assert (harness.alert().alertname, harness.alert().severity) == ("ModelPerformanceRecovered", "info")
    assert not harness.alert().firing


def test_warning_performance_resolves_the_critical_alert(harness: RouterHarness) -> None:
    harness.report(event_json("performance_alert", run_id="one", r2=0.5))

    better = event_json("performance_alert", run_id="two", r2=0.68, occurred_at=wire_time(at(WEEK)))
    receipts = [harness.report(better), harness.report(better)]

    assert [receipt.new for receipt in receipts] == [True, False]
    assert [(alert.alertname, alert.firing) for alert in harness.alerts()] == [
        ("ModelPerformanceCritical", False),
        ("ModelPerformanceWarning", True),
    ]


def test_success_sent_twice_counts_once(harness: RouterHarness) -> None:
    harness.report(event_json())
    success = event_json("training_success", run_id="next", occurred_at="2026-09-24T12:10:00Z")

    first, again = harness.report(success), harness.report(success)

    assert (again.alert_id, again.new) == (first.alert_id, False)
    assert len(harness.alerts()) == 1


def test_unrepeated_event_resolves_when_it_expires(harness: RouterHarness) -> None:
    harness.report(event_json("api_error"))

    changed = harness.pass_time(3600)

    assert changed == 1
    assert (harness.alert().status, harness.alert().ends_at) == (Status.RESOLVED, at(60))
    assert_consistent(harness)


def test_repeated_event_stays_open(harness: RouterHarness) -> None:
    harness.report(event_json("api_error"))
    harness.clock.move(1800)
    harness.report(event_json("api_error", run_id="b", occurred_at="2026-09-24T12:30:00Z"))

    changed = harness.pass_time(1801)

    assert changed == 0
    assert [alert.firing for alert in harness.alerts()] == [False, True]
    assert [incident.firing for incident in harness.incidents()] == [1]


def test_late_event_of_an_old_run_is_counted_only(harness: RouterHarness) -> None:
    harness.report(event_json("drift_alert", occurred_at="2026-09-24T12:00:00Z"))
    harness.pass_time(9 * 86400)

    receipt = harness.report(event_json("drift_alert", run_id="older", occurred_at="2026-09-24T11:00:00Z"))

    assert not receipt.new
    assert (harness.alert().status, harness.alert().held_until) == (Status.RESOLVED, None)


def test_waiting_webhooks_share_a_commit(harness: RouterHarness) -> None:
    transactions = 0

    @sa.event.listens_for(harness.store.writer, "commit")
    def _(_conn: sa.Connection) -> None:
        nonlocal transactions
        transactions += 1

    async def together() -> list[Receipt]:
        messages = [message(harness, make_signal({**DISK_FULL, "n": str(n)})) for n in range(200)]
        return await asyncio.gather(*map(harness.intake.accept, messages))

    receipts = harness.run(together())

    assert receipts == [Receipt(accepted=1)] * 200
    assert len(harness.alerts()) == 200
    assert transactions < 50
    assert_consistent(harness)


def test_failing_webhook_does_not_cost_its_batch(harness: RouterHarness) -> None:
    poison = make_signal(DISK_FULL, starts_at=at(0).replace(tzinfo=None))

    async def together() -> list[Receipt | BaseException]:
        signals = [make_signal(), poison, make_signal(DRIFT_HIGH)]
        messages = [message(harness, signal) for signal in signals]
        return await asyncio.gather(*map(harness.intake.accept, messages), return_exceptions=True)

    first, middle, last = harness.run(together())

    assert (first, last) == (Receipt(accepted=1), Receipt(accepted=1))
    assert isinstance(middle, ValueError)
    assert {alert.alertname for alert in harness.alerts()} == {"ApiDown", "DriftHigh"}
    assert_consistent(harness)


def test_unavailable_database_fails_every_waiting_job() -> None:
    store = open_store("sqlite:////nowhere/router.db")
    writer = Writer(store)
    writer.start()

    async def together() -> list[Any]:
        return await asyncio.gather(
            *(writer.run(lambda _conn: None) for _ in range(10)), return_exceptions=True
        )

    answers = asyncio.run(together())

    writer.close()
    store.close()
    assert [type(answer) for answer in answers] == [Unavailable] * 10


def test_closing_writer_finishes_waiting_jobs(harness: RouterHarness) -> None:
    async def hand_in_and_close() -> Receipt:
        waiting = asyncio.ensure_future(harness.intake.accept(message(harness, make_signal())))
        await asyncio.sleep(0)
        await asyncio.to_thread(harness.writer.close)
        return await waiting

    receipt = harness.run(hand_in_and_close())

    assert receipt.accepted == 1
    assert harness.alert().firing
    harness.restart_writer()


def test_alert_is_not_stored_without_its_card(harness: RouterHarness) -> None:
    with harness.store.write() as conn:
        conn.execute(sa.text("ALTER TABLE cards RENAME TO cards_away"))

    with pytest.raises((sa.exc.DBAPIError, Unavailable)):
        harness.accept(make_signal())

    assert harness.alerts() == []
    assert harness.kinds() == []


@FEWER
@given(story=stories(max_gap_s=400))
def test_final_state_is_correct_in_the_store(harness: RouterHarness, story: Story) -> None:
    labels = {**API_DOWN, "instance": f"api-{len(harness.alerts())}"}
    for moment, notification in story.moments():
        harness.clock.now = moment.timestamp()
        harness.pass_time()
        harness.accept(
            notification.signal(labels=labels, fingerprint=labels["instance"], group_labels=labels)
        )
    harness.pass_time(RULES.hold_s)

    alerts = [alert for alert in harness.alerts() if alert.fingerprint == labels["instance"]]
    newest = max(alerts, key=lambda alert: alert.starts_at)
    assert (newest.starts_at, newest.ends_at) == (story.last.starts_at, story.last.ends_at)
    assert len({alert.starts_at for alert in alerts}) == len(alerts) <= len(story.episodes)
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
def test_any_webhooks_keep_the_tables_consistent(
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


def test_repeat_makes_no_card_due(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.deliver()

    harness.accept(make_signal())

    assert [card.due_at for card in harness.cards()] == [None]
    count = harness.ask(lambda conn: conn.scalar(sa.select(sa.func.count()).select_from(transitions)))
    assert count == 1
    assert harness.ask(lambda conn: conn.scalar(sa.select(cards.c.wanted_rev))) == 1
