"""Which event reports a failed task or run. A run's callback reports only what no task has reported."""

from dags.pipeline import fetching
from dags.utils import discord_alerts
from dags.utils.discord_alerts import Reporter

TRAINING = "fine_tune_model"
ENDPOINTS = {
    "fetch_bike_data": fetching.ENDPOINT,
    "predict_next_hours": "POST /predict",
    "monitor_drift": "POST /monitor",
    "validate_model": "POST /evaluate",
    "validate_new_champion": "POST /promote_champion",
}
"""What each task calls: where people look first when it has failed."""


def report_task(reporter: Reporter, task_id: str, error: str, *, test_mode: bool = False) -> None:
    if task_id == TRAINING:
        discord_alerts.send_training_failure(
            error, model_type=reporter.settings.model_type, test_mode=test_mode, reporter=reporter
        )
    elif task_id in ENDPOINTS:
        discord_alerts.send_api_error(ENDPOINTS[task_id], error, reporter=reporter)
    elif not reporter.has_reported_failure():
        discord_alerts.send_api_error(f"task {task_id}", error, reporter=reporter)


def report_late(reporter: Reporter, late_after_s: float) -> None:
    dag_id = reporter.origin.dag_id
    error = f"the run has not ended {late_after_s / 3600:g} h after it was queued"
    discord_alerts.send_api_error(f"DAG {dag_id}", error, reporter=reporter)


def report_run(reporter: Reporter, reason: str) -> None:
    if reporter.has_reported_failure():
        reporter.flush()
        return
    dag_id = reporter.origin.dag_id
    discord_alerts.send_api_error(f"DAG {dag_id}", f"the run failed: {reason}", reporter=reporter)
