"""Moves the clock through the year and runs the due tasks: fetch and predict daily, monitor on Mondays."""

import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dags.pipeline.monitoring_report import Results
from testbed.fakes.paris.state import ParisState
from testbed.year.clock import Clock
from testbed.year.history import RouterHistory
from testbed.year.pipeline import Pipeline
from testbed.year.results import Score, Week

DAILY_HOUR, WEEKLY_HOUR = 5, 6
"""As the DAGs' schedules say, UTC."""
EVERY_DAY = frozenset(range(7))
EVERY_HOUR_FORECAST = frozenset((0, 2, 4, 6))
"""Monday, Wednesday, Friday, Sunday: forecasts of 48 hours leave no hour out, at half the cost."""


def days_until(monday: date, previous: date | None, weekdays: AbstractSet[int] = EVERY_DAY) -> list[date]:
    """The days whose daily runs lie between two Mondays' monitoring; before the first only its own."""
    first = previous + timedelta(days=1) if previous else monday
    days = (first + timedelta(days=number) for number in range((monday - first).days + 1))
    return [day for day in days if day.weekday() in weekdays]


@dataclass(frozen=True, slots=True)
class Simulation:
    clock: Clock
    paris: ParisState
    pipeline: Pipeline
    history: RouterHistory
    weekdays: AbstractSet[int] = EVERY_HOUR_FORECAST

    def weeks(self, mondays: Sequence[date], on_week: Callable[[Week], None]) -> Iterator[Week]:
        previous: date | None = None
        for monday in mondays:
            week = self._week(monday, previous)
            on_week(week)
            yield week
            previous = monday

    def _week(self, monday: date, previous: date | None) -> Week:
        started = time.monotonic()
        rows_new = forecasts = 0
        for day in days_until(monday, previous, self.weekdays):
            self._now(day, DAILY_HOUR)
            rows_new += (self.pipeline.fetch() or {}).get("records_count", 0)
            forecasts += (self.pipeline.predict() or {}).get("predictions_count", 0)
        forecast = self.pipeline.score() or {}
        at = self._now(monday, WEEKLY_HOUR)
        results = self.pipeline.monitor()
        opened, resolved = self.history.changes()
        return Week(
            at=at,
            forecast=_score(forecast),
            rows_new=rows_new,
            forecasts=forecasts,
            opened=opened,
            resolved=resolved,
            took_s=round(time.monotonic() - started, 2),
            **monitored(results),
        )

    def _now(self, day: date, hour: int) -> datetime:
        now = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        self.paris.now = now
        self.clock.move(now)
        return now


def monitored(results: Results) -> dict[str, Any]:
    measured, decided = results.measurements, results.decide_fine_tune or {}
    trained, champion = results.fine_tune_model or {}, results.validate_new_champion or {}
    before = (results.validate_model or {}).get("champion_run_id")
    return {
        "measured": Score(r2=measured.r2, rmse=measured.rmse),
        "drift_share": measured.drift_share,
        "decision": decided.get("decision"),
        "reason": decided.get("decision_reason"),
        "failed_task": results.failed_task,
        "trained": bool(trained),
        "training_s": trained.get("training_duration_seconds"),
        "deployment": champion.get("deployment"),
        "improvement": trained.get("improvement"),
        "champion": champion.get("champion_run_id", before),
    }


def _score(scores: dict[str, Any]) -> Score:
    return Score(r2=scores.get("r2"), rmse=scores.get("rmse"))
