"""The requests to Airflow's REST API: Airflow's field names stay in here, frozen values leave."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel

from monitoring.custom_exporters.http_client import HttpClient, NotFound, Wire
from monitoring.custom_exporters.runs import ACTIVE, FINISHED, Run, Task, XCom

RUNS = "/dags/~/dagRuns"
"""Of all DAGs: a request per page, however many DAGs there are."""


class _Dag(BaseModel):
    dag_id: str


class _Run(BaseModel):
    dag_id: str
    dag_run_id: str
    state: str
    run_after: AwareDatetime
    start_date: AwareDatetime | None
    end_date: AwareDatetime | None
    duration: float | None


class _Task(BaseModel):
    task_id: str
    state: str | None
    duration: float | None


class _Entry(BaseModel):
    key: str
    task_id: str
    map_index: int
    timestamp: AwareDatetime


class _Value(BaseModel):
    value: Any


class Airflow:
    """Every method raises Unavailable."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def dag_ids(self) -> frozenset[str]:
        pages = self._http.pages("/dags", "dags", _Dag, {"order_by": "dag_id"})
        return frozenset(dag.dag_id for page in pages for dag in page)

    def active_runs(self) -> list[Run]:
        pages = self._http.pages(RUNS, "dag_runs", _Run, {"state": list(ACTIVE), "order_by": "id"})
        return [_run(item) for page in pages for item in page]

    def finished_runs(self, since: datetime | None) -> Iterator[list[Run]]:
        """Page by page, in the order in which they ended."""
        params: dict[str, str | int | list[str]] = {"state": list(FINISHED), "order_by": "end_date"}
        if since is not None:
            params["end_date_gte"] = since.isoformat()
        for page in self._http.pages(RUNS, "dag_runs", _Run, params):
            yield [_run(item) for item in page]

    def tasks(self, run: Run) -> tuple[Task, ...]:
        """Empty for a run that was deleted."""
        tasks = self._of_run(run, "taskInstances", "task_instances", _Task)
        return tuple(Task(task.task_id, task.state, task.duration) for task in tasks)

    def xcoms(self, run: Run, keys: Collection[str]) -> tuple[XCom, ...]:
        """The run's XComs under these keys, the oldest first."""
        entries = self._of_run(run, "taskInstances/~/xcomEntries", "xcom_entries", _Entry)
        wanted = [entry for entry in entries if entry.key in keys and entry.map_index < 0]
        return tuple(self._xcom(run, entry) for entry in sorted(wanted, key=lambda entry: entry.timestamp))

    def _xcom(self, run: Run, entry: _Entry) -> XCom:
        """Lists hold no values, so each is a request. None: the XCom was cleared since."""
        path = f"taskInstances/{quote(entry.task_id, safe='')}/xcomEntries/{quote(entry.key, safe='')}"
        try:
            value = self._http.item(f"{_path(run)}/{path}", _Value).value
        except NotFound:
            value = None
        return XCom(entry.task_id, entry.key, value)

    def _of_run(self, run: Run, path: str, name: str, kind: type[Wire]) -> list[Wire]:
        try:
            return [item for page in self._http.pages(f"{_path(run)}/{path}", name, kind) for item in page]
        except NotFound:
            return []


def _path(run: Run) -> str:
    return f"/dags/{quote(run.dag_id, safe='')}/dagRuns/{quote(run.run_id, safe='')}"


def _run(wire: _Run) -> Run:
    return Run(
        dag_id=wire.dag_id,
        run_id=wire.dag_run_id,
        state=wire.state,
        run_after=wire.run_after,
        started_at=wire.start_date,
        ended_at=wire.end_date,
        duration_s=wire.duration,
    )
