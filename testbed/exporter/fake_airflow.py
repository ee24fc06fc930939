"""Airflow's REST API v2 in memory, with the shapes of recorded.json and the rules of the real API.

Stricter in a single point: query parameters that the real API ignores are refused here.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded.json").read_text())
PASSWORD = "the viewer's password"
MAX_PAGE = 100
Params = Mapping[str, list[str]]
ORDERS = {"dags": {"dag_id"}, "dag_runs": {"id", "end_date"}}
PAGING = {"limit", "offset", "order_by"}


@dataclass(slots=True, kw_only=True)
class StoredRun:
    number: int
    dag_id: str
    run_id: str
    state: str
    run_after: datetime
    start: datetime | None
    end: datetime | None
    tasks: list[tuple[str, str | None, float | None]]
    xcoms: list[tuple[str, str, Any]]

    def row(self) -> dict[str, Any]:
        row = _template("dag_runs")
        known = {"dag_id": self.dag_id, "dag_run_id": self.run_id, "state": self.state}
        times = {
            "run_after": _iso(self.run_after),
            "start_date": _iso(self.start),
            "end_date": _iso(self.end),
        }
        duration = (self.end - self.start).total_seconds() if self.start and self.end else None
        return row | known | times | {"duration": duration}


@dataclass(slots=True)
class FakeAirflow:
    """Call it with a request, as httpx.MockTransport does."""

    dags: list[str] = field(default_factory=list)
    runs: dict[tuple[str, str], StoredRun] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    token: str = "token-1"
    page_limit: int = MAX_PAGE
    fault: Callable[[httpx.Request], httpx.Response | None] = lambda _request: None
    """Returns the response to give instead, or None."""
    _numbers: Iterable[int] = field(default_factory=lambda: itertools.count(1))

    def run(
        self,
        dag_id: str,
        run_id: str,
        *,
        state: str = "success",
        start: datetime | None,
        end: datetime | None = None,
        run_after: datetime | None = None,
        tasks: Iterable[tuple[str, str | None, float | None]] = (("measure", "success", 2.0),),
        xcoms: Mapping[str, Any] | Iterable[tuple[str, str, Any]] = (),
    ) -> None:
        """xcoms: by key, pushed by the task measure; or (task, key, value)."""
        if dag_id not in self.dags:
            self.dags.append(dag_id)
        known = self.runs.get((dag_id, run_id))
        after = run_after or (known.run_after if known else start) or datetime.fromisoformat("2026-01-01T00Z")
        pushed = [("measure", *item) for item in xcoms.items()] if isinstance(xcoms, Mapping) else list(xcoms)
        self.runs[dag_id, run_id] = StoredRun(
            number=known.number if known else next(iter(self._numbers)),
            dag_id=dag_id,
            run_id=run_id,
            state=state,
            run_after=after,
            start=start,
            end=end,
            tasks=list(tasks),
            xcoms=pushed,
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, _, query = request.url.raw_path.decode().partition("?")
        self.requests.append(f"{request.method} {path}")
        if (instead := self.fault(request)) is not None:
            return instead
        if (request.method, path) == ("POST", "/auth/token"):
            return self._log_in(json.loads(request.content))
        if (refused := self._refusal(request.headers.get("authorization"))) is not None:
            return refused
        assert request.method == "GET", "a viewer only reads"
        segments = [unquote(part) for part in path.removeprefix("/api/v2/").split("/")]
        return self._answer(segments, parse_qs(query, strict_parsing=True) if query else {})

    def _log_in(self, body: Any) -> httpx.Response:
        if body != {"username": "exporter", "password": PASSWORD}:
            return _recorded("login_refused")
        return httpx.Response(201, json={"access_token": self.token})

    def _refusal(self, authorization: str | None) -> httpx.Response | None:
        if authorization is None:
            return _recorded("no_token")
        return None if authorization == f"Bearer {self.token}" else _recorded("token_refused")

    def _answer(self, segments: list[str], params: Params) -> httpx.Response:
        match segments:
            case ["dags"]:
                rows = [_template("dags") | {"dag_id": dag} for dag in sorted(self.dags)]
                return self._page("dags", rows, params)
            case ["dags", "~", "dagRuns"]:
                return self._dag_runs(params)
            case ["dags", dag, "dagRuns", run_id, "taskInstances"]:
                return self._tasks(self.runs.get((dag, run_id)), params)
            case ["dags", dag, "dagRuns", run_id, "taskInstances", "~", "xcomEntries"]:
                run = self.runs.get((dag, run_id))
                return self._page("xcom_entries", _entries(run) if run else [], params)
            case ["dags", dag, "dagRuns", run_id, "taskInstances", task, "xcomEntries", key]:
                return _xcom(self.runs.get((dag, run_id)), task, key)
            case _:
                raise AssertionError(f"unexpected request: {segments}")

    def _dag_runs(self, params: Params) -> httpx.Response:
        states = params.get("state", [])
        assert set(states) <= {"queued", "running", "success", "failed"}, "the real API answers 422"
        since = [datetime.fromisoformat(text) for text in params.get("end_date_gte", [])]
        assert all(at.tzinfo for at in since), "the real API answers 422"
        runs = [run for run in self.runs.values() if run.state in states]
        runs = [run for run in runs if not since or (run.end is not None and run.end >= since[0])]
        by_end = params["order_by"] == ["end_date"]
        runs.sort(key=lambda run: (run.end.timestamp() if by_end and run.end else 0.0, run.number))
        return self._page("dag_runs", [run.row() for run in runs], params, {"state", "end_date_gte"})

    def _tasks(self, run: StoredRun | None, params: Params) -> httpx.Response:
        if run is None:
            return _recorded("no_run")
        rows = [
            _template("task_instances") | {"task_id": name, "state": state, "duration": duration}
            for name, state, duration in run.tasks
        ]
        return self._page("task_instances", rows, params)

    def _page(
        self, name: str, rows: list[dict[str, Any]], params: Params, filters: Iterable[str] = ()
    ) -> httpx.Response:
        assert params.keys() <= {*PAGING, *filters}, f"no such parameter: {params}"
        assert set(params.get("order_by", [])) <= ORDERS.get(name, set()), "the real API answers 400"
        offset, limit = int(params["offset"][0]), min(int(params["limit"][0]), self.page_limit)
        body = RECORDED[name]["body"] | {name: rows[offset : offset + limit], "total_entries": len(rows)}
        return httpx.Response(200, json=body)


def _entries(run: StoredRun) -> list[dict[str, Any]]:
    return [
        _template("xcom_entries")
        | {"task_id": task, "key": key, "timestamp": _iso(run.run_after + timedelta(seconds=number))}
        for number, (task, key, _) in enumerate(run.xcoms)
    ][::-1]  # the real API sorts by key, so not by time either


def _xcom(run: StoredRun | None, task: str, key: str) -> httpx.Response:
    values = [value for *name, value in (run.xcoms if run else ()) if name == [task, key]]
    if not values:
        return _recorded("no_xcom")
    body = RECORDED["xcom_value"]["body"] | {"task_id": task, "key": key, "value": values[-1]}
    return httpx.Response(200, content=json.dumps(body), headers={"content-type": "application/json"})


def _recorded(name: str) -> httpx.Response:
    return httpx.Response(RECORDED[name]["status"], json=RECORDED[name]["body"])


def _template(name: str) -> dict[str, Any]:
    """A recorded row, whose known fields the caller replaces."""
    rows: list[dict[str, Any]] = RECORDED[name]["body"][name]
    return rows[0]


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
