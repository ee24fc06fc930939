"""Against a real Airflow: started once, and restarted at the end."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from monitoring.custom_exporters.runs import FINISHED
from monitoring.custom_exporters.xcom_metrics import COUNTERS, FETCH, GAUGES, MONITOR, PREDICT
from testbed.exporter.fake_airflow import RECORDED
from testbed.exporter.real_exporter import DAGS, RealExporter
from testbed.exporter.scraped import Scraped
from testbed.real_airflow import ADMIN, UNPAUSED, VIEWER, RealAirflow, require

# Starting Airflow takes most of it, and counts as the first test's time.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

HOUR = "2026-11-02T10:00:00+00:00"
MEASURED: dict[str, dict[str, dict[str, Any]]] = {
    FETCH: {
        "fetch_bike_data": {
            "records_fetched": 2400,
            "records_count": 2310,
            "deduplication_ratio": 0.0375,
            "ingestion_duration_seconds": 3.25,
            "ingestion_date": "2026-11-02",
            "newest_hour": HOUR,
        }
    },
    PREDICT: {
        "score_forecasts": {
            "predictions_count": 4800,
            "rmse": 41.5,
            "mae": 22.75,
            "r2": 0.8125,
            "api_duration_seconds": 0.875,
            "unknown_counters": 2,
            "champion_run_id": "run-7",
        }
    },
    MONITOR: {
        "fine_tune_model": {
            "drift_detected": True,
            "drift_share": 0.625,
            "drifted_features_count": 5,
            "r2": 0.6875,
            "rmse": 58.5,
            "training_status": "success",
            "training_duration_seconds": 12.5,
            "improvement": 0.0625,
        },
        "validate_new_champion": {"deployment": "deploy", "r2_validation": 0.75},
    },
}
"""Exact in binary, so that they compare as equal."""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAirflow]:
    require()
    with RealAirflow(tmp_path_factory.mktemp("airflow"), DAGS, UNPAUSED).running() as running:
        for dag_id, xcom in MEASURED.items():
            running.trigger(dag_id, xcom=xcom)
        yield running


@pytest.fixture
def exporter(airflow: RealAirflow, tmp_path: Path) -> Iterator[RealExporter]:
    with RealExporter.started(airflow.url, tmp_path) as started:
        yield started


def ended(scraped: Scraped, dag_id: str) -> float:
    """How many runs."""
    return sum(scraped("airflow_dag_runs_total", dag_id=dag_id, state=state) or 0 for state in FINISHED)


def all_ran(scraped: Scraped) -> bool:
    return all(ended(scraped, dag_id) for dag_id in MEASURED)


def pushed(dag_id: str, key: str) -> Any:
    return next(xcoms[key] for xcoms in MEASURED[dag_id].values() if key in xcoms)


def test_every_metric_has_its_xcoms_value(exporter: RealExporter) -> None:
    scraped = exporter.when("all three DAGs have run", all_ran)

    values = {gauge.metric: scraped(gauge.metric) for gauge in GAUGES}
    assert values == {gauge.metric: expected(pushed(gauge.dag_id, gauge.key)) for gauge in GAUGES}
    amounts = [counter for counter in COUNTERS if counter.label is None]
    assert {counter.metric: scraped(counter.metric) for counter in amounts} == {
        counter.metric: pushed(counter.dag_id, counter.key) for counter in amounts
    }
    assert scraped("bike_training_runs_total", status="success") == 1
    assert scraped("bike_training_runs_total", status="failed") == 0
    assert scraped("bike_model_deployments_total", decision="deploy") == 1


def expected(value: Any) -> float:
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else float(value)


def test_run_and_task_durations_are_airflows(airflow: RealAirflow, exporter: RealExporter) -> None:
    scraped = exporter.when("all three DAGs have run", all_ran)

    with airflow.client(VIEWER) as viewer:
        newest: dict[str, str | int] = {"order_by": "-run_after", "limit": 1, "state": "success"}
        run = viewer.get(f"/dags/{MONITOR}/dagRuns", params=newest).json()["dag_runs"][0]
        path = f"/dags/{MONITOR}/dagRuns/{run['dag_run_id'].replace('+', '%2B')}/taskInstances"
        tasks = viewer.get(path).json()["task_instances"]
    assert scraped("airflow_dag_run_duration_seconds", dag_id=MONITOR) == run["duration"]
    assert {
        task["task_id"]: scraped("airflow_task_duration_seconds", dag_id=MONITOR, task_id=task["task_id"])
        for task in tasks
    } == {task["task_id"]: task["duration"] for task in tasks}
    success = scraped("airflow_dag_last_success_timestamp_seconds", dag_id=MONITOR)
    assert success == pytest.approx(datetime.fromisoformat(run["end_date"]).timestamp(), abs=1e-3)


def test_failed_training_and_running_fetch(
    airflow: RealAirflow, exporter: RealExporter, tmp_path: Path
) -> None:
    before = exporter.when("all three DAGs have run", all_ran)
    airflow.trigger(MONITOR, fails="fine_tune_model")
    airflow.trigger(FETCH, waits_for=str(tmp_path / "go"), xcom={"fetch_bike_data": {"records_fetched": 50}})

    running = exporter.when(
        "the training has failed while the fetch runs",
        lambda now: (
            ended(now, MONITOR) > ended(before, MONITOR)
            and now("airflow_dag_run_running_age_seconds", dag_id=FETCH) is not None
        ),
    )
    (tmp_path / "go").touch()
    after = exporter.when("the fetch has ended", lambda now: ended(now, FETCH) > ended(before, FETCH))

    assert running("bike_training_runs_total", status="failed") == 1
    assert running("airflow_dag_runs_total", dag_id=MONITOR, state="failed") == 1
    assert running("bike_drift_share") is None
    assert running("bike_training_duration_seconds") == 12.5
    assert running("airflow_dag_active_runs", dag_id=FETCH, state="running") == 1
    assert running("bike_api_records_fetched_total") == 2400
    assert after("bike_api_records_fetched_total") == 2450
    assert after("airflow_dag_active_runs", dag_id=FETCH, state="running") == 0


def test_viewer_cannot_trigger(airflow: RealAirflow) -> None:
    with airflow.client(VIEWER) as viewer:
        answer = viewer.post(f"/dags/{FETCH}/dagRuns", json={"logical_date": None})

    assert answer.status_code == 403


def test_wrong_password_is_airflow_down(airflow: RealAirflow, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("not the password")
    wrong = str(tmp_path / "wrong")

    with RealExporter.started(airflow.url, tmp_path, AIRFLOW_EXPORTER_PASSWORD_FILE=wrong) as exporter:
        scraped = exporter.when("it has tried", lambda now: now("airflow_up") is not None)

    assert scraped("airflow_up") == 0
    assert "not the password" not in exporter.process.log.read_text()


def test_fake_airflow_has_the_real_shapes(airflow: RealAirflow, exporter: RealExporter) -> None:
    exporter.when("all three DAGs have run", all_ran)
    run = "/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances"

    with airflow.client(ADMIN) as admin:
        runs = admin.get("/dags/~/dagRuns", params={"state": "success", "order_by": "end_date"}).json()
        path = run.format(**runs["dag_runs"][0]).replace("+", "%2B")
        entries = admin.get(f"{path}/~/xcomEntries").json()
        value = "{task_id}/xcomEntries/{key}".format(**entries["xcom_entries"][0])
        live = {
            "dags": admin.get("/dags").json(),
            "dag_runs": runs,
            "task_instances": admin.get(path).json(),
            "xcom_entries": entries,
            "xcom_value": admin.get(f"{path}/{value}").json(),
            "no_xcom": admin.get(f"{path}/fetch_bike_data/xcomEntries/nothing").json(),
        }

    assert {name: shape(body) for name, body in live.items()} == {
        name: shape(RECORDED[name]["body"]) for name in live
    }


def shape(body: dict[str, Any]) -> dict[str, set[str]]:
    """The fields of an answer, and of the first row it lists."""
    rows = {name: value[0] for name, value in body.items() if isinstance(value, list)}
    return {"": set(body)} | {name: set(row) for name, row in rows.items()}


def test_airflow_restart(airflow: RealAirflow, exporter: RealExporter) -> None:
    before = exporter.when("all three DAGs have run", all_ran)

    airflow.kill()
    outage = exporter.when("Airflow is unavailable", lambda now: now("airflow_up") == 0)
    airflow.start()
    back = exporter.when("Airflow is back", lambda now: now("airflow_up") == 1)

    assert outage.named("airflow_") == {"airflow_up", "airflow_exporter_refresh_ok", "airflow_dag_runs_total"}
    assert outage("bike_prediction_rmse") is None
    assert counters(before) == counters(outage) == counters(back)
    assert back("bike_prediction_rmse") == before("bike_prediction_rmse") == 41.5


def counters(scraped: Scraped) -> dict[Any, float]:
    return {key: value for key, value in scraped.samples.items() if key[0].endswith("_total")}
