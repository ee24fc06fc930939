"""What the pipeline's three DAGs leave in Airflow: a day and a week that went well, and what came after."""

from datetime import datetime, timedelta

from testbed.exporter.fake_airflow import FakeAirflow

FETCH, PREDICT, MONITOR = "daily_fetch_bike_data", "daily_prediction", "monitor_and_fine_tune"


def first_runs(airflow: FakeAirflow, now: datetime) -> None:
    """One run of each DAG, with every value that the exporter reads."""
    start = now - timedelta(minutes=30)
    _fetch(airflow, "fetch-1", start)
    airflow.run(
        PREDICT,
        "predict-1",
        start=start + timedelta(minutes=1),
        end=start + timedelta(minutes=1, seconds=12),
        tasks=[("predict", "success", 9.0)],
        xcoms={
            "predictions_count": 1_344,
            "rmse": 31.2,
            "mae": 18.4,
            "r2": 0.91,
            "api_duration_seconds": 0.4,
            "unknown_counters": 1,
        },
    )
    _monitor(airflow, "monitor-1", start + timedelta(minutes=2), decision="deploy", drifted=False)


def later_runs(airflow: FakeAirflow, now: datetime) -> None:
    """A fetch fails and the next succeeds, the weekly run rejects its challenger, a forecast still runs."""
    start = now - timedelta(minutes=5)
    airflow.run(FETCH, "fetch-2", state="failed", start=start, end=start + timedelta(seconds=20))
    _fetch(airflow, "fetch-3", start + timedelta(minutes=1))
    _monitor(airflow, "monitor-2", start, decision="reject_baseline_regression", drifted=True)
    airflow.run(PREDICT, "predict-2", state="running", start=now - timedelta(seconds=30))


def _fetch(airflow: FakeAirflow, run_id: str, start: datetime) -> None:
    airflow.run(
        FETCH,
        run_id,
        start=start,
        end=start + timedelta(seconds=41),
        tasks=[("fetch", "success", 38.0)],
        xcoms={
            "records_fetched": 2_688,
            "records_count": 1_344,
            "deduplication_ratio": 0.5,
            "ingestion_duration_seconds": 38.0,
            "newest_hour": (start - timedelta(hours=9)).isoformat(),
        },
    )


def _monitor(airflow: FakeAirflow, run_id: str, start: datetime, *, decision: str, drifted: bool) -> None:
    airflow.run(
        MONITOR,
        run_id,
        start=start,
        end=start + timedelta(seconds=95),
        tasks=[("monitor", "success", 6.0), ("fine_tune_model", "success", 74.0)],
        xcoms=[
            ("monitor", "drift_detected", drifted),
            ("monitor", "drift_share", 0.6 if drifted else 0.1),
            ("monitor", "drifted_features_count", 34 if drifted else 6),
            ("monitor", "r2", 0.89),
            ("monitor", "rmse", 33.0),
            ("fine_tune_model", "training_status", "success"),
            ("fine_tune_model", "training_duration_seconds", 71.0),
            ("fine_tune_model", "improvement", 0.02),
            ("fine_tune_model", "r2_validation", 0.9),
            ("validate_new_champion", "deployment", decision),
        ],
    )
