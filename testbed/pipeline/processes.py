"""Starts real programs on free ports of loopback, waits until they answer, and ends them."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
TICK_S = 0.2
STOP_DEADLINE_S = 15.0


def until(found: Callable[[], T | None], what: str, *, deadline_s: float) -> T:
    """The first answer that is not empty."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(TICK_S)  # noqa: TID251 - the tick of a wait with a condition and a deadline
    raise AssertionError(f"{what}: not within {deadline_s:g} s")


@dataclass
class Program:
    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    health_url: str
    log: Path
    cwd: Path
    deadline_s: float = 180.0
    """Generous: Airflow's first start takes 25 s on an idle machine of two cores, a busy one needs more."""
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Answers when this returns."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env={**os.environ, **self.environ},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(self._healthy, f"{self.name} answers", deadline_s=self.deadline_s)

    def stop(self) -> None:
        """Asks the program to end with its children, and kills what is left of them."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_DEADLINE_S)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_DEADLINE_S)
        self.process = None

    def _healthy(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended: {self.log.read_text()[-3000:]}")
        try:
            return httpx.get(self.health_url, timeout=5).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


@dataclass
class AirflowApi:
    client: httpx.Client

    def log_in(self, user: str, password: str) -> None:
        answer = self.client.post("/auth/token", json={"username": user, "password": password})
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def unpause(self, dag_id: str) -> None:
        self._json("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})

    def trigger(self, dag_id: str, **conf: Any) -> str:
        body = {"logical_date": None, "conf": conf}
        run_id: str = self._json("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"]
        return run_id

    def knows(self, *dag_ids: str) -> bool:
        found = {dag["dag_id"] for dag in self._json("GET", "/api/v2/dags")["dags"]}
        return set(dag_ids) <= found

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Oldest first."""
        path = f"/api/v2/dags/{dag_id}/dagRuns?order_by=run_after"
        runs: list[dict[str, Any]] = self._json("GET", path)["dag_runs"]
        return runs

    def ended(self, dag_id: str, run_id: str, *, deadline_s: float = 120) -> str:
        """The state it ended in."""

        def state() -> str | None:
            found: str = self._json("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]
            return found if found in ("success", "failed") else None

        return until(state, f"{dag_id} {run_id} ends", deadline_s=deadline_s)

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._json(
            "GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        )
        return found

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str) -> Any:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self._json("GET", path)["value"]

    def _json(self, method: str, path: str, body: object = None) -> Any:
        answer = self.client.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()
