"""What time alone does: reminders of what still fires and nobody has taken on; reports that run out."""

from datetime import timedelta

import pytest

from alert_router.domain.model import Status
from alert_router.services.timers import Timers
from testbed.factories import API_DOWN, DRIFT_HIGH, NOON, RULES, at, event_json, make_signal
from testbed.router_harness import RouterHarness

EVERY = {"critical": 4 * 3600.0}
FOUR_HOURS = 4 * 3600.0


def test_what_still_fires_is_told_again_by_a_new_message_every_four_hours(harness: RouterHarness) -> None:
    harness.run(harness.delivery.prepare())
    harness.accept(make_signal())
    harness.deliver()

    reminded = [harness.pass_time(FOUR_HOURS / 2, remind_every_s=EVERY) for _ in range(4)]
    harness.deliver_for(10)

    assert reminded == [0, 1, 0, 1]
    first, newest = harness.discord.messages()
    assert f"/{newest.id}" in str(first.embeds)
    assert "🔴" in newest.embeds[0]["title"]
    assert [card.state for card in harness.cards()] == ["delivered", "delivered"]


@pytest.mark.parametrize(
    ("labels", "seconds"),
    [(DRIFT_HIGH, FOUR_HOURS), (API_DOWN, FOUR_HOURS - 1)],
    ids=["a severity that is not named", "too soon"],
)
def test_other_alerts_get_no_reminder(harness: RouterHarness, labels: dict[str, str], seconds: float) -> None:
    harness.accept(make_signal(labels))
    harness.deliver()

    assert harness.pass_time(seconds, remind_every_s=EVERY) == 0
    assert len(harness.cards()) == 1


def test_a_severity_is_named_in_whatever_case(harness: RouterHarness) -> None:
    harness.accept(make_signal({**API_DOWN, "severity": "Critical"}))
    harness.deliver()

    assert harness.pass_time(FOUR_HOURS, remind_every_s=EVERY) == 1


def test_what_is_over_is_not_reminded_of(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(5)))
    harness.deliver()

    assert harness.pass_time(FOUR_HOURS, remind_every_s=EVERY) == 0


def test_what_somebody_has_taken_on_stays_quiet_until_it_fires_anew(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.deliver()
    harness.acknowledge(by="Ada *Lovelace*", note="on it")
    harness.deliver()

    assert harness.pass_time(FOUR_HOURS, remind_every_s=EVERY) == 0
    timers = Timers(harness.intake, EVERY, RULES)
    assert not harness.ask(lambda conn: timers.is_due(conn, harness.clock.time())), "nor is it asked again"
    fields = {one["name"]: one["value"] for one in harness.discord.messages()[0].embeds[0]["fields"]}
    assert fields["Acknowledged by"] == "Ada \\*Lovelace\\*"
    assert harness.kinds() == ["opened", "acknowledged"]
    harness.accept(make_signal(ends_at=at(250)))
    harness.accept(make_signal(starts_at=at(251)))

    assert harness.pass_time(FOUR_HOURS, remind_every_s=EVERY) == 1
    assert harness.incidents()[0].acknowledged_by is None


@pytest.mark.parametrize("alert_id", [1, 99], ids=["it is over", "there is none"])
def test_only_what_fires_can_be_taken_on(harness: RouterHarness, alert_id: int) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(5)))

    assert not harness.acknowledge(alert_id)
    assert "acknowledged" not in harness.kinds()


def test_a_reminder_nobody_has_seen_is_not_followed_by_another_message(harness: RouterHarness) -> None:
    harness.discord.delete_webhook("1")
    harness.accept(make_signal())
    harness.deliver()

    for _ in range(5):
        harness.pass_time(FOUR_HOURS, remind_every_s=EVERY)
    harness.discord.revive_webhook("1")
    harness.deliver_for(180)

    assert len(harness.discord.creates) == 1
    assert harness.incidents()[0].generation == 6
    assert harness.ledger().balanced


def test_a_report_that_runs_out_when_people_would_be_reminded_of_it_is_over(harness: RouterHarness) -> None:
    """Both are due after a weekend in which the router was down; each must see what the other did."""
    harness.report(event_json("performance_alert", r2=0.1))
    harness.deliver()

    harness.pass_time(timedelta(days=9).total_seconds(), remind_every_s=EVERY)
    harness.deliver_for(10)

    assert harness.alert().status is Status.RESOLVED
    assert [(incident.status, incident.firing) for incident in harness.incidents()] == [(Status.RESOLVED, 0)]
    assert harness.pass_time(FOUR_HOURS, remind_every_s=EVERY) == 0
    assert [message.embeds[0]["title"][0] for message in harness.discord.messages()] == ["🟢"]


def test_a_hold_written_before_the_clock_stepped_back_is_not_held_for_days(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(5)))
    harness.clock.wrong_by_s = timedelta(days=10).total_seconds()
    harness.accept(make_signal())

    harness.clock.wrong_by_s = 0.0
    harness.pass_time(121)

    assert harness.alert().firing
    assert harness.alert().starts_at == NOON


def test_a_hold_written_by_a_clock_a_little_ahead_is_held_all_the_same(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(5)))
    harness.clock.wrong_by_s = 2.0
    harness.accept(make_signal())

    harness.clock.wrong_by_s = 0.0
    harness.pass_time(0)

    assert not harness.alert().firing
    assert harness.alert().held_until is not None


def test_a_turn_that_waited_long_to_write_ends_no_hold_that_began_meanwhile(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal(ends_at=at(1)))
    harness.accept(make_signal())
    now = harness.clock.time()
    asked_and_written = iter([now - timedelta(minutes=1), now])

    changed = harness.run(Timers(harness.intake, {}, RULES).turn(lambda: next(asked_and_written)))

    assert changed == 0
    assert harness.alert().held_until is not None
    assert harness.kinds() == ["opened", "resolved"]
