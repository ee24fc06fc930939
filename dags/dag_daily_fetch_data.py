"""daily_fetch_bike_data: fetches the city's counts into the warehouse, once a day."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import dag, get_current_context, task

from dags.airflow_edge import (
    AS_OF,
    BIKE_COUNTS,
    RunFailure,
    as_of,
    current_settings,
    deadline,
    default_args,
    reporter,
)
from dags.pipeline import fetching


@dag(
    schedule="0 5 * * *",
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=5),
    deadline=deadline(timedelta(hours=2)),
    default_args=default_args(),
    on_failure_callback=RunFailure(),
    params={"as_of": AS_OF},
    tags=["bike"],
    doc_md="Fetches the hours since the newest known hour, and three days before it for late counts. "
    "No new data is a state (XCom `status`), not a failure. docs/PIPELINE.md lists every XCom.",
)
def daily_fetch_bike_data() -> None:
    @task(multiple_outputs=True, outlets=[BIKE_COUNTS])
    def fetch_bike_data() -> dict[str, Any]:
        context = get_current_context()
        reporter(context).flush()
        now = as_of(context)
        fetched = fetching.fetch(current_settings(), now)
        context["outlet_events"][BIKE_COUNTS].extra = {
            "rows": fetched["records_count"],
            "newest_hour": fetched.get("newest_hour"),
            "as_of": now.isoformat(),
        }
        return fetched

    fetch_bike_data()


daily_fetch_bike_data()
