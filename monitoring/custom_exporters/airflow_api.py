"""The questions we have for Airflow, in its words; the answers in ours."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel

from monitoring.custom_exporters.http_client import Gone, Rest, Wire
from monitoring.custom_exporters.runs import ACTIVE, FINISHED, Run, Task, XCom

RUNS = "/dags/~/dagRuns"
"""Of all DAGs: one request a page, however many DAGs there are."""


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
    """Raises Away from every question."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def dag_ids(self) -> frozenset[str]:
        pages = self._rest.pages("/dags", "dags", _Dag, {"order_by": "dag_id"})
        return frozenset(dag.dag_id for page in pages for dag in page)

    def active_runs(self) -> list[Run]:
        pages = self._rest.pages(RUNS, "dag_runs", _Run, {"state": list(ACTIVE), "order_by": "id"})
        return [_run(one) for page in pages for one in page]

    def finished_runs(self, since: datetime | None) -> Iterator[list[Run]]:
        """Page by page, the first that ended first."""
        params: dict[str, str | int | list[str]] = {"state": list(FINISHED), "order_by": "end_date"}
        if since is not None:
            params["end_date_gte"] = since.isoformat()
        for page in self._rest.pages(RUNS, "dag_runs", _Run, params):
            yield [_run(one) for one in page]

    def tasks(self, run: Run) -> tuple[Task, ...]:
        """Empty for a run that was deleted."""
        tasks = self._of_run(run, "taskInstances", "task_instances", _Task)
        return tuple(Task(one.task_id, one.state, one.duration) for one in tasks)

    def xcoms(self, run: Run, keys: Collection[str]) -> tuple[XCom, ...]:
        """What the run has pushed under these keys, the oldest first."""
        entries = self._of_run(run, "taskInstances/~/xcomEntries", "xcom_entries", _Entry)
        ours = [entry for entry in entries if entry.key in keys and entry.map_index < 0]
        return tuple(self._xcom(run, entry) for entry in sorted(ours, key=lambda entry: entry.timestamp))

    def _xcom(self, run: Run, entry: _Entry) -> XCom:
        """Lists hold no values, so each is a request. The value is None for one that was cleared since."""
        path = f"taskInstances/{quote(entry.task_id, safe='')}/xcomEntries/{quote(entry.key, safe='')}"
        try:
            value = self._rest.one(f"{_path(run)}/{path}", _Value).value
        except Gone:
            value = None
        return XCom(entry.task_id, entry.key, value)

    def _of_run(self, run: Run, path: str, name: str, kind: type[Wire]) -> list[Wire]:
        try:
            return [one for page in self._rest.pages(f"{_path(run)}/{path}", name, kind) for one in page]
        except Gone:
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
