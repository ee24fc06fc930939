"""A real Airflow on a free port, with the DAGs of real_dags.py, an admin who triggers and a viewer."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from testbed import real_parts
from testbed.ports import free_port
from testbed.processes import Process, until

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv-airflow/bin"
ADMIN, VIEWER = ("admin", "admin's password"), ("exporter", "viewer's password")
START_S = 100.0
PARTS = (["scheduler", "--skip-serve-logs"], ["dag-processor"], ["api-server"])


def needed() -> None:
    """Airflow missing is a failure in CI, else a skip."""
    if (BIN / "airflow").exists():
        return
    real_parts.missing(
        "there is no .venv-airflow (make setup-airflow builds it from requirements/airflow.lock)"
    )


@dataclass(slots=True)
class RealAirflow:
    folder: Path
    port: int = field(default_factory=free_port)
    _parts: list[Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator["RealAirflow"]:
        airflow = cls(folder)
        airflow.prepare()
        try:
            airflow.start()
            yield airflow
        finally:
            airflow.stop()

    def prepare(self) -> None:
        dags = self.folder / "dags"
        dags.mkdir()
        shutil.copy(Path(__file__).with_name("real_dags.py"), dags)
        (self.folder / "passwords.json").write_text(json.dumps(dict((ADMIN, VIEWER))))
        command, given = [str(BIN / "airflow"), "db", "migrate"], os.environ | self._environment()
        with (self.folder / "migrate.log").open("wb") as log:
            subprocess.run(command, env=given, stdout=log, stderr=log, check=True)

    def start(self) -> None:
        """With a new signing key, so that tokens of the time before are refused."""
        environment = self._environment() | {"AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64)}
        health = f"{self.url}/api/v2/monitor/health"
        self._parts = [
            Process(
                part[0], [str(BIN / "airflow"), *part], health, self.folder / f"{part[0]}.log", environment
            )
            for part in PARTS
        ]
        for part in self._parts:
            part.start()
        self._parts[-1].wait_ready(START_S)
        until(self._is_ready, "Airflow knows its DAGs and schedules", within_s=START_S)

    def stop(self) -> None:
        """As if the power had gone: a polite end of the scheduler takes half a minute."""
        for part in self._parts:
            part.kill()
        self._parts = []

    def client(self, user: tuple[str, str]) -> httpx.Client:
        with httpx.Client(base_url=self.url, trust_env=False, timeout=30) as http:
            answer = http.post("/auth/token", json={"username": user[0], "password": user[1]})
            token = answer.json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=f"{self.url}/api/v2", headers=headers, trust_env=False, timeout=30)

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """The id of the new run."""
        with self.client(ADMIN) as admin:
            answer = admin.post(f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})
        assert answer.status_code == 200, answer.text
        run_id: str = answer.json()["dag_run_id"]
        return run_id

    def _is_ready(self) -> bool:
        with self.client(VIEWER) as viewer:
            health = viewer.get("/monitor/health").json()
            dags: int = viewer.get("/dags").json()["total_entries"]
            return dags == 3 and bool(health["scheduler"]["status"] == "healthy")

    def _environment(self) -> dict[str, str]:
        given = {
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGS_FOLDER": str(self.folder / "dags"),
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,exporter:viewer",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.folder / "passwords.json"),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__PARALLELISM": "3",
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.folder / 'airflow.db'}",
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.port),
            "API__WORKERS": "1",
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        }
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        home = {"AIRFLOW_HOME": str(self.folder), "PATH": path}
        return home | {f"AIRFLOW__{name}": value for name, value in given.items()}
