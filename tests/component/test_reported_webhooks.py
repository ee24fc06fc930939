"""Webhooks that went wrong elsewhere: each as it was reported, if its file is there, and written out here."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from alert_router.domain.model import Rules
from alert_router.services.intake import Intake
from alert_router.sources.webhook import WebhookMessage
from alert_router.store import alerts as alert_rows
from alert_router.store.engine import Store
from alert_router.store.tables import alerts, incidents
from testbed.factories import API_DOWN, NOON, at, grafana_json, make_signal, webhook_json, wire_alert
from testbed.router_harness import RouterHarness

REPORTED = Path(__file__).parents[3] / "shared" / "payloads" / "reported"
FILES = sorted(
    path for number in ("03", "13", "15", "16", "19", "20", "26") for path in REPORTED.glob(f"{number}_*")
)
WEBHOOK = "/webhooks/alertmanager"
TIME = re.compile(r"20\d\d-\d\d-\d\dT[0-9:.]+Z")
A, B = "https://am.cluster-a.example.org", "https://am.cluster-b.example.org"


def requests(path: Path) -> Iterator[dict[str, Any]]:
    """With the newest of their times moved to the test's noon."""
    text = path.read_text()
    newest = max(map(datetime.fromisoformat, TIME.findall(text)), default=NOON)
    moved = TIME.sub(
        lambda match: (datetime.fromisoformat(match[0]) - newest + NOON).astimezone(UTC).isoformat(), text
    )
    yield from json.loads(moved)["requests"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_reported_webhook_is_accepted_whole(client: TestClient, path: Path) -> None:
    for request in requests(path):
        answer = client.request(request["method"], request["path"], json=request["body"])

        assert answer.status_code == 200
        assert answer.json()["quarantined"] == 0


def stored(client: TestClient) -> list[dict[str, Any]]:
    """Newest first."""
    rows: list[dict[str, Any]] = client.get("/alerts").json()["alerts"]
    return rows


def post(client: TestClient, body: Any, path: str = WEBHOOK) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


@pytest.mark.parametrize(
    "body",
    [
        webhook_json(version="", groupLabels=None, commonLabels=None, commonAnnotations=None, externalURL=""),
        webhook_json(wire_alert(annotations=None)),
        webhook_json(wire_alert(generatorURL=None)),
    ],
    ids=["group", "annotations", "generatorURL"],
)
def test_null_is_empty(client: TestClient, body: dict[str, Any]) -> None:
    assert post(client, body) == {"accepted": 1, "duplicates": 0, "quarantined": 0}


@pytest.mark.parametrize("start", [{}, {"startsAt": "0001-01-01T00:00:00Z"}, {"startsAt": None}])
def test_alert_without_a_start_opens_repeats_and_resolves(client: TestClient, start: dict[str, Any]) -> None:
    firing = {
        "status": "firing",
        "labels": {"alertname": "test"},
        "annotations": {"message": "Test."},
        **start,
    }

    answers = [post(client, {"alerts": [firing]}) for _ in range(2)]
    post(client, {"alerts": [{**firing, "status": "resolved"}]})

    assert [answer["accepted"] for answer in answers] == [1, 0]
    [alert] = stored(client)
    assert (alert["starts_at"], alert["status"]) == ("2026-09-24T12:00:00Z", "resolved")


def test_absent_severity_and_an_empty_one_are_the_same(client: TestClient) -> None:
    absent = wire_alert({"alertname": "NoSeverity"}, fingerprint="")
    empty = absent | {"labels": {"alertname": "NoSeverity", "severity": ""}}
    post(client, webhook_json(absent))

    assert post(client, webhook_json(empty))["duplicates"] == 1
    post(client, grafana_json(wire_alert({"alertname": "GrafanaDefault"})), "/webhooks/grafana")

    assert [alert["severity"] for alert in stored(client)] == ["", ""]
    assert ["severity" in alert["labels"] for alert in stored(client)] == [False, False]


def of_clusters(url: str, *, minute: float, ends_at: datetime | None = None) -> dict[str, Any]:
    """KubeDown, which no label tells from that of another cluster."""
    return webhook_json(wire_alert(API_DOWN, starts_at=at(minute), ends_at=ends_at), externalURL=url)


def test_alert_fires_while_either_of_two_clusters_says_so(client: TestClient, store: Store) -> None:
    post(client, of_clusters(A, minute=-5))
    post(client, of_clusters(B, minute=-4))
    with store.read() as conn:
        [*_, row] = map(alert_rows.alert_of, conn.execute(alerts.select().order_by(alerts.c.id)))
    post(client, of_clusters(A, minute=-5, ends_at=at(-1)))
    after_one = stored(client)[0]["status"]
    post(client, of_clusters(B, minute=-4, ends_at=at(0)))

    assert [speaker["source_url"] for speaker in row.also_firing] == [B, A]
    assert after_one == "firing"
    assert stored(client)[0]["status"] == "resolved"


def test_alert_of_the_first_cluster_outlives_that_of_the_second(client: TestClient) -> None:
    post(client, of_clusters(A, minute=-5))
    post(client, of_clusters(B, minute=-4))
    post(client, of_clusters(B, minute=-4, ends_at=at(-1)))
    between = stored(client)[0]["status"]
    post(client, of_clusters(A, minute=-5, ends_at=at(0)))

    assert between == "firing"
    assert {alert["status"] for alert in stored(client)} == {"resolved"}


def test_cluster_that_joins_with_an_earlier_start_is_news(client: TestClient, store: Store) -> None:
    """There is no new episode, and an edit would notify nobody."""
    revisions = []
    for url, minute in ((B, -4), (A, -5), (A, -5), (B, -4)):
        post(client, of_clusters(url, minute=minute))
        with store.read() as conn:
            revisions += [row.revision for row in conn.execute(alerts.select())]

    assert revisions == [1, 2, 2, 2]


def test_named_sources_do_not_share_alerts(client: TestClient) -> None:
    for path in (WEBHOOK, f"{WEBHOOK}?source=eu"):
        assert post(client, of_clusters(A, minute=-5), path)["accepted"] == 1
    post(client, of_clusters(A, minute=-5, ends_at=at(0)), f"{WEBHOOK}?source=eu")

    assert {alert["source"]: alert["status"] for alert in stored(client)} == {
        "alertmanager": "firing",
        "alertmanager:eu": "resolved",
    }
    assert 'source="alertmanager:eu"' not in client.get("/metrics").text


def test_source_that_is_no_name_does_not_cost_the_alerts(client: TestClient) -> None:
    post(client, webhook_json(), f"{WEBHOOK}?source=a%0Ab")

    assert stored(client)[0]["source"] == "alertmanager"
    assert 'unknown source "a b"' in client.get("/-/ready").json()["troubles"]["webhook URL 1"]


@pytest.mark.parametrize(("channel", "sent_to"), [("preview", "preview"), ("oops", "")])
@pytest.mark.parametrize(
    ("path", "body"),
    [(WEBHOOK, webhook_json()), ("/webhooks/grafana", grafana_json())],
    ids=["am", "grafana"],
)
def test_channel_of_the_url_is_kept_if_it_is_known(
    client: TestClient, store: Store, path: str, body: Any, channel: str, sent_to: str
) -> None:
    post(client, body, f"{path}/{channel}")

    with store.read() as conn:
        assert [row.sent_to for row in conn.execute(alerts.select())] == [sent_to]
    troubles = client.get("/-/ready").json()["troubles"]
    assert ('unknown channel "oops"' in str(troubles)) == (channel == "oops")
    name = f'alert_router_webhook_requests_total{{code="200",source="{path.rpartition("/")[2]}"}} 1.0'
    assert name in client.get("/metrics").text


def test_alerts_left_out_are_counted_on_the_incident(client: TestClient, store: Store) -> None:
    two = [wire_alert({"alertname": "Truncated", "i": str(i)}) for i in range(2)]

    left_out = []
    for truncated in (3, 0):
        post(client, webhook_json(*two, truncatedAlerts=truncated))
        with store.read() as conn:
            left_out += [row.left_out for row in conn.execute(incidents.select())]

    assert left_out == [3, 0]


@pytest.mark.parametrize(("truncated", "asked"), [(3, 1), (0, 0)])
def test_alertmanager_is_asked_about_what_was_left_out(
    harness: RouterHarness, truncated: int, asked: int
) -> None:
    calls: list[None] = []
    intake = Intake(
        harness.writer,
        rules=Rules(),
        configuration=harness.configuration,
        wake=harness.delivery.wake,
        on_hold=lambda: calls.append(None),
    )

    harness.run(intake.accept(WebhookMessage("alertmanager", NOON, (make_signal(),), truncated=truncated)))

    assert len(calls) == asked


def test_webhook_of_8000_alerts_is_read(client: TestClient) -> None:
    """5.6 MB: a whole cluster in one group."""
    alerts_ = [
        wire_alert(
            {"alertname": "Huge", "severity": "warning", "pod": f"pod-{i}"},
            annotations={"description": "d" * 400},
        )
        for i in range(8000)
    ]

    assert post(client, webhook_json(*alerts_))["accepted"] == 8000
