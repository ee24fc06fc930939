"""A DAG run of Airflow, as the exporter stores it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

SUCCESS, FAILED = "success", "failed"
RUNNING, QUEUED = "running", "queued"
FINISHED = (SUCCESS, FAILED)
ACTIVE = (QUEUED, RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    dag_id: str
    run_id: str
    state: str
    run_after: datetime
    """The order of runs: a backfill that ends today is older than yesterday's scheduled run."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class Task:
    task_id: str
    state: str | None
    duration_s: float | None


@dataclass(frozen=True, slots=True)
class XCom:
    task_id: str
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Ended:
    """A finished run with its tasks and XComs."""

    run: Run
    tasks: tuple[Task, ...] = ()
    xcoms: tuple[XCom, ...] = ()
    """The oldest first."""

    def pushed(self, key: str, task_id: str | None = None) -> Any:
        """By that task, or by any; of two the later. None: not pushed."""
        values = [xcom.value for xcom in self.xcoms if xcom.key == key and task_id in (None, xcom.task_id)]
        return values[-1] if values else None

    def failed(self, task_id: str) -> bool:
        return any(task.task_id == task_id and task.state == FAILED for task in self.tasks)

    @property
    def task_seconds(self) -> dict[str, float]:
        """Of the tasks that ran; a mapped task counts as its slowest instance."""
        ran = [(task.task_id, task.duration_s) for task in self.tasks if task.state in FINISHED]
        longest: dict[str, float] = {}
        for task_id, seconds in ran:
            if seconds is not None:
                longest[task_id] = max(seconds, longest.get(task_id, 0.0))
        return longest
