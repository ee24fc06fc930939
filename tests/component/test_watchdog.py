"""A missing heartbeat opens MonitoringBlind once, and the next heartbeat resolves it."""

from datetime import timedelta
from typing import Any

from starlette.testclient import TestClient

from alert_router.services.watchdog import ALERTNAME, Watchdog
from alert_router.settings import from_environment
from alert_router.sources.webhook import WebhookMessage
from alert_router.store import senders
from alert_router.store.engine import Store
from testbed.factories import NOON, Clock, make_signal, webhook_json, wire_alert
from testbed.router_harness import RouterHarness, until

AFTER_S = 300.0
WATCHDOG = {"alertname": "Watchdog", "severity": "none"}


def watchdog(harness: RouterHarness, *, after_s: float = AFTER_S) -> Watchdog:
    """Of a router that starts now."""
    now = harness.clock.time
    return Watchdog(harness.intake, harness.store, now, started_at=now(), after_s=after_s)


def receive_heartbeat(harness: RouterHarness) -> None:
    harness.run(harness.intake.accept(WebhookMessage("alertmanager", harness.clock.time(), heartbeat=True)))


def pass_time(harness: RouterHarness, minutes: float, dog: Watchdog) -> None:
    """The watchdog runs every ten seconds."""
    for _ in range(int(minutes * 6)):
        harness.clock.move(10)
        harness.run(dog.run_once())


def states(harness: RouterHarness) -> list[tuple[str, str]]:
    return [(alert.alertname, alert.status) for alert in harness.alerts()]


def test_regular_heartbeat_opens_nothing(harness: RouterHarness) -> None:
    dog = watchdog(harness)

    for _ in range(30):
        receive_heartbeat(harness)
        pass_time(harness, 1, dog)

    assert states(harness) == []


def test_no_heartbeat_ever_opens_nothing(harness: RouterHarness) -> None:
    pass_time(harness, 60, watchdog(harness))

    assert states(harness) == []


def test_missing_heartbeat_is_one_critical_card_that_resolves(harness: RouterHarness) -> None:
    dog = watchdog(harness)
    receive_heartbeat(harness)

    pass_time(harness, 20, dog)
    harness.deliver_for(5)
    blind = [message.embeds[0]["title"] for message in harness.discord.messages()]
    receive_heartbeat(harness)
    pass_time(harness, 3, dog)
    harness.deliver_for(5)

    assert blind == [f"🔴 critical · {ALERTNAME}"]
    [message] = harness.discord.messages()
    assert "🟢" in message.embeds[0]["title"]
    assert harness.kinds() == ["opened", "resolved"]
    assert harness.alert().severity == "critical"


def test_wait_for_a_heartbeat_begins_at_the_start(harness: RouterHarness) -> None:
    receive_heartbeat(harness)
    harness.clock.move(3600)
    dog = watchdog(harness)

    pass_time(harness, 4.9, dog)
    assert states(harness) == []
    pass_time(harness, 0.5, dog)

    assert states(harness) == [(ALERTNAME, "firing")]
    assert harness.alert().starts_at == NOON + timedelta(seconds=3600 + AFTER_S)


def test_restart_does_not_resolve_blindness(harness: RouterHarness) -> None:
    receive_heartbeat(harness)
    pass_time(harness, 10, watchdog(harness))

    pass_time(harness, 30, watchdog(harness))

    assert harness.kinds() == ["opened"]
    assert states(harness) == [(ALERTNAME, "firing")]


def test_second_router_does_not_resolve_blindness(harness: RouterHarness) -> None:
    first = watchdog(harness)
    receive_heartbeat(harness)
    pass_time(harness, 10, first)
    second = watchdog(harness)

    for _ in range(10):
        pass_time(harness, 1, first)
        pass_time(harness, 1, second)

    assert harness.kinds() == ["opened"]


def test_blindness_reopens_after_the_clock_was_set_back(harness: RouterHarness) -> None:
    dog = watchdog(harness)
    receive_heartbeat(harness)
    harness.clock.wrong_by_s = 3600
    pass_time(harness, 1, dog)
    receive_heartbeat(harness)
    pass_time(harness, 1, dog)
    harness.clock.wrong_by_s = 0
    receive_heartbeat(harness)

    pass_time(harness, 10, dog)

    assert states(harness) == [(ALERTNAME, "resolved"), (ALERTNAME, "firing")]
    assert harness.kinds() == ["opened", "resolved", "opened"]
    receive_heartbeat(harness)
    pass_time(harness, 1, dog)
    assert states(harness)[-1] == (ALERTNAME, "resolved")


def test_disabled_watchdog_opens_nothing(harness: RouterHarness) -> None:
    never = from_environment({"ALERT_ROUTER_WATCHDOG_SECONDS": "0"}).watchdog_seconds
    receive_heartbeat(harness)

    pass_time(harness, 60, watchdog(harness, after_s=never))

    assert states(harness) == []


def test_disabling_the_watchdog_resolves_blindness(harness: RouterHarness) -> None:
    receive_heartbeat(harness)
    pass_time(harness, 10, watchdog(harness))

    pass_time(harness, 1, watchdog(harness, after_s=0))

    assert states(harness) == [(ALERTNAME, "resolved")]
    assert harness.kinds() == ["opened", "resolved"]


def test_recurring_blindness_is_announced_each_time(harness: RouterHarness) -> None:
    dog = watchdog(harness)
    for _ in range(3):
        receive_heartbeat(harness)
        pass_time(harness, 8, dog)
        harness.deliver_for(5)

    assert len(harness.discord.creates) == 3
    assert len(harness.incidents()) == 1
    assert harness.incidents()[0].flaps == 2


def test_only_a_firing_watchdog_is_a_heartbeat(make_client: Any, clock: Clock, store: Store) -> None:
    """Alertmanager resolves a Watchdog that Prometheus has stopped sending."""
    client: TestClient = make_client()

    client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(WATCHDOG)))
    clock.move(50)
    client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(WATCHDOG, ends_at=NOON)))

    with store.read() as conn:
        assert senders.last_heartbeats(conn) == {"alertmanager": NOON}
    assert client.get("/alerts").json()["alerts"] == []


def test_running_router_opens_monitoring_blind(make_client: Any, clock: Clock) -> None:
    client: TestClient = make_client(watchdog_seconds=60)
    client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(WATCHDOG)))

    clock.move(61)

    until(lambda: [alert["alertname"] for alert in client.get("/alerts").json()["alerts"]] == [ALERTNAME])


def test_alert_beside_the_watchdog_is_stored(make_client: Any) -> None:
    client: TestClient = make_client()

    client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(), wire_alert(WATCHDOG)))

    assert [alert["alertname"] for alert in client.get("/alerts").json()["alerts"]] == ["ApiDown"]


def test_blindness_leaves_other_alerts_unchanged(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    receive_heartbeat(harness)

    pass_time(harness, 10, watchdog(harness))

    assert states(harness) == [("ApiDown", "firing"), (ALERTNAME, "firing")]
