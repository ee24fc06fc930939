"""The events that the pipeline reports, in the form of the router's POST /events."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from dags.pipeline.xcom import without_none

MAX_ERROR_CHARS = 2_000
"""The router takes 20,000; a person reads the first lines."""
RESOLVED = {"status": "resolved"}
"""Ends a drift or a performance alert. Without it the alert fires."""

TEST_MODE = {"test_mode": True}
"""Of a training that is a trial: it neither opens nor ends an alert about the real trainings."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The run that reports. Its task and try are in the event, but not in the event's key."""

    dag_id: str
    run_id: str
    task_id: str | None = None
    try_number: int | None = None
    airflow_url: str = ""
    """Where people reach Airflow; empty: unknown."""

    @property
    def log_url(self) -> str | None:
        """The page of the task's log, else of the run; None without an address that a browser can open."""
        if not self.airflow_url.startswith(("http://", "https://")):
            return None
        run = f"{self.airflow_url.rstrip('/')}/dags/{quote(self.dag_id)}/runs/{quote(self.run_id)}"
        if self.task_id is None:
            return run
        attempt = f"?try_number={self.try_number}" if self.try_number is not None else ""
        return f"{run}/tasks/{quote(self.task_id)}{attempt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    origin: Origin
    occurred_at: datetime
    model_type: str | None = None
    type: str
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The router's own rule: one event per type, run and subject, whichever try of the task reports it.

        A resolved event has a key of its own: a cleared run may measure as good what it reported as bad.
        """
        subject = self.details.get("endpoint", self.model_type or "")
        key = f"{self.type}:{self.origin.dag_id}:{self.origin.run_id}:{subject}"
        return f"{key}:resolved" if self.details.get("status") == "resolved" else key

    def as_json(self) -> str:
        body = {
            "type": self.type,
            "dag_id": self.origin.dag_id,
            "run_id": self.origin.run_id,
            "task_id": self.origin.task_id,
            "try_number": self.origin.try_number,
            "occurred_at": self.occurred_at.isoformat(),
            "model_type": self.model_type,
            "links": [{"title": "Log", "url": self.origin.log_url}] if self.origin.log_url else None,
            **self.details,
        }
        return json.dumps(without_none(body), ensure_ascii=False)


def airflow_url(environ: Mapping[str, str]) -> str:
    """By Airflow's own variable for its address."""
    return environ.get("AIRFLOW__API__BASE_URL", "")


def drift(
    drift_share: float, r2: float | None, drifted_features: Sequence[str], *, resolved: bool = False
) -> dict[str, Any]:
    details = {"drift_share": drift_share, "r2": r2, "drifted_features": list(drifted_features)}
    return details | RESOLVED if resolved else details


def performance(
    r2: float, rmse: float | None, thresholds: Mapping[str, float], *, resolved: bool = False
) -> dict[str, Any]:
    details = {"r2": r2, "rmse": rmse, "thresholds": dict(thresholds)}
    return details | RESOLVED if resolved else details


def training_success(
    improvement: float | None,
    decision: str,
    *,
    new_r2: float | None,
    old_r2: float | None,
    test_mode: bool = False,
) -> dict[str, Any]:
    details = {"improvement": improvement, "decision": decision, "new_r2": new_r2, "old_r2": old_r2}
    return details | TEST_MODE if test_mode else details


def training_failure(error: str, *, test_mode: bool = False) -> dict[str, Any]:
    details: dict[str, Any] = {"error_message": clipped(error)}
    return details | TEST_MODE if test_mode else details


def api_error(endpoint: str, error: str) -> dict[str, Any]:
    return {"endpoint": endpoint, "error": clipped(error)}


def clipped(text: str) -> str:
    return text if len(text) <= MAX_ERROR_CHARS else text[: MAX_ERROR_CHARS - 1] + "…"
