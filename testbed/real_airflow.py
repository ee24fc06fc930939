"""A real Airflow on a free port: its processes, an admin who triggers runs and a viewer."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from testbed import real_parts
from testbed.ports import free_port
from testbed.processes import Process, until

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv-airflow"
BIN = VENV / "bin"
ADMIN, VIEWER = ("admin", "admin's password"), ("exporter", "viewer's password")
START_S = 100.0
UNPAUSED = {"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False"}
PARTS = (["scheduler", "--skip-serve-logs"], ["dag-processor"], ["api-server"])
WITH_TRIGGERER = (["triggerer", "--skip-serve-logs"], *PARTS)


def require() -> None:
    """Airflow missing is a failure in CI, else a skip."""
    if (BIN / "airflow").exists():
        return
    real_parts.missing(
        "there is no .venv-airflow (make setup-airflow builds it from requirements/airflow.lock)"
    )


def migrated_database() -> Path:
    """An empty SQLite database at the installed Airflow's version, to copy. Made once per environment."""
    [version] = [path.name for path in VENV.glob("lib/*/site-packages/apache_airflow_core-*.dist-info")]
    database = VENV / f"{version.removesuffix('.dist-info')}.db"
    if not database.exists():
        own = database.with_suffix(f".{os.getpid()}")
        own.mkdir()
        url = f"sqlite:///{own / 'airflow.db'}"
        environ = {"AIRFLOW_HOME": str(own), "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url}
        subprocess.run([BIN / "airflow", "db", "migrate"], env=os.environ | environ, check=True)
        (own / "airflow.db").replace(database)
        shutil.rmtree(own)
    return database


@dataclass(slots=True)
class RealAirflow:
    folder: Path
    dags: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[list[str]] = PARTS
    port: int = field(default_factory=free_port)
    _processes: list[Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator["RealAirflow"]:
        (self.folder / "passwords.json").write_text(json.dumps(dict((ADMIN, VIEWER))))
        shutil.copy(migrated_database(), self.folder / "airflow.db")
        try:
            self.start()
            yield self
        finally:
            self.kill()

    def start(self) -> None:
        """With a new signing key, so that earlier tokens are refused."""
        environment = self.environ() | {"AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64)}
        health = f"{self.url}/api/v2/monitor/health"
        self._processes = [
            Process(
                part[0], [str(BIN / "airflow"), *part], health, self.folder / f"{part[0]}.log", environment
            )
            for part in self.parts
        ]
        for process in self._processes:
            process.start()
        self._processes[-1].wait_ready(START_S)
        until(self._is_ready, "Airflow knows its DAGs and schedules", within_s=START_S)

    def kill(self) -> None:
        """As in a power cut: a regular stop of the scheduler takes half a minute."""
        for process in self._processes:
            process.kill()
        self._processes = []

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

    def environ(self) -> dict[str, str]:
        """Of every Airflow process, and of the airflow command."""
        options = {
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGS_FOLDER": str(self.dags),
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
        home = {"AIRFLOW_HOME": str(self.folder), "PATH": path, "PYTHONPATH": str(ROOT)}
        return home | {f"AIRFLOW__{name}": value for name, value in options.items()} | dict(self.environment)

    def _is_ready(self) -> bool:
        with self.client(VIEWER) as viewer:
            health = viewer.get("/monitor/health").json()
            dags: int = viewer.get("/dags").json()["total_entries"]
            return dags == 3 and bool(health["scheduler"]["status"] == "healthy")
