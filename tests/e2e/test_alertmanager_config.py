import html
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from starlette.testclient import TestClient

from alert_router.settings import from_environment
from monitoring.durations import seconds
from monitoring.scaled import ScaledPaths, write_scaled
from testbed.monitoring.listener import Listener, listening
from testbed.monitoring.programs import alertmanager, run, wait_until
from testbed.monitoring.shipped import EVERY_RULE, MONITORING, Rule, read

SHIPPED = MONITORING / "alertmanager.yml"
TOKEN = "a-token-of-the-tests"
# The router's hold of a late "firing", from the design's life of an alert.
HOLD_S = 120.0


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture
def scaled(tmp_path: Path, listener: Listener) -> ScaledPaths:
    return write_scaled(
        tmp_path,
        factor=600,
        targets={},
        alertmanagers=[],
        router_url=listener.url,
        token=TOKEN,
        second_path_url=f"{listener.url}/api/webhooks/1/token/slack",
    )


def post(client: httpx.Client, *alerts: Mapping[str, str]) -> None:
    """Fire these label sets, as Prometheus would."""
    begun = datetime.now(UTC) - timedelta(minutes=5)
    answer = client.post(
        "/api/v2/alerts",
        json=[{"labels": dict(labels), "startsAt": begun.isoformat()} for labels in alerts],
    )
    assert answer.is_success, answer.text


def known(client: httpx.Client) -> list[dict[str, Any]]:
    alerts: list[dict[str, Any]] = client.get("/api/v2/alerts").json()
    return alerts


def inhibited(client: httpx.Client) -> set[tuple[str, str]]:
    return {
        (alert["labels"]["alertname"], alert["labels"].get("model_type", ""))
        for alert in known(client)
        if alert["status"]["inhibitedBy"]
    }


def test_amtool_accepts_the_shipped_config() -> None:
    output = run("amtool", "check-config", SHIPPED)

    assert "3 receivers" in output


@pytest.mark.parametrize("where", ["README", "page", "page with token"])
def test_documented_config_is_valid_and_repeats_the_heartbeat(
    where: str, make_sqlite_client: Callable[..., TestClient], tmp_path: Path
) -> None:
    """At Alertmanager's own repeat_interval of four hours the router would say that monitoring is blind."""
    if where == "README":
        text = (MONITORING.parent / "README.md").read_text()
    else:
        text = html.unescape(
            make_sqlite_client(ingest_tokens=TOKEN if "token" in where else "")
            .get("/", headers={"accept": "text/html"})
            .text
        )
    [advised] = [
        block
        for block in re.findall(r"(?:```yaml|<code>)(.*?)(?:```|</code>)", text, re.DOTALL)
        if "receivers:" in block
    ]
    file = tmp_path / "alertmanager.yml"
    file.write_text(advised)

    run("amtool", "check-config", file)

    [heartbeat] = [
        one
        for one in yaml.safe_load(advised)["route"]["routes"]
        if one["matchers"] == ['alertname="Watchdog"']
    ]
    assert (
        seconds(heartbeat["repeat_interval"]) + seconds(heartbeat["group_interval"])
        < from_environment({}).watchdog_seconds
    )


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_rules_are_routed_to_the_router_except_those_about_it(rule: Rule) -> None:
    labels = {"alertname": rule["alert"], **rule["labels"]}
    receiver = "second-path" if rule["labels"]["component"] == "alert-router" else "router"
    receiver = "router-heartbeat" if rule["alert"] == "Watchdog" else receiver

    run(
        "amtool",
        "config",
        "routes",
        "test",
        "--config.file",
        SHIPPED,
        f"--verify.receivers={receiver}",
        *pairs(labels),
    )


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "SomebodyElses"}, "router"),
        ({"alertname": "SomebodyElses", "severity": "critical", "model_type": "rf"}, "router"),
        ({"alertname": "WatchdogOfTheZoo"}, "router"),
        ({"alertname": "SomebodyElses", "component": "alert-router-proxy"}, "router"),
    ],
)
def test_other_alerts_are_routed_to_the_router(labels: Mapping[str, str], receiver: str) -> None:
    run(
        "amtool",
        "config",
        "routes",
        "test",
        "--config.file",
        SHIPPED,
        f"--verify.receivers={receiver}",
        *pairs(labels),
    )


def pairs(labels: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in labels.items()]


def test_webhook_receiver_sends_whole_groups_with_a_credential() -> None:
    [webhook] = receiver("router")["webhook_configs"]

    assert webhook["url"] == "http://alert-router:8010/webhooks/alertmanager"
    assert webhook["send_resolved"] is True
    assert webhook["max_alerts"] == 0
    assert webhook["http_config"]["authorization"] == {
        "type": "Bearer",
        "credentials_file": "/etc/alertmanager/secrets/router_token",
    }


def test_group_interval_is_shorter_than_the_hold() -> None:
    route = read("alertmanager.yml")["route"]

    assert route["group_by"] == ["alertname", "model_type"]
    assert seconds(route["group_wait"]) < seconds(route["group_interval"]) < HOLD_S
    assert seconds(route["repeat_interval"]) > 10 * seconds(route["group_interval"])


def test_heartbeat_is_due_before_its_flush() -> None:
    heartbeat = next(
        r for r in read("alertmanager.yml")["route"]["routes"] if r["receiver"] == "router-heartbeat"
    )
    flush_s = seconds(heartbeat["group_interval"])

    # Due at a flush exactly, it would miss it by the milliseconds that sending takes.
    assert seconds(heartbeat["repeat_interval"]) % flush_s > 1
    assert seconds(heartbeat["repeat_interval"]) < 60


def test_second_path_is_independent_of_the_router() -> None:
    second = receiver("second-path")

    assert second.keys() == {"name", "slack_configs"}
    [slack] = second["slack_configs"]
    assert slack["api_url_file"] == "/etc/alertmanager/secrets/second_path_url"


def test_commented_email_receiver_is_valid(tmp_path: Path) -> None:
    text = SHIPPED.read_text()
    start = text.index("  #   email_configs:")
    end = text.index("  - name: second-path")
    e_mail = "\n".join(line.replace("  # ", "  ", 1) for line in text[start:end].splitlines())
    config = tmp_path / "alertmanager.yml"
    config.write_text(f"{text[: text.index('    slack_configs:')]}{e_mail}\n")

    run("amtool", "check-config", config)

    assert yaml.safe_load(config.read_text())["receivers"][-1].keys() == {"name", "email_configs"}


def receiver(name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [r for r in read("alertmanager.yml")["receivers"] if r["name"] == name]
    assert len(found) == 1
    return found[0]


@pytest.mark.e2e
def test_critical_inhibits_the_warning_of_its_model_only(scaled: ScaledPaths, tmp_path: Path) -> None:
    with alertmanager(scaled.alertmanager, tmp_path) as client:
        post(
            client,
            {"alertname": "ModelPerformanceCritical", "severity": "critical", "model_type": "rf"},
            {"alertname": "ModelPerformanceWarning", "severity": "warning", "model_type": "rf"},
            {
                "alertname": "ModelPerformanceWarning",
                "severity": "warning",
                "model_type": "gradient_boosting",
            },
            {"alertname": "HighDrift", "severity": "warning"},
            {"alertname": "TrainingFailure", "severity": "critical", "model_type": "gradient_boosting"},
            {"alertname": "PredictionLatencyHigh", "severity": "warning"},
        )

        wait_until(lambda: bool(inhibited(client)), within_s=10, otherwise="nothing was inhibited")

        assert len(known(client)) == 6
        assert inhibited(client) == {("ModelPerformanceWarning", "rf")}


@pytest.mark.e2e
def test_alerts_without_a_model_do_not_inhibit_each_other(scaled: ScaledPaths, tmp_path: Path) -> None:
    with alertmanager(scaled.alertmanager, tmp_path) as client:
        post(
            client,
            {"alertname": "ModelPerformanceCritical", "severity": "critical"},
            {"alertname": "ModelPerformanceWarning", "severity": "warning"},
            # inhibited in any case, and with it the inhibitor has seen them all
            {"alertname": "ModelPerformanceCritical", "severity": "critical", "model_type": "rf"},
            {"alertname": "ModelPerformanceWarning", "severity": "warning", "model_type": "rf"},
        )

        wait_until(lambda: bool(inhibited(client)), within_s=10, otherwise="nothing was inhibited")

        assert inhibited(client) == {("ModelPerformanceWarning", "rf")}


@pytest.mark.e2e
def test_alerts_about_the_router_take_the_second_path_only(
    scaled: ScaledPaths, tmp_path: Path, listener: Listener
) -> None:
    webhook, slack = "/webhooks/alertmanager", "/api/webhooks/1/token/slack"

    with alertmanager(scaled.alertmanager, tmp_path) as client:
        post(
            client,
            {"alertname": "HighDrift", "severity": "warning", "component": "data"},
            {"alertname": "Watchdog", "severity": "none", "component": "monitoring"},
            {"alertname": "AlertRouterDown", "severity": "critical", "component": "alert-router"},
        )
        wait_until(
            lambda: (
                listener.alertnames(webhook) == {"HighDrift", "Watchdog"}
                and slack in {request.path for request in listener.requests}
            ),
            within_s=20,
            otherwise=f"received only {listener.requests}",
        )

    sent = [request for request in listener.requests if request.path == webhook]
    assert {request.authorization for request in sent} == {f"Bearer {TOKEN}"}
    assert {request.body["version"] for request in sent} == {"4"}
    assert {r.authorization for r in listener.requests if r.path == slack} == {None}


@pytest.mark.e2e
def test_heartbeat_is_repeated(scaled: ScaledPaths, tmp_path: Path, listener: Listener) -> None:
    with alertmanager(scaled.alertmanager, tmp_path) as client:
        post(
            client,
            {"alertname": "Watchdog", "severity": "none"},
            {"alertname": "HighDrift", "severity": "warning"},
        )
        wait_until(
            lambda: heard(listener, "Watchdog") >= 3,
            within_s=20,
            otherwise=f"received only {listener.requests}",
        )

    assert heard(listener, "HighDrift") == 1


def heard(listener: Listener, alertname: str) -> int:
    return sum(
        alert["labels"]["alertname"] == alertname
        for request in listener.requests
        for alert in request.body["alerts"]
    )


@pytest.mark.e2e
def test_alertmanager_status_shows_no_secret(scaled: ScaledPaths, tmp_path: Path) -> None:
    with alertmanager(scaled.alertmanager, tmp_path) as client:
        status = client.get("/api/v2/status").text

    assert "router_token" in status
    assert TOKEN not in status
    assert "webhooks/1/token" not in status
