"""The heartbeat that stays away: people hear once that monitoring is blind, and once that it sees again."""

from datetime import timedelta
from typing import Any

from starlette.testclient import TestClient

from alert_router.services.intake import Batch
from alert_router.services.watchdog import ALERTNAME, Watchdog
from alert_router.settings import from_environment
from alert_router.store import senders
from alert_router.store.engine import Store
from testbed.factories import NOON, Clock, make_signal, webhook_json, wire_alert
from testbed.router_harness import House, until

AFTER_S = 300.0
WATCHDOG = {"alertname": "Watchdog", "severity": "none"}


def watchdog(house: House, *, after_s: float = AFTER_S) -> Watchdog:
    """Of a router that starts now."""
    return Watchdog(house.intake, started_at=house.clock.time(), after_s=after_s)


def hear(house: House) -> None:
    house.run(house.intake.accept(Batch((), house.clock.time(), heartbeat=True)))


def pass_time(house: House, minutes: float, dog: Watchdog) -> None:
    """A turn every ten seconds."""
    for _ in range(int(minutes * 6)):
        house.clock.move(10)
        house.run(dog.turn(house.store, house.clock.time()))


def told(house: House) -> list[tuple[str, str]]:
    return [(alert.alertname, alert.status) for alert in house.alerts()]


def test_a_heartbeat_that_goes_on_is_no_news(house: House) -> None:
    dog = watchdog(house)

    for _ in range(30):
        hear(house)
        pass_time(house, 1, dog)

    assert told(house) == []


def test_where_none_was_ever_heard_none_is_missed(house: House) -> None:
    pass_time(house, 60, watchdog(house))

    assert told(house) == []


def test_silence_is_told_once_as_critical_and_its_end_in_the_same_message(house: House) -> None:
    dog = watchdog(house)
    hear(house)

    pass_time(house, 20, dog)
    house.deliver_for(5)
    blind = [message.embeds[0]["title"] for message in house.discord.messages()]
    hear(house)
    pass_time(house, 3, dog)
    house.deliver_for(5)

    assert blind == [f"🔴 {ALERTNAME}"]
    [message] = house.discord.messages()
    assert "🟢" in message.embeds[0]["title"]
    assert house.kinds() == ["opened", "resolved"]
    assert house.alert().severity == "critical"


def test_silence_begins_to_count_when_we_could_have_heard_something(house: House) -> None:
    hear(house)
    house.clock.move(3600)
    dog = watchdog(house)

    pass_time(house, 4.9, dog)
    assert told(house) == []
    pass_time(house, 0.5, dog)

    assert told(house) == [(ALERTNAME, "firing")]
    assert house.alert().starts_at == NOON + timedelta(seconds=3600 + AFTER_S)


def test_a_restart_while_blind_is_no_sight(house: House) -> None:
    hear(house)
    pass_time(house, 10, watchdog(house))

    pass_time(house, 30, watchdog(house))

    assert house.kinds() == ["opened"]
    assert told(house) == [(ALERTNAME, "firing")]


def test_a_second_router_that_starts_while_it_is_blind_does_not_quarrel(house: House) -> None:
    first = watchdog(house)
    hear(house)
    pass_time(house, 10, first)
    second = watchdog(house)

    for _ in range(10):
        pass_time(house, 1, first)
        pass_time(house, 1, second)

    assert house.kinds() == ["opened"]


def test_blindness_is_told_again_though_the_clock_was_ahead_when_it_ended(house: House) -> None:
    dog = watchdog(house)
    hear(house)
    house.clock.wrong_by_s = 3600
    pass_time(house, 1, dog)
    hear(house)
    pass_time(house, 1, dog)
    house.clock.wrong_by_s = 0
    hear(house)

    pass_time(house, 10, dog)

    assert told(house) == [(ALERTNAME, "resolved"), (ALERTNAME, "firing")]
    assert house.kinds() == ["opened", "resolved", "opened"]
    hear(house)
    pass_time(house, 1, dog)
    assert told(house)[-1] == (ALERTNAME, "resolved")


def test_who_does_not_watch_misses_nothing(house: House) -> None:
    never = from_environment({"ALERT_ROUTER_WATCHDOG_SECONDS": "0"}).watchdog_seconds
    hear(house)

    pass_time(house, 60, watchdog(house, after_s=never))

    assert told(house) == []


def test_a_router_that_no_longer_watches_ends_what_was_told(house: House) -> None:
    hear(house)
    pass_time(house, 10, watchdog(house))

    pass_time(house, 1, watchdog(house, after_s=0))

    assert told(house) == [(ALERTNAME, "resolved")]
    assert house.kinds() == ["opened", "resolved"]


def test_blindness_that_comes_again_soon_goes_on_in_its_card(house: House) -> None:
    dog = watchdog(house)
    for _ in range(3):
        hear(house)
        pass_time(house, 8, dog)
        house.deliver_for(5)

    assert len(house.discord.creates) == 1
    assert house.incidents()[0].flaps == 2


def test_only_a_watchdog_that_fires_is_a_heartbeat(make_client: Any, clock: Clock, store: Store) -> None:
    """A resolved one is one that Alertmanager has not been told of for too long."""
    client: TestClient = make_client()

    client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(WATCHDOG)))
    clock.move(50)
    client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(WATCHDOG, ends_at=NOON)))

    with store.read() as conn:
        assert senders.last(conn) == {"alertmanager": NOON}
    assert client.get("/alerts").json()["alerts"] == []


def test_the_running_router_tells_that_monitoring_is_blind(make_client: Any, clock: Clock) -> None:
    client: TestClient = make_client(watchdog_seconds=60)
    client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(WATCHDOG)))

    clock.move(61)

    until(lambda: [one["alertname"] for one in client.get("/alerts").json()["alerts"]] == [ALERTNAME])


def test_an_alert_beside_the_watchdog_is_kept(make_client: Any) -> None:
    client: TestClient = make_client()

    client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(), wire_alert(WATCHDOG)))

    assert [one["alertname"] for one in client.get("/alerts").json()["alerts"]] == ["ApiDown"]


def test_blindness_does_not_touch_the_alerts_of_the_blind(house: House) -> None:
    house.accept(make_signal())
    hear(house)

    pass_time(house, 10, watchdog(house))

    assert told(house) == [("ApiDown", "firing"), (ALERTNAME, "firing")]
