"""The three DAGs without a scheduler: the same plain functions in the same order, at the simulated time.

dags/dag_*.py and dags/airflow_edge.py join them for Airflow, where a failed task becomes the same event.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dags.pipeline import (
    daily_prediction,
    failures,
    fetching,
    model_api,
    model_monitoring,
    monitoring_report,
    observation_sync,
    warehouse,
)
from dags.pipeline.events import Origin
from dags.pipeline.model_api import ModelApi
from dags.pipeline.model_monitoring import Deadline
from dags.pipeline.monitoring_report import Results
from dags.pipeline.settings import Settings
from dags.pipeline.thresholds import Thresholds
from dags.utils.discord_alerts import Reporter
from testbed.year.clock import Clock

XCom = dict[str, Any]
MAX_SLEEP_S = 0.2
"""The polls of a training are up to 5 s apart; on 50 Mondays these seconds add up."""
TRAINING_S = 600.0


def sleep(seconds: float) -> None:
    threading.Event().wait(min(seconds, MAX_SLEEP_S))


@dataclass(frozen=True, slots=True)
class Pipeline:
    settings: Settings
    limits: Thresholds
    clock: Clock

    def fetch(self) -> XCom | None:
        reporter = self._reporter("daily_fetch_bike_data")
        reporter.flush()

        def fetched() -> XCom:
            return fetching.fetch(self.settings, self.clock(), sleep=sleep, clock=self.clock)

        return _attempt(reporter, "fetch_bike_data", fetched)

    def predict(self) -> XCom | None:
        def predicted() -> XCom:
            with self._model() as api:
                return daily_prediction.predict(self.settings, api, self.clock())

        return _attempt(self._reporter("daily_prediction"), "predict_next_hours", predicted)

    def score(self) -> XCom | None:
        def scored() -> XCom:
            return daily_prediction.score(self.settings, self.limits, self.clock())

        return _attempt(self._reporter("daily_prediction"), "score_forecasts", scored)

    def monitor(self) -> Results:
        reporter, now = self._reporter("monitor_and_fine_tune"), self.clock()
        with self._current_model() as api:
            results = Results(
                monitor_drift=_attempt(reporter, "monitor_drift", lambda: model_monitoring.drift(api, now)),
                validate_model=_attempt(
                    reporter, "validate_model", lambda: model_monitoring.validation(api, now)
                ),
            )
            results = self._tuned(results, api, reporter, now)
        monitoring_report.report(results, self.limits, reporter)
        with self._warehouse() as engine, engine.begin() as conn:
            monitoring_report.save_audit_row(conn, results, reporter, now)
        return results

    def _tuned(self, results: Results, api: ModelApi, reporter: Reporter, now: datetime) -> Results:
        """As Airflow goes on: not past a task that failed."""
        if results.monitor_drift is None or results.validate_model is None:
            return results
        _, decided = model_monitoring.decision(results.measurements, self.limits, force=False)
        results = replace(results, decide_fine_tune=decided)
        if not decided["trains"]:
            return results

        def trained() -> XCom:
            key = reporter.origin.run_id
            return model_monitoring.fine_tune(api, now, Deadline(TRAINING_S), test_mode=False, key=key)

        run = _attempt(reporter, "fine_tune_model", trained)
        if run is None:
            return results
        champion = _attempt(
            reporter, "validate_new_champion", lambda: model_monitoring.new_champion(api, run, now)
        )
        return replace(results, fine_tune_model=run, validate_new_champion=champion)

    def _reporter(self, dag_id: str) -> Reporter:
        origin = Origin(dag_id, f"scheduled__{self.clock().isoformat()}")
        return Reporter(origin, self.settings, clock=self.clock, sleep=sleep)

    @contextmanager
    def _model(self) -> Iterator[ModelApi]:
        with model_api.connected(self.settings) as api:
            yield replace(api, sleep=sleep)

    @contextmanager
    def _current_model(self) -> Iterator[ModelApi]:
        """The service, after the new observations were sent to it."""
        with self._model() as api, self._warehouse() as engine:
            observation_sync.publish(engine, api, self.settings.model_host)
            yield api

    def _warehouse(self) -> Any:
        return warehouse.opened(self.settings.warehouse_url.get_secret_value())


def _attempt(reporter: Reporter, task_id: str, work: Callable[[], XCom]) -> XCom | None:
    """None when the task fails, which is reported: as by Airflow's on_failure_callback."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - every failure of a task is reported, as under Airflow
        failures.report_task(reporter, task_id, f"{type(error).__name__}: {error}")
        return None
