"""The state of Airflow at a moment: everything that a scrape shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitoring.custom_exporters.counter_increments import Series
from monitoring.custom_exporters.runs import QUEUED, RUNNING, Ended, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class DagState:
    dag_id: str
    newest: Ended | None = None
    """The newest run that has ended."""
    last_success: datetime | None = None
    active: tuple[Run, ...] = ()

    def count(self, state: str) -> int:
        return sum(run.state == state for run in self.active)

    @property
    def running_since(self) -> datetime | None:
        """The start of the longest of its running runs."""
        starts = [run.started_at for run in self.active if run.state == RUNNING and run.started_at]
        return min(starts, default=None)

    @property
    def queued(self) -> int:
        return self.count(QUEUED)

    @property
    def running(self) -> int:
        return self.count(RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    up: bool | None = None
    """None: not known, as before the first poll."""
    complete: bool | None = None
    """Whether the last poll was completed; None before the first."""
    at: datetime | None = None
    """The time of the last completed poll."""
    took_s: float | None = None
    totals: Mapping[Series, float] = field(default_factory=dict)
    dags: tuple[DagState, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)

    def without_the_present(self, *, up: bool | None) -> "Snapshot":
        """The counters stay, so that an alert sees their increase across the gap."""
        return replace(self, up=up, complete=False, took_s=None, dags=(), values={})

    def as_of(self, now: datetime, stale_after: timedelta) -> "Snapshot":
        """Without the present, when a poll has been under way for too long."""
        stale = self.at is not None and now - self.at > stale_after
        return self.without_the_present(up=False) if stale and self.complete else self
