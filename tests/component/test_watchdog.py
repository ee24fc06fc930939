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
from testbed.router_harness import RouterHarness, until

AFTER_S = 300.0
WATCHDOG = {"alertname": "Watchdog", "severity": "none"}


def watchdog(harness: RouterHarness, *, after_s: float = AFTER_S) -> Watchdog:
    """Of a router that starts now."""
    return Watchdog(harness.intake, started_at=harness.clock.time(), after_s=after_s)


def hear(harness: RouterHarness) -> None:
    harness.run(harness.intake.accept(Batch((), harness.clock.time(), heartbeat=True)))


def pass_time(harness: RouterHarness, minutes: float, dog: Watchdog) -> None:
    """A turn every ten seconds."""
    for _ in range(int(minutes * 6)):
        harness.clock.move(10)
        harness.run(dog.turn(harness.store, harness.clock.time()))


def told(harness: RouterHarness) -> list[tuple[str, str]]:
    return [(alert.alertname, alert.status) for alert in harness.alerts()]


def test_a_heartbeat_that_goes_on_is_no_news(harness: RouterHarness) -> None:
    dog = watchdog(harness)

    for _ in range(30):
        hear(harness)
        pass_time(harness, 1, dog)

    assert told(harness) == []


def test_where_none_was_ever_heard_none_is_missed(harness: RouterHarness) -> None:
    pass_time(harness, 60, watchdog(harness))

    assert told(harness) == []


def test_silence_is_told_once_as_critical_and_its_end_in_the_same_message(harness: RouterHarness) -> None:
    dog = watchdog(harness)
    hear(harness)

    pass_time(harness, 20, dog)
    harness.deliver_for(5)
    blind = [message.embeds[0]["title"] for message in harness.discord.messages()]
    hear(harness)
    pass_time(harness, 3, dog)
    harness.deliver_for(5)

    assert blind == [f"🔴 {ALERTNAME}"]
    [message] = harness.discord.messages()
    assert "🟢" in message.embeds[0]["title"]
    assert harness.kinds() == ["opened", "resolved"]
    assert harness.alert().severity == "critical"


def test_silence_begins_to_count_when_we_could_have_heard_something(harness: RouterHarness) -> None:
    hear(harness)
    harness.clock.move(3600)
    dog = watchdog(harness)

    pass_time(harness, 4.9, dog)
    assert told(harness) == []
    pass_time(harness, 0.5, dog)

    assert told(harness) == [(ALERTNAME, "firing")]
    assert harness.alert().starts_at == NOON + timedelta(seconds=3600 + AFTER_S)


def test_a_restart_while_blind_is_no_sight(harness: RouterHarness) -> None:
    hear(harness)
    pass_time(harness, 10, watchdog(harness))

    pass_time(harness, 30, watchdog(harness))

    assert harness.kinds() == ["opened"]
    assert told(harness) == [(ALERTNAME, "firing")]


def test_a_second_router_that_starts_while_it_is_blind_does_not_quarrel(harness: RouterHarness) -> None:
    first = watchdog(harness)
    hear(harness)
    pass_time(harness, 10, first)
    second = watchdog(harness)

    for _ in range(10):
        pass_time(harness, 1, first)
        pass_time(harness, 1, second)

    assert harness.kinds() == ["opened"]


def test_blindness_is_told_again_though_the_clock_was_ahead_when_it_ended(harness: RouterHarness) -> None:
    dog = watchdog(harness)
    hear(harness)
    harness.clock.wrong_by_s = 3600
    pass_time(harness, 1, dog)
    hear(harness)
    pass_time(harness, 1, dog)
    harness.clock.wrong_by_s = 0
    hear(harness)

    pass_time(harness, 10, dog)

    assert told(harness) == [(ALERTNAME, "resolved"), (ALERTNAME, "firing")]
    assert harness.kinds() == ["opened", "resolved", "opened"]
    hear(harness)
    pass_time(harness, 1, dog)
    assert told(harness)[-1] == (ALERTNAME, "resolved")


def test_who_does_not_watch_misses_nothing(harness: RouterHarness) -> None:
    never = from_environment({"ALERT_ROUTER_WATCHDOG_SECONDS": "0"}).watchdog_seconds
    hear(harness)

    pass_time(harness, 60, watchdog(harness, after_s=never))

    assert told(harness) == []


def test_a_router_that_no_longer_watches_ends_what_was_told(harness: RouterHarness) -> None:
    hear(harness)
    pass_time(harness, 10, watchdog(harness))

    pass_time(harness, 1, watchdog(harness, after_s=0))

    assert told(harness) == [(ALERTNAME, "resolved")]
    assert harness.kinds() == ["opened", "resolved"]


def test_blindness_that_comes_again_soon_goes_on_in_its_card(harness: RouterHarness) -> None:
    dog = watchdog(harness)
    for _ in range(3):
        hear(harness)
        pass_time(harness, 8, dog)
        harness.deliver_for(5)

    assert len(harness.discord.creates) == 1
    assert harness.incidents()[0].flaps == 2


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


def test_blindness_does_not_touch_the_alerts_of_the_blind(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    hear(harness)

    pass_time(harness, 10, watchdog(harness))

    assert told(harness) == [("ApiDown", "firing"), (ALERTNAME, "firing")]
