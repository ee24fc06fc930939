"""daily_prediction: forecasts 48 hours of every counter after each fetch, and scores the last forecasts."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.airflow_edge import (
    AS_OF,
    BIKE_COUNTS,
    MODEL_MISSING,
    RunFailure,
    as_of,
    current_settings,
    deadline,
    default_args,
    model,
    reporter,
)
from dags.pipeline import daily_prediction as prediction
from dags.pipeline import thresholds


@dag(
    schedule=[BIKE_COUNTS],
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=5),
    deadline=deadline(timedelta(hours=2)),
    default_args=default_args(),
    on_failure_callback=RunFailure(),
    params={"as_of": AS_OF},
    tags=["bike"],
    doc_md="Forecasts the next 48 hours of every counter, and scores the forecasts whose hours are known. "
    "request_first_model starts the first training as soon as there are counts. "
    "docs/PIPELINE.md lists every XCom.",
)
def daily_prediction() -> None:
    @task(multiple_outputs=True)
    def predict_next_hours() -> dict[str, Any]:
        context = get_current_context()
        reporter(context).flush()
        with model() as api:
            return prediction.predict(current_settings(), api, as_of(context))

    @task(multiple_outputs=True)
    def score_forecasts() -> dict[str, Any]:
        return prediction.score(current_settings(), thresholds.load(), as_of(get_current_context()))

    @task(outlets=[MODEL_MISSING])
    def request_first_model() -> None:
        context = get_current_context()
        if not context["ti"].xcom_pull(task_ids="predict_next_hours", key="first_model_due"):
            raise AirflowSkipException("there is a model, or nothing to train one on")
        context["outlet_events"][MODEL_MISSING].extra = {"as_of": as_of(context).isoformat()}

    predict_next_hours() >> request_first_model()
    score_forecasts()


daily_prediction()
