"""Bodies that cannot be parsed: logged, listed, and marked as done by a person."""

import logging
from typing import Any

import pytest
from starlette.testclient import TestClient

from alert_router.domain.model import RefusedBody
from alert_router.store import quarantine
from testbed.commands import command
from testbed.factories import NOON, as_bytes, event_json, webhook_json, wire_alert
from testbed.router_harness import RouterHarness

BAD = RefusedBody(NOON, "grafana", "alerts.0.startsAt: Field required", b'{"version": "1"}')


def test_quarantined_body_is_logged_with_source_and_reason(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)

    client.post("/webhooks/grafana", json={})
    client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(), {"x": 1}, {"x": 2}))
    client.post("/events", json=event_json(dag_id=7))

    assert [record.getMessage() for record in caplog.records if record.name.endswith("ingest")] == [
        "quarantined from grafana: alerts: Field required",
        (
            "quarantined from alertmanager: alerts.1.status: Field required; alerts.1.labels: Field "
            "required (and 1 more)"
        ),
        "quarantined from events: dag_id: Input should be a valid string",
    ]


def test_field_name_cannot_forge_a_log_line(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    labels = {f"x\n2026-11-22 ERROR \x1b[2J alert_router: {'y' * 1000}": 1}

    client.post("/webhooks/alertmanager", json=webhook_json(wire_alert() | {"labels": labels}))

    [line] = [record.getMessage() for record in caplog.records if record.name.endswith("ingest")]
    assert line.isprintable()
    assert len(line) < 600


def test_commands_list_and_close_quarantined_bodies(harness: RouterHarness) -> None:
    harness.accept(refused=[BAD, RefusedBody(NOON, "events", "not JSON", as_bytes("\x1b[2J\x00é"))])

    listed = command(harness.url, "quarantine", "list")
    done = command(harness.url, "quarantine", "done", "1")
    again = command(harness.url, "quarantine", "done", "1")
    size = harness.ask(quarantine.size)
    rest = command(harness.url, "quarantine", "done", "--all")

    assert listed[0] == 0
    assert "1  2026-09-24 12:00:00Z  grafana  alerts.0.startsAt: Field required" in listed[1]
    assert '{"version": "1"}' in listed[1]
    assert "\x1b" not in listed[1]
    assert done == (0, "1 done\n")
    assert again[0] == 1
    assert size == 1
    assert rest == (0, "1 done\n")
    assert command(harness.url, "quarantine", "list") == (0, "")
    assert harness.ask(quarantine.size) == 0


def test_done_requires_ids_or_all(harness: RouterHarness) -> None:
    harness.accept(refused=[BAD])

    for words in ((), ("1", "--all")):
        assert command(harness.url, "quarantine", "done", *words)[0] == 1

    assert harness.ask(quarantine.size) == 1


def test_landing_page_shows_the_quarantine_until_done(make_client: Any, database_url: str) -> None:
    client: TestClient = make_client()
    client.post("/webhooks/alertmanager", json={})
    page = {"accept": "text/html"}

    before = client.get("/", headers=page).text
    command(database_url, "quarantine", "done", "--all")

    assert '<a href="/quarantine"' in before
    assert "could not be read" in before
    assert "could not be read" not in client.get("/", headers=page).text
