"""The table of XComs and metrics: a renamed key or metric is a single line here.

The DAGs push the keys. Which task pushes a key matters only where the table names it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitoring.custom_exporters.runs import FAILED, SUCCESS, Ended

TEST_SUCCESS, TEST_FAILED = "test_success", "test_failed"
"""A training in test_mode says nothing about the trainings of real models."""
FETCH, PREDICT, MONITOR = "daily_fetch_bike_data", "daily_prediction", "monitor_and_fine_tune"

DECISIONS = (
    "deploy",
    "skip_no_improvement",
    "skip_not_comparable",
    "skip_test_mode",
    "reject_baseline_regression",
)
"""The model service's decisions on a challenger."""


def number(value: Any) -> float | None:
    """None for other types, NaN and the infinities."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def flag(value: Any) -> float | None:
    return float(value) if isinstance(value, bool) else None


def timestamp(value: Any) -> float | None:
    """Unix time of an ISO date; None without a zone, because the time is then ambiguous."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at.timestamp() if at.tzinfo else None


@dataclass(frozen=True, slots=True)
class XComGauge:
    """The value that the DAG's newest finished run pushed; absent when that run did not push it."""

    metric: str
    unit: str
    dag_id: str
    key: str
    help: str
    read: Callable[[Any], float | None] = number
    lasting: bool = False
    """Of the newest run that pushed a value: in most weeks nothing is trained."""


@dataclass(frozen=True, slots=True)
class XComCounter:
    """Summed over runs; with a label, runs are counted by their value, which becomes the label value."""

    metric: str
    unit: str
    dag_id: str
    key: str
    help: str
    label: str | None = None
    known: tuple[str, ...] = ()
    """Label values that exist at 0, so that the first one is an increase."""
    task_id: str | None = None
    """Where several tasks push the key: the task that counts."""
    failing_task: str | None = None
    """Its failure counts as "failed": a task that was killed pushes nothing."""


GAUGES = (
    XComGauge(
        "bike_deduplication_ratio",
        "ratio",
        FETCH,
        "deduplication_ratio",
        "Share of the rows sent by the city that were known already.",
    ),
    XComGauge(
        "bike_ingestion_duration_seconds",
        "seconds",
        FETCH,
        "ingestion_duration_seconds",
        "Time the last fetch took.",
    ),
    XComGauge(
        "bike_newest_hour_timestamp_seconds",
        "Unix seconds",
        FETCH,
        "newest_hour",
        "Newest hour for which any count is known.",
        timestamp,
    ),
    XComGauge(
        "bike_prediction_rmse",
        "bicycles per hour",
        PREDICT,
        "rmse",
        "Root mean squared error of the forecasts whose hours have become known.",
    ),
    XComGauge(
        "bike_prediction_mae",
        "bicycles per hour",
        PREDICT,
        "mae",
        "Mean absolute error of the forecasts whose hours have become known.",
    ),
    XComGauge("bike_prediction_r2", "1", PREDICT, "r2", "R2 of the forecasts whose hours have become known."),
    XComGauge(
        "bike_prediction_api_duration_seconds",
        "seconds",
        PREDICT,
        "api_duration_seconds",
        "Time the model service took for the last forecast.",
    ),
    XComGauge(
        "bike_unknown_counters",
        "counters",
        PREDICT,
        "unknown_counters",
        "Counters of the last forecast that the model had never seen.",
    ),
    XComGauge(
        "bike_drift_detected",
        "0 or 1",
        MONITOR,
        "drift_detected",
        "Whether the newest counts have drifted from those the model was trained on.",
        flag,
    ),
    XComGauge(
        "bike_drift_share", "ratio", MONITOR, "drift_share", "Share of the features that have drifted."
    ),
    XComGauge(
        "bike_drifted_features_count",
        "features",
        MONITOR,
        "drifted_features_count",
        "Features that had drifted at the last measurement; not cumulative.",
    ),
    XComGauge(
        "drift_detected_last_run",
        "0 or 1",
        MONITOR,
        "drift_detected",
        "Whether the last run of monitor_and_fine_tune found drift.",
        flag,
    ),
    XComGauge("bike_model_r2_production", "1", MONITOR, "r2", "R2 of the champion on the newest counts."),
    XComGauge(
        "bike_model_rmse_production",
        "bicycles per hour",
        MONITOR,
        "rmse",
        "Root mean squared error of the champion on the newest counts.",
    ),
    XComGauge(
        "bike_training_duration_seconds",
        "seconds",
        MONITOR,
        "training_duration_seconds",
        "Time the last training took.",
        lasting=True,
    ),
    XComGauge(
        "bike_model_improvement_delta",
        "1",
        MONITOR,
        "improvement",
        "R2 gained by the last challenger over the champion.",
        lasting=True,
    ),
    XComGauge(
        "model_r2_validation",
        "1",
        MONITOR,
        "r2_validation",
        "R2 of the last challenger on rows it was not trained on.",
        lasting=True,
    ),
)

COUNTERS = (
    XComCounter(
        "bike_api_records_fetched_total", "rows", FETCH, "records_fetched", "Rows the city's API has sent."
    ),
    XComCounter(
        "bike_records_ingested_total", "rows", FETCH, "records_count", "Rows with new or corrected counts."
    ),
    XComCounter(
        "bike_predictions_generated_total", "forecasts", PREDICT, "predictions_count", "Forecasts stored."
    ),
    XComCounter(
        "bike_training_runs_total",
        "trainings",
        MONITOR,
        "training_status",
        "Trainings by outcome; those in test_mode have a status of their own.",
        label="status",
        known=(SUCCESS, FAILED, TEST_SUCCESS, TEST_FAILED),
        failing_task="fine_tune_model",
    ),
    XComCounter(
        "bike_model_deployments_total",
        "decisions",
        MONITOR,
        "deployment",
        "Decisions on whether a challenger replaces the champion, once carried out.",
        label="decision",
        known=DECISIONS,
        # fine_tune_model pushes it too, before the promotion, which may fail.
        task_id="validate_new_champion",
    ),
)


def keys_of(dag_id: str) -> frozenset[str]:
    sources: tuple[XComGauge | XComCounter, ...] = (*GAUGES, *COUNTERS)
    return frozenset(source.key for source in sources if source.dag_id == dag_id)


def gauge_values(ended: Ended, *, lasting: bool) -> dict[str, float]:
    """By metric."""
    gauges = [gauge for gauge in GAUGES if gauge.dag_id == ended.run.dag_id and gauge.lasting is lasting]
    values = {gauge.metric: gauge.read(ended.pushed(gauge.key)) for gauge in gauges}
    return {metric: value for metric, value in values.items() if value is not None}
