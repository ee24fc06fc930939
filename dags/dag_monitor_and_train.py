"""monitor_and_fine_tune: measures drift and the model once a week, retrains when needed, and reports."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from dags.airflow_edge import (
    AS_OF,
    MODEL_MISSING,
    RunFailure,
    as_of,
    current_settings,
    deadline,
    default_args,
    model,
    reporter,
)
from dags.pipeline import (
    ingestion,
    model_monitoring,
    monitoring_report,
    observation_sync,
    thresholds,
    warehouse,
)
from dags.pipeline.model_api import ModelApi
from dags.pipeline.monitoring_report import Results
from dags.training import FineTuneModel

MEASURES = ("monitor_drift", "validate_model")


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 6 * * 1", timezone="UTC"), assets=[MODEL_MISSING]
    ),
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    # A run with a training takes minutes; three tries with the longest training end within six hours.
    dagrun_timeout=timedelta(hours=6),
    deadline=deadline(timedelta(hours=3)),
    default_args=default_args(),
    on_failure_callback=RunFailure(),
    params={
        "force_fine_tune": Param(False, type="boolean", description="Train whatever the measurements say"),
        "test_mode": Param(
            False, type="boolean", description="A small, quick training that is never deployed"
        ),
        "as_of": AS_OF,
    },
    tags=["bike"],
    doc_md="Drift and validation, the decision, the training. "
    "end_monitoring reports and writes the audit row, also when an earlier task failed, "
    "and then fails the run. docs/PIPELINE.md lists every XCom.",
)
def monitor_and_fine_tune() -> None:
    @task(multiple_outputs=True)
    def monitor_drift() -> dict[str, Any]:
        context = get_current_context()
        reporter(context).flush()
        with current_model() as api:
            return model_monitoring.drift(api, as_of(context))

    @task(multiple_outputs=True)
    def validate_model() -> dict[str, Any]:
        now = as_of(get_current_context())
        with current_model() as api:
            return model_monitoring.validation(api, now, has_counts=has_counts(now))

    @task.branch
    def decide_fine_tune() -> str:
        context = get_current_context()
        week = model_monitoring.measurements(*(pulled(context, name) or {} for name in MEASURES))
        force = context["params"]["force_fine_tune"]
        decision, values = model_monitoring.decision(week, thresholds.load(), force=force)
        for name, value in {"result": values, **values}.items():
            context["ti"].xcom_push(name, value)
        return "fine_tune_model" if decision.kind.trains else "end_monitoring"

    @task(multiple_outputs=True)
    def validate_new_champion() -> dict[str, Any]:
        context = get_current_context()
        with model() as api:
            return model_monitoring.new_champion(
                api, pulled(context, "fine_tune_model") or {}, as_of(context)
            )

    @task(trigger_rule="all_done", execution_timeout=timedelta(minutes=10))
    def end_monitoring() -> None:
        context = get_current_context()
        results = Results(
            monitor_drift=pulled(context, "monitor_drift"),
            validate_model=pulled(context, "validate_model"),
            decide_fine_tune=pulled(context, "decide_fine_tune", "result"),
            fine_tune_model=pulled(context, "fine_tune_model"),
            validate_new_champion=pulled(context, "validate_new_champion"),
            test_mode=context["params"]["test_mode"],
        )
        end_reporter = reporter(context, task_id="end_monitoring")
        monitoring_report.report(results, thresholds.load(), end_reporter)
        url = current_settings().warehouse_url.get_secret_value()
        with warehouse.opened(url) as engine, engine.begin() as conn:
            monitoring_report.save_audit_row(conn, results, end_reporter, as_of(context))
        if results.failed_task:
            # The run's state is that of its last task, so this task fails a run in which another task failed.
            raise AirflowFailException(f"{results.failed_task} {monitoring_report.NO_RESULT}")

    decided = decide_fine_tune()
    end = end_monitoring()
    fine_tune = FineTuneModel(task_id="fine_tune_model")
    [monitor_drift(), validate_model()] >> decided >> fine_tune >> validate_new_champion() >> end
    decided >> end


@contextmanager
def current_model() -> Iterator[ModelApi]:
    """The service, after it was sent the counts it did not have yet."""
    settings = current_settings()
    with model() as api, warehouse.opened(settings.warehouse_url.get_secret_value()) as engine:
        observation_sync.publish(engine, api, settings.model_host)
        yield api


def has_counts(now: datetime) -> bool:
    url = current_settings().warehouse_url.get_secret_value()
    with warehouse.opened(url) as engine, engine.begin() as conn:
        return ingestion.newest_hour(conn, now) is not None


def pulled(context: Any, task_id: str, key: str = "return_value") -> dict[str, Any] | None:
    """A task's result from XCom; None when it left none."""
    result: dict[str, Any] | None = context["ti"].xcom_pull(task_ids=task_id, key=key)
    return result


monitor_and_fine_tune()
