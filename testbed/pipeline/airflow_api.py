"""Airflow's REST API, as the tests of the whole pipeline use it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from testbed.processes import until

T = TypeVar("T")


def first(poll: Callable[[], T | None], what: str, *, within_s: float) -> T:
    """The first result that is not empty."""
    results: list[T] = []

    def is_there() -> bool:
        if result := poll():
            results.append(result)
        return bool(results)

    until(is_there, what, within_s=within_s)
    return results[0]


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
        known = {dag["dag_id"] for dag in self._json("GET", "/api/v2/dags")["dags"]}
        return set(dag_ids) <= known

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Oldest first."""
        path = f"/api/v2/dags/{dag_id}/dagRuns?order_by=run_after"
        runs: list[dict[str, Any]] = self._json("GET", path)["dag_runs"]
        return runs

    def final_state(self, dag_id: str, run_id: str, *, within_s: float = 120) -> str:
        """Waits until the run ends."""

        def state() -> str | None:
            state: str = self._json("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]
            return state if state in ("success", "failed") else None

        return first(state, f"{dag_id} {run_id} ends", within_s=within_s)

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        instance: dict[str, Any] = self._json("GET", path)
        return instance

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str) -> Any:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self._json("GET", path)["value"]

    def _json(self, method: str, path: str, body: object = None) -> Any:
        answer = self.client.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()
