"""The exporter's page, names and metrics: complete, true, and accepted by promtool."""

import os
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from monitoring.custom_exporters import settings, xcom_metrics
from monitoring.custom_exporters.settings import SECRETS, Settings
from monitoring.custom_exporters.xcom_metrics import COUNTERS, GAUGES, MONITOR
from testbed.exporter.harness import NOON, ExporterHarness, RunningExporter
from testbed.exporter.scraped import Scraped

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/EXPORTER.md").read_text()
PLANNED = [
    "airflow_dag_run_duration_seconds{dag_id}",
    "airflow_task_duration_seconds{dag_id,task_id}",
    "bike_api_records_fetched_total",
    "bike_records_ingested_total",
    "bike_deduplication_ratio",
    "bike_ingestion_duration_seconds",
    "bike_predictions_generated_total",
    "bike_prediction_rmse",
    "bike_prediction_mae",
    "bike_prediction_r2",
    "bike_prediction_api_duration_seconds",
    "bike_drift_detected",
    "bike_drift_share",
    "bike_drifted_features_count",
    "bike_model_r2_production",
    "bike_model_rmse_production",
    "bike_training_runs_total{status}",
    "bike_training_duration_seconds",
    "bike_model_improvement_delta",
    "bike_model_deployments_total{decision}",
    "drift_detected_last_run",
    "model_r2_validation",
    "airflow_up",
]


@pytest.fixture
def everything(harness: ExporterHarness, exporter: RunningExporter) -> Scraped:
    """A scrape with every metric."""
    for dag_id in (xcom_metrics.FETCH, xcom_metrics.PREDICT, MONITOR):
        xcoms: dict[str, object] = dict.fromkeys(xcom_metrics.keys_of(dag_id), 0.5)
        known = {"newest_hour": NOON.isoformat(), "drift_detected": True, "training_status": "success"}
        harness.add_run(dag_id, xcoms=xcoms | known)
        harness.airflow.run(dag_id, "runs", state="running", start=NOON - timedelta(minutes=1))
    return exporter.poll()


def shape(scraped: Scraped) -> dict[str, set[str]]:
    """The label names of every metric."""
    return {name: {label for label, _ in labels} for name, labels in scraped.samples}


def test_every_planned_metric_exists(everything: Scraped) -> None:
    planned = {name: set(filter(None, labels[:-1].split(","))) for name, _, labels in map(_cut, PLANNED)}

    assert planned.items() <= shape(everything).items()


def test_promtool_check_metrics_is_clean(everything: Scraped) -> None:
    check = subprocess.run(
        [_need("promtool"), "check", "metrics"],
        input=everything.text,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (check.returncode, check.stdout + check.stderr) == (0, "")


def test_page_lists_exactly_the_metrics(everything: Scraped) -> None:
    rows = re.findall(r"^\| `([a-z0-9_]+)` \|([^|]*)\|", PAGE, re.MULTILINE)
    listed = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}

    assert listed == shape(everything)


@pytest.mark.parametrize("source", [*GAUGES, *COUNTERS], ids=lambda source: source.metric)
def test_page_lists_source_and_unit(source: xcom_metrics.XComGauge) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{source.metric}` |"))

    assert f"| {source.unit} | `{source.dag_id}` | `{source.key}`" in row


def test_page_lists_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(AIRFLOW_EXPORTER_\w+)` \| (.*?) ?\|", PAGE, re.MULTILINE))
    defaults = {
        field.alias: field.default for field in Settings.model_fields.values() if not field.is_required()
    }

    assert rows.keys() == {*settings.names(), *(f"{name}_FILE" for name in SECRETS)}
    assert [name for name, value in defaults.items() if value and _cell(value) != rows[str(name)]] == []


def test_every_metric_has_a_help_text(everything: Scraped) -> None:
    helps = re.findall(r"^# HELP (\w+) (.*)$", everything.text, re.MULTILINE)

    assert len(helps) == everything.text.count("# TYPE")
    assert [name for name, text in helps if not text.endswith(".")] == []


def test_prometheus_scrapes_the_exporters_port() -> None:
    jobs = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text())["scrape_configs"]
    targets = [target for job in jobs for group in job["static_configs"] for target in group["targets"]]
    image = (ROOT / "monitoring/custom_exporters/Dockerfile").read_text()

    assert "airflow-exporter:9101" in targets
    assert "EXPOSE 9101" in image
    assert "AIRFLOW_EXPORTER_LISTEN=0.0.0.0:9101" in image


def test_lock_has_hashes_and_no_host() -> None:
    pinned = (ROOT / "requirements/exporter-run.lock").read_text()

    assert not re.search(r"https?://", pinned)
    assert {"httpx", "prometheus-client", "pydantic", "pydantic-settings"} <= set(
        re.findall(r"^([\w-]+)==", pinned, re.MULTILINE)
    )
    assert pinned.count("==") <= pinned.count("--hash=")


def _cut(metric: str) -> tuple[str, str, str]:
    return metric.partition("{")


def _cell(default: object) -> str:
    text = f"{default:g}" if isinstance(default, float) else str(default)
    return f"`{text}`"


def _need(program: str) -> str:
    if path := shutil.which(program):
        return path
    reason = f"{program} is not installed (Debian: prometheus)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
