"""What time alone changes: reminders of unacknowledged incidents, holds and events that run out."""

from datetime import timedelta

import pytest

from alert_router.domain.model import Status
from alert_router.services.timers import Timers
from testbed.factories import API_DOWN, DRIFT_HIGH, NOON, RULES, at, event_json, make_signal
from testbed.router_harness import RouterHarness

FOUR_HOURS = 4 * 3600.0


@pytest.fixture
def harness(harness: RouterHarness) -> RouterHarness:
    """With reminders of critical alerts."""
    harness.remind_every("critical=4h")
    return harness


def test_firing_incident_is_reminded_of_every_four_hours(harness: RouterHarness) -> None:
    harness.run(harness.delivery.prepare())
    harness.accept(make_signal())
    harness.deliver()

    reminded = []
    for _ in range(4):
        reminded.append(harness.pass_time(FOUR_HOURS / 2))
        harness.deliver()
        harness.pass_time()
    harness.deliver_for(10)

    assert reminded == [0, 1, 0, 1]
    first, _, newest = harness.discord.messages()
    assert f"/{newest.id}" in str(first.embeds)
    assert "🔴" in newest.embeds[0]["title"]
    assert [(card.state, card.reason) for card in harness.cards()] == [
        ("delivered", "first"),
        ("delivered", "reminder"),
        ("delivered", "reminder"),
    ]


@pytest.mark.parametrize(
    ("labels", "seconds"),
    [(DRIFT_HIGH, FOUR_HOURS), (API_DOWN, FOUR_HOURS - 1)],
    ids=["a severity without reminders", "too soon"],
)
def test_reminder_depends_on_severity_and_time(
    harness: RouterHarness, labels: dict[str, str], seconds: float
) -> None:
    harness.accept(make_signal(labels))
    harness.deliver()

    assert harness.pass_time(seconds) == 0
    assert len(harness.cards()) == 1


def test_reminder_ignores_the_case_of_the_severity(harness: RouterHarness) -> None:
    harness.accept(make_signal({**API_DOWN, "severity": "Critical"}))
    harness.deliver()

    assert harness.pass_time(FOUR_HOURS) == 1


def test_resolved_incident_gets_no_reminder(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(5)))
    harness.deliver()

    assert harness.pass_time(FOUR_HOURS) == 0


def test_acknowledged_incident_gets_no_reminder_until_it_reopens(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.deliver()
    harness.acknowledge(by="Ada *Lovelace*", note="on it")
    harness.deliver()

    assert harness.pass_time(FOUR_HOURS) == 0
    timers = Timers(harness.intake, harness.store, harness.clock.time, RULES)
    assert not timers._is_due(), "it costs no write"
    assert "Ada \\*Lovelace\\* has it" in harness.discord.messages()[0].embeds[0]["description"]
    assert harness.kinds() == ["opened", "acknowledged"]
    harness.accept(make_signal(ends_at=at(250)))
    harness.accept(make_signal(starts_at=at(251)))
    harness.deliver_for(10)
    harness.pass_time()

    assert harness.pass_time(FOUR_HOURS) == 1
    assert harness.incidents()[0].acknowledged_by is None


@pytest.mark.parametrize("alert_id", [1, 99], ids=["resolved", "unknown"])
def test_only_firing_incidents_can_be_acknowledged(harness: RouterHarness, alert_id: int) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(5)))

    assert not harness.acknowledge(alert_id)
    assert "acknowledged" not in harness.kinds()


def test_unsent_reminders_become_one_message(harness: RouterHarness) -> None:
    harness.discord.delete_webhook("1")
    harness.accept(make_signal())
    harness.deliver()

    for _ in range(5):
        harness.pass_time(FOUR_HOURS)
    harness.discord.revive_webhook("1")
    harness.deliver_for(180)

    assert len(harness.discord.creates) == 1
    assert [(card.generation, card.reason) for card in harness.cards()] == [(1, "first")]
    assert harness.ledger().balanced


def test_event_that_expires_when_a_reminder_is_due_resolves(harness: RouterHarness) -> None:
    """Both are due after a weekend in which the router was down; each must see the change of the other."""
    harness.report(event_json("performance_alert", r2=0.1))
    harness.deliver()

    harness.pass_time(timedelta(days=9).total_seconds())
    harness.deliver_for(10)

    assert harness.alert().status is Status.RESOLVED
    assert [(incident.status, incident.firing) for incident in harness.incidents()] == [(Status.RESOLVED, 0)]
    assert harness.pass_time(FOUR_HOURS) == 0
    assert [message.embeds[0]["title"][0] for message in harness.discord.messages()] == ["🟢"]


def test_hold_written_before_the_clock_was_set_back_ends(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(5)))
    harness.clock.wrong_by_s = timedelta(days=10).total_seconds()
    harness.accept(make_signal())

    harness.clock.wrong_by_s = 0.0
    harness.pass_time(121)

    assert harness.alert().firing
    assert harness.alert().starts_at == NOON


def test_hold_written_by_a_slightly_fast_clock_is_kept(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(5)))
    harness.clock.wrong_by_s = 2.0
    harness.accept(make_signal())

    harness.clock.wrong_by_s = 0.0
    harness.pass_time(0)

    assert not harness.alert().firing
    assert harness.alert().held_until is not None


def test_timers_that_waited_for_the_writer_keep_newer_holds(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))
    harness.accept(make_signal())
    now = harness.clock.time()
    before = now - timedelta(minutes=1)
    times = iter([before, before, now])  # of the query, the request and the transaction

    changed = harness.run(Timers(harness.intake, harness.store, times.__next__, RULES).run_once())

    assert changed == 0
    assert harness.alert().held_until is not None
    assert harness.kinds() == ["opened", "resolved"]
