"""What Airflow knows about one DAG run, as we keep it."""

from dataclasses import dataclass
from datetime import datetime

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
