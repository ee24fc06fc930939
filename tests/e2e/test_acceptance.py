"""The plan's six testing commands on the real parts: model service, Airflow, exporter, Prometheus, router.

`make acceptance` prints them. There are no containers here, so `docker exec` and their names fall away.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitoring.scaled import shipped_jobs
from testbed import real_parts
from testbed.demo.model_service import ModelService
from testbed.demo.story import Router
from testbed.exporter.real_exporter import RealExporter
from testbed.panel_readings import Prometheus
from testbed.posted_counts import commuters
from testbed.processes import until
from testbed.real_airflow import ADMIN, BIN, WITH_TRIGGERER, RealAirflow, require
from testbed.stack import ROOT, TOKEN, Stack

# Starting Airflow takes most of it, and counts as the first test's time.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MONITOR = "monitor_and_fine_tune"
CONF = {"force_fine_tune": True, "test_mode": True}
WITHIN_S = 90.0
SHOWN_LINES = 6


@dataclass(frozen=True, slots=True)
class Parts:
    stack: Stack
    airflow: RealAirflow
    exporter: RealExporter
    router: Router
    prometheus: Prometheus


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """With the pipeline's own DAGs, of which the monitoring is not paused, and six weeks of counts."""
    require()
    folder = tmp_path_factory.mktemp("acceptance")
    exporter_folder = tmp_path_factory.mktemp("exporter")
    with ExitStack() as running:
        airflow = RealAirflow(folder, ROOT / "dags", {}, WITH_TRIGGERER)
        exporter = running.enter_context(RealExporter.started(airflow.url, exporter_folder))
        targets = {"airflow": exporter.http.base_url.netloc.decode()}
        stack = running.enter_context(Stack(folder / "stack", factor=60.0, targets=targets, meta=True))
        model = running.enter_context(closing(ModelService(stack.backend_url)))
        model.post_counts(list(commuters(8, days=42, until=_this_hour())))
        airflow.environment = {
            "ALERT_ROUTER_TOKEN": TOKEN,
            "ALERT_ROUTER_URL": stack.router_url,
            "BIKE_MODEL_API_URL": stack.backend_url,
            "BIKE_RETRIES": "0",
            "BIKE_WAREHOUSE_URL": f"sqlite:///{folder}/warehouse.db",
        }
        running.enter_context(airflow.running())
        with airflow.client(ADMIN) as admin:
            admin.patch(f"/dags/{MONITOR}", json={"is_paused": False}).raise_for_status()
        router = running.enter_context(closing(Router(stack.router_url)))
        http = running.enter_context(httpx.Client(base_url=stack.prometheus_url, timeout=30))
        yield Parts(stack, airflow, exporter, router, Prometheus(http))


def _this_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def run(*command: str | Path, **environment: str) -> str:
    """What the command printed. Fails when the command fails."""
    sys.stdout.write(f"\n$ {shlex.join([Path(command[0]).name, *map(str, command[1:])])}\n")
    done = subprocess.run(
        command,
        env=os.environ | environment,
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    sys.stdout.write("".join(output.splitlines(keepends=True)[:SHOWN_LINES]))
    return output


def test_rules_are_valid() -> None:
    promtool = real_parts.program("promtool", package="prometheus")

    assert "6 rules found" in run(promtool, "check", "rules", "monitoring/alerts.yml")


def test_alertmanager_configuration_is_valid() -> None:
    amtool = real_parts.program("amtool", package="prometheus-alertmanager")

    assert "SUCCESS" in run(amtool, "check-config", "monitoring/alertmanager.yml")


def test_model_service_exposes_its_metrics(parts: Parts) -> None:
    exposed = run("curl", "--silent", "--fail", f"{parts.stack.backend_url}/metrics")

    assert "observations_newest_timestamp_seconds " in exposed


def test_exporter_exposes_airflow(parts: Parts) -> None:
    parts.exporter.when("Airflow is seen", lambda scraped: scraped("airflow_up") == 1)

    exposed = run("curl", "--silent", "--fail", str(parts.exporter.http.base_url.join("/metrics")))

    assert f'airflow_dag_runs_total{{dag_id="{MONITOR}",state="failed"}} 0.0' in exposed


def test_triggered_trial_succeeds_and_is_exported_and_shown(parts: Parts) -> None:
    trigger = ["airflow", "dags", "trigger", MONITOR, "--conf", json.dumps(CONF)]
    run(BIN / trigger[0], *trigger[1:], **parts.airflow.environ())

    parts.exporter.when(
        "the trial has succeeded",
        lambda scraped: scraped("bike_training_runs_total", status="test_success") == 1,
        within_s=WITHIN_S,
    )
    until(lambda: bool(_alerts(parts, "TrainingSuccess")), "the router has it", within_s=WITHIN_S)
    [trained] = _alerts(parts, "TrainingSuccess")
    assert trained["status"] == "resolved"
    assert parts.exporter.scrape()("airflow_dag_runs_total", dag_id=MONITOR, state="failed") == 0


def test_forced_alert_reaches_a_card(parts: Parts) -> None:
    amtool = real_parts.program("amtool", package="prometheus-alertmanager")
    labels = ["HighDrift", "severity=warning", "component=data"]

    run(amtool, "--alertmanager.url", parts.stack.alertmanager_url, "alert", "add", *labels)

    until(lambda: bool(_alerts(parts, "HighDrift")), "the router has it", within_s=WITHIN_S)
    until(lambda: "HighDrift" in _preview(parts), "the card is shown", within_s=WITHIN_S)


def test_every_target_is_up(parts: Parts) -> None:
    assert parts.prometheus.target_health() == dict.fromkeys(shipped_jobs(), "up")


def _alerts(parts: Parts, alertname: str) -> list[dict[str, Any]]:
    return [alert for alert in parts.router.alerts() if alert["alertname"] == alertname]


def _preview(parts: Parts) -> str:
    return httpx.get(f"{parts.stack.router_url}/preview", timeout=30).text
