"""daily_prediction: forecasts 48 hours of every counter after each fetch, and scores the last forecasts."""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import dag, get_current_context, task

from dags.airflow_edge import (
    AS_OF,
    BIKE_COUNTS,
    RunFailure,
    as_of,
    current_settings,
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
    default_args=default_args(),
    on_failure_callback=RunFailure(),
    params={"as_of": AS_OF},
    tags=["bike"],
    doc_md="Forecasts the next 48 hours of every counter, and scores the forecasts whose hours are known. "
    "Neither task waits for the other. docs/PIPELINE.md lists every XCom.",
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

    predict_next_hours()
    score_forecasts()


daily_prediction()
