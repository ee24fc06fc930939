"""Grafana's body to signals: Alertmanager's form, what it says beside it, and nothing lost for that."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from alert_router.discord import embeds
from alert_router.domain.model import Signal, Status
from alert_router.sources import webhook
from alert_router.sources.webhook import Message
from testbed.factories import as_bytes, at, grafana_json, make_alert, make_signal, webhook_json, wire_alert

PAYLOADS = sorted((Path(__file__).parents[3] / "shared" / "payloads").glob("grafana_*.json"))
SUMMARY = {"summary": "ApiDown it is"}


def parse(body: Any) -> Message:
    return webhook.parse(body if isinstance(body, bytes) else as_bytes(body), at(60))


def only(message: Message) -> Signal:
    [signal] = message.signals
    return signal


def annotations(**said: Any) -> dict[str, str]:
    return dict(only(parse(grafana_json({**wire_alert(), **said}))).annotations)


def test_an_alert_of_grafana_is_a_signal_of_grafana() -> None:
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


def test_what_was_measured_and_where_it_is_seen_are_told() -> None:
    assert annotations() == {
        **SUMMARY,
        "values": "B = 18.9821, C = 0",
        "dashboard_url": "https://grafana.example.org/d/ece9fb32?orgId=1&viewPanel=2",
    }


def test_what_the_rule_says_itself_goes_first() -> None:
    own = {"values": "98 °C", "dashboard_url": "https://example.org/own"}

    assert annotations(annotations=own) == own


def test_the_dashboard_stands_in_for_a_panel_that_is_not_there() -> None:
    assert annotations(panelURL="")["dashboard_url"] == "https://grafana.example.org/d/ece9fb32?orgId=1"


@pytest.mark.parametrize("values", [None, {}, {"A": None}, {"A": "hot"}, [1], "hot", {"A": {}}])
def test_an_alert_without_readable_values_is_told_without_them(values: Any) -> None:
    assert "values" not in annotations(values=values)


def test_no_alert_is_lost_for_an_address_that_is_none() -> None:
    assert annotations(panelURL=7, dashboardURL=None, values=None) == SUMMARY


def test_what_grafana_calls_watchdog_is_an_alert_and_its_contact_point_no_receiver() -> None:
    message = parse(grafana_json(wire_alert({"alertname": "Watchdog"})))

    assert len(message.signals) == 1
    assert (message.heartbeat, message.receiver) == (False, "")


@pytest.mark.parametrize("version", ["4", "", None, 4])
def test_every_other_version_is_alertmanagers(version: Any) -> None:
    assert parse(webhook_json(version=version)).source == "alertmanager"


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_bodies_of_the_wild_are_grafanas(path: Path) -> None:
    body = json.loads(path.read_text())

    message = parse(path.read_bytes())

    assert message.source == "grafana"
    assert [dict(signal.labels) for signal in message.signals] == [one["labels"] for one in body["alerts"]]
    assert message.refused == ()


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_the_form_for_a_silence_is_grafanas_own(path: Path) -> None:
    [said] = json.loads(path.read_text())["alerts"]
    signal = only(parse(path.read_bytes()))
    alert = make_alert(signal.labels, source=signal.source, source_url=signal.source_url)

    made, own = (urlsplit(url) for url in (embeds.silence_url(alert), said["silenceURL"]))

    assert made.path == own.path
    # Without the number of the organisation: Grafana takes the one that the person is in.
    assert parse_qsl(made.query) == [one for one in parse_qsl(own.query) if one[0] != "orgId"]
