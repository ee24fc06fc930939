"""What time alone does: reminders of what still fires and nobody has taken on; reports that run out."""

from datetime import timedelta

import pytest

from alert_router.domain.model import Status
from alert_router.services.timers import Timekeeping
from testbed.factories import API_DOWN, DRIFT_HIGH, NOON, RULES, at, event_json, make_signal
from testbed.router_harness import House

EVERY = {"critical": 4 * 3600.0}
FOUR_HOURS = 4 * 3600.0


def test_what_still_fires_is_told_again_by_a_new_message_every_four_hours(house: House) -> None:
    house.run(house.delivery.prepare())
    house.accept(make_signal())
    house.deliver()

    reminded = [house.pass_time(FOUR_HOURS / 2, remind_every_s=EVERY) for _ in range(4)]
    house.deliver_for(10)

    assert reminded == [0, 1, 0, 1]
    first, newest = house.discord.messages()
    assert f"/{newest.id}" in str(first.embeds)
    assert "🔴" in newest.embeds[0]["title"]
    assert [card.state for card in house.cards()] == ["delivered", "delivered"]


@pytest.mark.parametrize(
    ("labels", "seconds"),
    [(DRIFT_HIGH, FOUR_HOURS), (API_DOWN, FOUR_HOURS - 1)],
    ids=["a severity that is not named", "too soon"],
)
def test_nobody_is_reminded_of_anything_else(house: House, labels: dict[str, str], seconds: float) -> None:
    house.accept(make_signal(labels))
    house.deliver()

    assert house.pass_time(seconds, remind_every_s=EVERY) == 0
    assert len(house.cards()) == 1


def test_a_severity_is_named_in_whatever_case(house: House) -> None:
    house.accept(make_signal({**API_DOWN, "severity": "Critical"}))
    house.deliver()

    assert house.pass_time(FOUR_HOURS, remind_every_s=EVERY) == 1


def test_what_is_over_is_not_reminded_of(house: House) -> None:
    house.accept(make_signal())
    house.accept(make_signal(ends_at=at(5)))
    house.deliver()

    assert house.pass_time(FOUR_HOURS, remind_every_s=EVERY) == 0


def test_what_somebody_has_taken_on_stays_quiet_until_it_fires_anew(house: House) -> None:
    house.accept(make_signal())
    house.deliver()
    house.acknowledge(by="Ada *Lovelace*", note="on it")
    house.deliver()

    assert house.pass_time(FOUR_HOURS, remind_every_s=EVERY) == 0
    timekeeping = Timekeeping(house.intake, EVERY, RULES)
    assert not house.ask(lambda conn: timekeeping.is_due(conn, house.clock.time())), "nor is it asked again"
    fields = {one["name"]: one["value"] for one in house.discord.messages()[0].embeds[0]["fields"]}
    assert fields["Acknowledged by"] == "Ada \\*Lovelace\\*"
    assert house.kinds() == ["opened", "acknowledged"]
    house.accept(make_signal(ends_at=at(250)))
    house.accept(make_signal(starts_at=at(251)))

    assert house.pass_time(FOUR_HOURS, remind_every_s=EVERY) == 1
    assert house.incidents()[0].acknowledged_by is None


@pytest.mark.parametrize("alert_id", [1, 99], ids=["it is over", "there is none"])
def test_only_what_fires_can_be_taken_on(house: House, alert_id: int) -> None:
    house.accept(make_signal())
    house.accept(make_signal(ends_at=at(5)))

    assert not house.acknowledge(alert_id)
    assert "acknowledged" not in house.kinds()


def test_a_reminder_nobody_has_seen_is_not_followed_by_another_message(house: House) -> None:
    house.discord.delete_webhook("1")
    house.accept(make_signal())
    house.deliver()

    for _ in range(5):
        house.pass_time(FOUR_HOURS, remind_every_s=EVERY)
    house.discord.revive_webhook("1")
    house.deliver_for(180)

    assert len(house.discord.creates) == 1
    assert house.incidents()[0].generation == 6
    assert house.ledger().balanced


def test_a_report_that_runs_out_when_people_would_be_reminded_of_it_is_over(house: House) -> None:
    """Both are due after a weekend in which the router was down; each must see what the other did."""
    house.report(event_json("performance_alert", r2=0.1))
    house.deliver()

    house.pass_time(timedelta(days=9).total_seconds(), remind_every_s=EVERY)
    house.deliver_for(10)

    assert house.alert().status is Status.RESOLVED
    assert [(incident.status, incident.firing) for incident in house.incidents()] == [(Status.RESOLVED, 0)]
    assert house.pass_time(FOUR_HOURS, remind_every_s=EVERY) == 0
    assert [message.embeds[0]["title"][0] for message in house.discord.messages()] == ["🟢"]


def test_a_hold_written_before_the_clock_stepped_back_is_not_held_for_days(house: House) -> None:
    house.accept(make_signal())
    house.accept(make_signal(ends_at=at(5)))
    house.clock.wrong_by_s = timedelta(days=10).total_seconds()
    house.accept(make_signal())

    house.clock.wrong_by_s = 0.0
    house.pass_time(121)

    assert house.alert().firing
    assert house.alert().starts_at == NOON


def test_a_hold_written_by_a_clock_a_little_ahead_is_held_all_the_same(house: House) -> None:
    house.accept(make_signal())
    house.accept(make_signal(ends_at=at(5)))
    house.clock.wrong_by_s = 2.0
    house.accept(make_signal())

    house.clock.wrong_by_s = 0.0
    house.pass_time(0)

    assert not house.alert().firing
    assert house.alert().held_until is not None


def test_a_turn_that_waited_long_to_write_ends_no_hold_that_began_meanwhile(house: House) -> None:
    house.accept(make_signal())
    house.accept(make_signal(ends_at=at(1)))
    house.accept(make_signal())
    now = house.clock.time()
    asked_and_written = iter([now - timedelta(minutes=1), now])

    changed = house.run(Timekeeping(house.intake, {}, RULES).turn(lambda: next(asked_and_written)))

    assert changed == 0
    assert house.alert().held_until is not None
    assert house.kinds() == ["opened", "resolved"]
