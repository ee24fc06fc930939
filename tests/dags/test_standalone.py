"""The whole pipeline as it is run: Airflow, the model service, the router. Paris and Discord stand in."""

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
from testbed.pipeline.processes import AirflowApi, Program, until
from testbed.ports import free_port

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv-airflow" / "bin"
ROUTER, BACKEND = ROOT / ".venv" / "bin" / "alert-router", ROOT / ".venv-backend" / "bin" / "uvicorn"
FETCH, PREDICT, MONITOR = "daily_fetch_bike_data", "daily_prediction", "monitor_and_fine_tune"
TOKEN = "an-ingest-token"
COUNTERS, DAYS = 8, 60


@dataclass
class Stack:
    folder: Path
    environ: dict[str, str]
    paris: ParisState
    airflow: AirflowApi
    router: Program
    backend: Program
    discord_url: str
    warehouse_url: str

    def events(self) -> Counter[tuple[str, str]]:
        """What the router has in its history: alert name and what it is about, and how often."""
        answer = httpx.get(
            self.router.health_url.replace("/-/healthy", "/alerts"), headers={"accept": "application/json"}
        )
        found = answer.raise_for_status().json()["alerts"]
        return Counter((one["alertname"], one["labels"].get("endpoint", "")) for one in found)

    def cards(self) -> list[str]:
        """Each message in the channel as it is now, as text without markdown's escapes."""
        state = httpx.get(f"{self.discord_url}/control/state?requests=0").json()
        return [str(message["revisions"][-1]["embeds"]).replace("\\", "") for message in state["messages"]]

    def rows(self, table: sa.Table) -> list[Any]:
        with warehouse.opened(self.warehouse_url) as engine, engine.begin() as conn:
            return list(conn.execute(sa.select(table)))

    def trigger_by_command(self, dag_id: str, conf: dict[str, Any]) -> str:
        subprocess.run(
            [BIN / "airflow", "dags", "trigger", dag_id, "--conf", json.dumps(conf)],
            env={**os.environ, **self.environ},
            cwd=self.folder,
            check=True,
            capture_output=True,
            timeout=100,
        )
        run_id: str = self.airflow.runs(dag_id)[-1]["dag_run_id"]
        return run_id


def airflow_environ(folder: Path, port: int) -> dict[str, str]:
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps({"admin": "admin"}))
    url = f"http://127.0.0.1:{port}"
    return {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": "only-for-this-test-only-for-this-test-only-for-this-test-only-for",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "BIKE_RETRIES": "0",
        "BIKE_FIRST_FETCH_DAYS": "45",
        "BIKE_TRAIN_DAYS": "30",
        "ALERT_ROUTER_TOKEN": TOKEN,
    }


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    if missing := [str(one) for one in (ROUTER, BACKEND) if not one.exists()]:
        reason = f"not built yet (make setup): {', '.join(missing)}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    ports = {name: free_port() for name in ("airflow", "router", "backend", "discord")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}

    def program(name: str, command: list[str], health: str, **environ: str) -> Program:
        return Program(name, command, environ, urls[name] + health, tmp_path / f"{name}.log", ROOT)

    discord = program(
        "discord",
        [
            str(ROOT / ".venv/bin/python"),
            "-m",
            "testbed.fakes.discord",
            "--no-limits",
            "--port",
            str(ports["discord"]),
        ],
        "/control/counters",
    )
    router = program(
        "router",
        [str(ROUTER), "serve"],
        "/-/healthy",
        DISCORD_WEBHOOK_URL=f"{urls['discord']}/api/webhooks/1/token",
        ALERT_ROUTER_DATABASE_URL=f"sqlite:///{tmp_path}/router.db",
        ALERT_ROUTER_LISTEN=f"127.0.0.1:{ports['router']}",
        ALERT_ROUTER_INGEST_TOKENS=TOKEN,
    )
    backend = program(
        "backend",
        [
            str(BACKEND),
            "--factory",
            "backend.regmodel.app.fastapi_app:create_app_from_env",
            "--port",
            str(ports["backend"]),
        ],
        "/health",
        REGMODEL_STATE_DIR=str(tmp_path / "regmodel"),
        REGMODEL_GENERATED_COUNTERS="14",
    )
    now = datetime.now(UTC)
    start = (now - timedelta(days=DAYS)).replace(minute=0, second=0, microsecond=0)
    paris = ParisState(year.generated(counters=COUNTERS, start=start, days=DAYS), now, PROMPT)
    warehouse_url = f"sqlite:///{tmp_path}/warehouse.db"
    with ExitStack() as running:
        paris_url = running.enter_context(server.running(paris))
        environ = {
            **airflow_environ(tmp_path, ports["airflow"]),
            "BIKE_WAREHOUSE_URL": warehouse_url,
            "BIKE_PARIS_API_URL": paris_url,
            "BIKE_MODEL_API_URL": urls["backend"],
            "ALERT_ROUTER_URL": urls["router"],
        }
        airflow = program(
            "airflow", [str(BIN / "airflow"), "standalone"], "/api/v2/monitor/health", **environ
        )
        for one in (discord, router, backend, airflow):
            running.callback(one.stop)
            one.start()
        api = AirflowApi(running.enter_context(httpx.Client(base_url=urls["airflow"], timeout=30)))
        api.log_in("admin", "admin")
        yield Stack(tmp_path, environ, paris, api, router, backend, urls["discord"], warehouse_url)


@pytest.mark.airflow
@pytest.mark.timeout(600)
def test_the_pipeline_runs_and_every_fault_is_told_once(stack: Stack) -> None:
    airflow = stack.airflow
    until(lambda: airflow.knows(FETCH, PREDICT, MONITOR), "the DAGs are parsed", deadline_s=90)

    runs_by_the_scheduler(stack)
    a_forced_training_in_test_mode_ends_in_a_card(stack)
    a_backend_and_a_router_that_are_away(stack)
    a_killed_task(stack)
    a_second_run_of_the_day(stack)

    assert stack.events() == {
        ("TrainingSuccess", ""): 2,
        ("APIError", "POST /monitor"): 1,
        ("APIError", "POST /evaluate"): 1,
        ("APIError", f"DAG {FETCH}"): 1,
    }
    assert len(stack.cards()) == 3, "two trainings, and one incident of failing calls"
    assert {row.state for row in stack.rows(event_outbox)} == {"sent"}
    assert len(stack.rows(event_outbox)) == 5


def runs_by_the_scheduler(stack: Stack) -> None:
    """Unpaused, a DAG whose time has come runs at once; the forecast follows the fetch by its asset."""
    airflow = stack.airflow
    for dag_id in (PREDICT, FETCH):
        airflow.unpause(dag_id)
    first = until(lambda: airflow.runs(PREDICT), "the asset starts the forecast", deadline_s=120)[0]
    assert airflow.ended(PREDICT, first["dag_run_id"]) == "success"
    [fetched] = airflow.runs(FETCH)
    assert (fetched["state"], fetched["run_type"]) == ("success", "scheduled")
    assert airflow.xcom(FETCH, fetched["dag_run_id"], "fetch_bike_data", "records_count") > 40 * 24 * COUNTERS
    airflow.unpause(MONITOR)
    monitored = until(lambda: airflow.runs(MONITOR), "the monitoring is scheduled", deadline_s=60)[0]
    assert airflow.ended(MONITOR, monitored["dag_run_id"]) == "success"
    assert airflow.xcom(MONITOR, monitored["dag_run_id"], "validate_new_champion", "deployed") is True


def a_forced_training_in_test_mode_ends_in_a_card(stack: Stack) -> None:
    run_id = stack.trigger_by_command(MONITOR, {"force_fine_tune": True, "test_mode": True})

    assert stack.airflow.ended(MONITOR, run_id) == "success"
    until(lambda: any("skip_test_mode" in card for card in stack.cards()), "the training card", deadline_s=30)


def a_backend_and_a_router_that_are_away(stack: Stack) -> None:
    stack.router.stop()
    stack.backend.stop()

    run_id = stack.airflow.trigger(MONITOR)

    assert stack.airflow.ended(MONITOR, run_id) == "failed"
    waiting = [row.key for row in stack.rows(event_outbox) if row.state == "pending"]
    assert len(waiting) == 2
    assert next(row for row in stack.rows(monitoring_audit) if row.run_id == run_id).outcome == "failed"
    stack.router.start()
    stack.backend.start()


def a_killed_task(stack: Stack) -> None:
    airflow, asked = stack.airflow, len(stack.paris.requests)
    stack.paris.faults.append(Fault(status=429, retry_after_s=60))
    run_id = airflow.trigger(FETCH)
    until(lambda: len(stack.paris.requests) > asked, "the task waits for Paris", deadline_s=60)

    os.kill(airflow.task(FETCH, run_id, "fetch_bike_data")["pid"], signal.SIGKILL)

    assert airflow.ended(FETCH, run_id) == "failed"
    until(lambda: stack.events()["APIError", f"DAG {FETCH}"], "the killed task is told", deadline_s=60)


def a_second_run_of_the_day(stack: Stack) -> None:
    airflow, before = stack.airflow, len(stack.airflow.runs(PREDICT))
    run_id = airflow.trigger(FETCH)

    assert airflow.ended(FETCH, run_id) == "success"
    assert airflow.xcom(FETCH, run_id, "fetch_bike_data", "status") == "no_new_data"
    until(lambda: len(airflow.runs(PREDICT)) > before, "the forecast follows", deadline_s=60)
    forecast = airflow.runs(PREDICT)[-1]["dag_run_id"]
    assert airflow.ended(PREDICT, forecast) == "success"
    assert len(stack.rows(predictions)) == COUNTERS * 48
