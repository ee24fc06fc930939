"""Grafana's webhook body to signals: Alertmanager's form, and fields of its own that never cost an alert."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from alert_router.discord import links
from alert_router.domain.model import Signal, Status
from alert_router.sources import webhook
from alert_router.sources.webhook import WebhookMessage
from testbed.factories import as_bytes, at, grafana_json, make_alert, make_signal, webhook_json, wire_alert

PAYLOADS = sorted((Path(__file__).parents[3] / "shared" / "payloads").glob("grafana_*.json"))
SUMMARY = {"summary": "ApiDown it is"}


def parse(body: Any) -> WebhookMessage:
    return webhook.parse(body if isinstance(body, bytes) else as_bytes(body), at(60))


def only(message: WebhookMessage) -> Signal:
    [signal] = message.signals
    return signal


def annotations(**fields: Any) -> dict[str, str]:
    return dict(only(parse(grafana_json({**wire_alert(), **fields}))).annotations)


def test_grafana_alert_becomes_a_grafana_signal() -> None:
    message = parse(grafana_json())
    signal, same = only(message), make_signal()

    assert (message.source, signal.source, signal.reporter) == ("grafana", "grafana", "Grafana")
    assert (signal.labels, signal.fingerprint, signal.starts_at) == (
        same.labels,
        same.fingerprint,
        same.starts_at,
    )
    assert signal.status is Status.FIRING
    assert signal.source_url == "https://grafana.example.org/"


def test_values_and_panel_become_annotations() -> None:
    assert annotations() == {
        **SUMMARY,
        "values": "B = 18.98211314475876, C = 0",
        "dashboard_url": "https://grafana.example.org/d/ece9fb32?orgId=1&viewPanel=2",
    }


def test_picture_becomes_an_annotation() -> None:
    assert annotations(imageURL="https://grafana.example.org/p.png")["image_url"].endswith("/p.png")
    assert "image_url" not in annotations(imageURL=7)


def test_annotations_of_the_rule_take_precedence() -> None:
    own = {"values": "98 °C", "dashboard_url": "https://example.org/own"}

    assert annotations(annotations=own) == own


def test_dashboard_replaces_a_missing_panel() -> None:
    assert annotations(panelURL="")["dashboard_url"] == "https://grafana.example.org/d/ece9fb32?orgId=1"


@pytest.mark.parametrize("values", [None, {}, {"A": None}, {"A": "hot"}, [1], "hot", {"A": {}}])
def test_unreadable_values_are_left_out(values: Any) -> None:
    assert "values" not in annotations(values=values)


def test_invalid_url_does_not_cost_the_alert() -> None:
    assert annotations(panelURL=7, dashboardURL=None, values=None) == SUMMARY


def test_grafana_watchdog_is_an_ordinary_alert() -> None:
    message = parse(grafana_json(wire_alert({"alertname": "Watchdog"})))

    assert len(message.signals) == 1
    assert (message.heartbeat, message.receiver) == (False, "")


@pytest.mark.parametrize("version", ["4", "", None, 4])
def test_other_versions_are_parsed_as_alertmanager(version: Any) -> None:
    assert parse(webhook_json(version=version)).source == "alertmanager"


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_recorded_grafana_webhooks_are_parsed(path: Path) -> None:
    body = json.loads(path.read_text())

    message = parse(path.read_bytes())

    assert message.source == "grafana"
    assert [dict(signal.labels) for signal in message.signals] == [
        alert["labels"] for alert in body["alerts"]
    ]
    assert message.refused == ()


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_silence_link_equals_that_of_grafana(path: Path) -> None:
    [wire] = json.loads(path.read_text())["alerts"]
    signal = only(parse(path.read_bytes()))
    alert = make_alert(
        signal.labels,
        source=signal.source,
        source_url=signal.source_url,
        generator_url=signal.generator_url,
        annotations=signal.annotations,
    )

    link, own = (urlsplit(url) for url in (links.silence_url(alert), wire["silenceURL"]))

    assert link.path == own.path
    assert parse_qsl(link.query) == parse_qsl(own.query)
