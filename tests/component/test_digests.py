"""Storms: more at once than a channel takes one by one is one message, kept up to date until it is over."""

from typing import Any

from starlette.testclient import TestClient

from alert_router.discord import digest_view
from alert_router.store import history
from testbed.factories import DISK_FULL, DRIFT_HIGH, at, make_signal, webhook_json, wire_alert
from testbed.fakes.discord import DiscordState, faults
from testbed.router_harness import WEBHOOK, RouterHarness, until

CREATED = ("create", "sent")


def storm(count: int, **changes: Any) -> list[Any]:
    return [
        make_signal(
            {**(DISK_FULL if n % 3 else DRIFT_HIGH), "n": str(n)}, group_labels={"n": str(n)}, **changes
        )
        for n in range(count)
    ]


def test_digest_counts_lists_and_links_its_alerts(make_client: Any, unlimited: DiscordState) -> None:
    client: TestClient = make_client(discord_webhook_url=WEBHOOK, external_url="http://router.example.org")
    bodies = [
        webhook_json(wire_alert({**DISK_FULL, "n": str(n)}), groupLabels={"n": str(n)}) for n in range(60)
    ]
    unlimited.faults.next(faults.hold(), operation="create")
    client.post("/webhooks/alertmanager", json=webhook_json())
    until(lambda: unlimited.faults.held)
    for body in bodies:
        client.post("/webhooks/alertmanager", json=body)
    unlimited.faults.release()
    until(lambda: len(unlimited.messages()) == 2)

    digest = unlimited.messages()[1]
    assert digest.embeds[0]["title"] == "⛈️ 60 alerts firing in 60 incidents"
    assert "**DiskFull** warning: 60 firing" in digest.embeds[0]["description"]
    assert str(digest.embeds).count("device=sda1") == digest_view.MAX_ALERTS
    assert f"[{60 - digest_view.MAX_ALERTS} more alerts](http" in str(digest.embeds)
    link = digest.components[0]["components"][0]["url"]
    assert link.startswith("http://router.example.org/alerts?since=")
    page = client.get(f"{link}&limit=100").json()
    assert len([alert for alert in page["alerts"] if alert["alertname"] == "DiskFull"]) == 60


def test_digest_is_updated_survives_a_restart_and_ends(harness: RouterHarness) -> None:
    harness.accept(*storm(60))
    harness.deliver_for(5)
    restarted = harness.another_delivery()
    harness.run(restarted.prepare())
    harness.accept(*storm(70, annotations={"summary": "more"}))
    harness.deliver_for(10, restarted)
    more = harness.discord.messages()[0].embeds[0]["title"]

    harness.accept(*storm(40, ends_at=at(1)))
    harness.deliver_for(120, restarted)
    fewer = harness.discord.messages()[0].embeds[0]
    harness.accept(make_signal())
    harness.deliver_for(10, restarted)
    harness.accept(*storm(70, ends_at=at(1)))
    harness.deliver_for(60, restarted)

    assert more == "⛈️ 70 alerts firing in 70 incidents"
    assert fewer["title"] == "⛈️ 30 alerts firing in 70 incidents"
    assert "complete since" in fewer["description"]
    digest, single = harness.discord.messages()
    assert "The storm is over" in digest.embeds[0]["title"]
    assert "ApiDown" in single.embeds[0]["title"]
    assert harness.discord.limited == 0


def test_folded_alert_shows_its_digests_deliveries(harness: RouterHarness) -> None:
    harness.accept(*storm(60))
    harness.deliver_for(5)
    harness.discord.faults.next(faults.status(503), operation="edit")
    harness.accept(*storm(70))
    harness.deliver_for(10)
    harness.accept(make_signal())
    harness.deliver_for(10)

    def shown(alert_id: int) -> list[tuple[str, str, str | None]]:
        life = harness.ask(lambda conn: history.alert_detail(conn, alert_id))
        return (
            [(delivery.action, delivery.outcome, delivery.message_id) for delivery in life.deliveries]
            if life
            else []
        )

    [digest, own] = harness.discord.messages()
    assert shown(1) == [
        (action, outcome, digest.id) for action, outcome in [CREATED, ("edit", "retry"), ("edit", "sent")]
    ]
    assert shown(60) == shown(1)
    assert shown(71) == [(*CREATED, own.id)]


def test_incident_rising_in_a_storm_is_counted_once(harness: RouterHarness) -> None:
    harness.accept(*storm(60))
    harness.deliver_for(5)

    harness.accept(
        *[
            make_signal({**signal.labels, "severity": "error"}, group_labels=signal.group_labels)
            for signal in storm(60)
        ]
    )
    harness.deliver_for(60)

    old, new = [message.embeds[0] for message in harness.discord.messages()]
    assert "continued in a newer message" in old["title"]
    assert new["title"] == "⛈️ 120 alerts firing in 60 incidents"
    assert harness.ledger().balanced


def test_storm_ends_after_a_clock_step_back(harness: RouterHarness) -> None:
    harness.clock.wrong_by_s = 86_400
    harness.accept(*storm(60))
    harness.deliver_for(5)

    harness.clock.wrong_by_s = 0
    harness.deliver_for(120)
    harness.accept(make_signal(DRIFT_HIGH))
    harness.deliver_for(10)

    assert len(harness.discord.messages()) == 2
