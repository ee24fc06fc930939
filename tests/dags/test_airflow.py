"""The whole pipeline as processes: Airflow, the model service, the router. Paris and Discord are fakes."""

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from dags.pipeline import warehouse
from dags.pipeline.tables import event_outbox, monitoring_audit, predictions
from testbed.fakes.paris import server, year
from testbed.fakes.paris.publication import PROMPT
from testbed.fakes.paris.state import Fault, ParisState
from testbed.pipeline.airflow_api import AirflowApi, first
from testbed.ports import free_port
from testbed.processes import Process, until
from testbed.real_airflow import ADMIN, BIN, ROOT, WITH_TRIGGERER, RealAirflow

ROUTER, BACKEND = ROOT / ".venv" / "bin" / "alert-router", ROOT / ".venv-backend" / "bin" / "uvicorn"
FETCH, PREDICT, MONITOR = "daily_fetch_bike_data", "daily_prediction", "monitor_and_fine_tune"
TOKEN = "an-ingest-token"
COUNTERS, DAYS = 8, 60
PIPELINE = {
    "BIKE_RETRIES": "0",
    "BIKE_FIRST_FETCH_DAYS": "45",
    "BIKE_TRAIN_DAYS": "30",
    "ALERT_ROUTER_TOKEN": TOKEN,
}


@dataclass
class Stack:
    airflow: RealAirflow
    api: AirflowApi
    paris: ParisState
    router: Process
    backend: Process
    urls: dict[str, str]
    warehouse_url: str
    model_folder: Path

    def alerts(self) -> Counter[tuple[str, str]]:
        """The router's history: alert name and endpoint, and how often."""
        answer = httpx.get(f"{self.urls['router']}/alerts", headers={"accept": "application/json"})
        alerts = answer.raise_for_status().json()["alerts"]
        return Counter((alert["alertname"], alert["labels"].get("endpoint", "")) for alert in alerts)

    def statuses(self, alertname: str) -> list[str]:
        answer = httpx.get(f"{self.urls['router']}/alerts", params={"alertname": alertname})
        return [alert["status"] for alert in answer.raise_for_status().json()["alerts"]]

    def trainings(self) -> list[dict[str, Any]]:
        """The model service's training runs, oldest first."""
        runs = [json.loads(path.read_text()) for path in (self.model_folder / "runs").glob("*.json")]
        return sorted(runs, key=lambda run: str(run["submitted_at"]))

    def has_begun(self, training: dict[str, Any]) -> bool:
        """Whether its process is at work now; a killed one leaves its stage behind."""
        stage = self.model_folder / "runs" / f"{training['run_id']}.stage"
        return bool(training["state"] == "running") and stage.exists()

    def workers(self) -> list[int]:
        """Process ids of the service's training and measuring processes."""
        children = Path(f"/proc/{self.backend.pid}/task/{self.backend.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def cards(self) -> list[str]:
        """Each message in the channel as it is now, as text without markdown's escapes."""
        state = httpx.get(f"{self.urls['discord']}/control/state?requests=0").json()
        return [str(message["revisions"][-1]["embeds"]).replace("\\", "") for message in state["messages"]]

    def rows(self, table: sa.Table) -> list[Any]:
        with warehouse.opened(self.warehouse_url) as engine, engine.begin() as conn:
            return list(conn.execute(sa.select(table)))

    def trigger_by_command(self, dag_id: str, conf: dict[str, Any]) -> str:
        subprocess.run(
            [BIN / "airflow", "dags", "trigger", dag_id, "--conf", json.dumps(conf)],
            env=os.environ | self.airflow.environ(),
            cwd=self.airflow.folder,
            check=True,
            capture_output=True,
            timeout=100,
        )
        run_id: str = self.api.runs(dag_id)[-1]["dag_run_id"]
        return run_id


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    if missing := [str(path) for path in (ROUTER, BACKEND) if not path.exists()]:
        reason = f"not built yet (make setup): {', '.join(missing)}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    ports = {name: free_port() for name in ("router", "backend", "discord")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}

    def process(name: str, command: list[str], health: str, **environ: str) -> Process:
        return Process(name, command, urls[name] + health, tmp_path / f"{name}.log", environ, ROOT)

    python = str(ROOT / ".venv/bin/python")
    discord = process(
        "discord",
        [python, "-m", "testbed.fakes.discord", "--no-limits", "--port", str(ports["discord"])],
        "/control/counters",
    )
    router = process(
        "router",
        [str(ROUTER), "serve"],
        "/-/healthy",
        DISCORD_WEBHOOK_URL=f"{urls['discord']}/api/webhooks/1/token",
        ALERT_ROUTER_DATABASE_URL=f"sqlite:///{tmp_path}/router.db",
        ALERT_ROUTER_LISTEN=f"127.0.0.1:{ports['router']}",
        ALERT_ROUTER_INGEST_TOKENS=TOKEN,
    )
    factory = "backend.regmodel.app.fastapi_app:create_app_from_env"
    backend = process(
        "backend",
        [str(BACKEND), "--factory", factory, "--port", str(ports["backend"])],
        "/health",
        REGMODEL_STATE_DIR=str(tmp_path / "regmodel"),
        REGMODEL_GENERATED_COUNTERS="14",
    )
    start = (datetime.now(UTC) - timedelta(days=DAYS)).replace(minute=0, second=0, microsecond=0)
    # Nothing is published yet.
    paris = ParisState(year.generated(counters=COUNTERS, start=start, days=DAYS), start, PROMPT)
    warehouse_url = f"sqlite:///{tmp_path}/warehouse.db"
    with ExitStack() as exits:
        for program in (discord, router, backend):
            exits.callback(program.kill)
            program.start()
        environ = {
            **PIPELINE,
            "BIKE_WAREHOUSE_URL": warehouse_url,
            "BIKE_PARIS_API_URL": exits.enter_context(server.running(paris)),
            "BIKE_MODEL_API_URL": urls["backend"],
            "ALERT_ROUTER_URL": urls["router"],
        }
        airflow = exits.enter_context(RealAirflow(tmp_path, ROOT / "dags", environ, WITH_TRIGGERER).running())
        for program in (discord, router, backend):
            program.wait_ready()
        api = AirflowApi(exits.enter_context(httpx.Client(base_url=airflow.url, timeout=30)))
        api.log_in(*ADMIN)
        yield Stack(airflow, api, paris, router, backend, urls, warehouse_url, tmp_path / "regmodel")


@pytest.mark.airflow
@pytest.mark.timeout(600)
def test_the_pipeline_runs_and_reports_every_fault_once(stack: Stack) -> None:
    day_one_without_counts_reports_nothing(stack)
    first_counts_start_the_first_training(stack)
    killed_training_is_reported(stack)
    trial_ends_in_a_card_and_does_not_end_the_failure(stack)
    training_of_a_killed_service_is_repeated(stack)
    outage_of_backend_and_router_is_queued(stack)
    killed_task_is_reported(stack)
    second_fetch_of_the_day_finds_nothing_new(stack)

    assert stack.alerts() == {
        ("TrainingSuccess", ""): 2,
        ("TrainingFailure", ""): 1,
        ("APIError", "POST /monitor"): 1,
        ("APIError", "POST /evaluate"): 1,
        ("APIError", f"DAG {FETCH}"): 1,
    }
    assert {row.state for row in stack.rows(event_outbox)} == {"sent"}
    assert len(stack.rows(event_outbox)) == 7


def day_one_without_counts_reports_nothing(stack: Stack) -> None:
    """Unpaused together, overdue DAGs run at once."""
    api = stack.api
    for dag_id in (MONITOR, PREDICT, FETCH):
        api.unpause(dag_id)

    [fetch] = first(lambda: api.runs(FETCH), "the fetch is scheduled", within_s=60)
    [monitoring] = first(lambda: api.runs(MONITOR), "the monitoring is scheduled", within_s=60)
    assert api.final_state(FETCH, fetch["dag_run_id"]) == "success"
    assert api.final_state(MONITOR, monitoring["dag_run_id"]) == "success"
    [forecast] = first(lambda: api.runs(PREDICT), "the asset starts the forecast", within_s=60)
    assert api.final_state(PREDICT, forecast["dag_run_id"]) == "success"

    assert fetch["run_type"] == "scheduled"
    assert api.xcom(FETCH, fetch["dag_run_id"], "fetch_bike_data", "status") == "no_new_data"
    assert api.xcom(MONITOR, monitoring["dag_run_id"], "decide_fine_tune", "decision") == "no_data"
    assert stack.alerts() == {}


def first_counts_start_the_first_training(stack: Stack) -> None:
    api = stack.api
    stack.paris.now = datetime.now(UTC)

    fetch = api.trigger(FETCH)

    assert api.final_state(FETCH, fetch) == "success"
    assert api.xcom(FETCH, fetch, "fetch_bike_data", "records_count") > 40 * 24 * COUNTERS
    until(lambda: has_champion(stack), "the first model answers", within_s=180)
    for monitoring in api.runs(MONITOR):
        assert api.final_state(MONITOR, monitoring["dag_run_id"]) == "success"
    assert stack.alerts() == {("TrainingSuccess", ""): 1}


def has_champion(stack: Stack) -> bool:
    champions = httpx.get(f"{stack.urls['backend']}/health").json()["champions"]
    return bool(champions)


def killed_training_is_reported(stack: Stack) -> None:
    """As by the kernel when memory runs out: the service lives on."""
    run_id = train_until_it_runs(stack)

    for pid in stack.workers():
        os.kill(pid, signal.SIGKILL)

    assert stack.api.final_state(MONITOR, run_id) == "failed"
    until(lambda: stack.statuses("TrainingFailure") == ["firing"], "the failure is reported", within_s=30)


def trial_ends_in_a_card_and_does_not_end_the_failure(stack: Stack) -> None:
    run_id = stack.trigger_by_command(MONITOR, {"force_fine_tune": True, "test_mode": True})

    assert stack.api.final_state(MONITOR, run_id) == "success"
    until(lambda: any("skip_test_mode" in card for card in stack.cards()), "the training card", within_s=30)
    assert stack.statuses("TrainingFailure") == ["firing"]


def training_of_a_killed_service_is_repeated(stack: Stack) -> None:
    run_id = train_until_it_runs(stack)

    stack.backend.kill()
    stack.backend.start()

    assert stack.api.final_state(MONITOR, run_id) == "success"
    assert [run["interrupted"] for run in stack.trainings() if run["idempotency_key"] == run_id] == [
        True,
        False,
    ]
    until(lambda: stack.statuses("TrainingFailure") == ["resolved"], "a success ends it", within_s=30)


def train_until_it_runs(stack: Stack) -> str:
    """The run of the DAG whose training the service has begun; killed before, it would be begun anew."""
    run_id = stack.api.trigger(MONITOR, force_fine_tune=True)
    until(lambda: any(map(stack.has_begun, stack.trainings())), "the service trains", within_s=60)
    return run_id


def outage_of_backend_and_router_is_queued(stack: Stack) -> None:
    stack.router.stop()
    stack.backend.stop()

    run_id = stack.api.trigger(MONITOR)

    assert stack.api.final_state(MONITOR, run_id) == "failed"
    assert [row.state for row in stack.rows(event_outbox)].count("pending") == 2
    assert next(row for row in stack.rows(monitoring_audit) if row.run_id == run_id).outcome == "failed"
    for program in (stack.router, stack.backend):
        program.start()
        program.wait_ready()


def killed_task_is_reported(stack: Stack) -> None:
    api, requests = stack.api, len(stack.paris.requests)
    stack.paris.faults.append(Fault(status=429, retry_after_s=60))
    run_id = api.trigger(FETCH)
    until(lambda: len(stack.paris.requests) > requests, "the task waits for Paris", within_s=60)

    os.kill(api.task(FETCH, run_id, "fetch_bike_data")["pid"], signal.SIGKILL)

    assert api.final_state(FETCH, run_id) == "failed"
    until(lambda: stack.alerts()["APIError", f"DAG {FETCH}"] > 0, "the killed task is reported", within_s=60)


def second_fetch_of_the_day_finds_nothing_new(stack: Stack) -> None:
    api, before = stack.api, len(stack.api.runs(PREDICT))
    run_id = api.trigger(FETCH)

    assert api.final_state(FETCH, run_id) == "success"
    assert api.xcom(FETCH, run_id, "fetch_bike_data", "status") == "no_new_data"
    until(lambda: len(api.runs(PREDICT)) > before, "the forecast follows", within_s=60)
    forecast = api.runs(PREDICT)[-1]["dag_run_id"]
    assert api.final_state(PREDICT, forecast) == "success"
    assert len(stack.rows(predictions)) == COUNTERS * 48
