"""The end of monitor_and_fine_tune: reports the results and writes the audit row, whatever failed before."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dags.pipeline import failures, model_monitoring, upserts
from dags.pipeline.decisions import Measurements, alerts
from dags.pipeline.failures import TRAINING
from dags.pipeline.tables import monitoring_audit
from dags.pipeline.thresholds import Thresholds
from dags.pipeline.xcom import XCom
from dags.utils import discord_alerts
from dags.utils.discord_alerts import Reporter

NO_RESULT = "ended without a result: it failed, was killed or timed out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What each task left in XCom. None: the task failed, or had nothing to do."""

    monitor_drift: XCom | None = None
    validate_model: XCom | None = None
    decide_fine_tune: XCom | None = None
    fine_tune_model: XCom | None = None
    validate_new_champion: XCom | None = None
    test_mode: bool = False

    @property
    def failed_task(self) -> str | None:
        """The first task that should have left a result and did not."""
        expected = ["monitor_drift", "validate_model", "decide_fine_tune"]
        if (self.decide_fine_tune or {}).get("trains"):
            expected += [TRAINING, "validate_new_champion"]
        return next((task for task in expected if getattr(self, task) is None), None)

    @property
    def measurements(self) -> Measurements:
        return model_monitoring.measurements(self.monitor_drift or {}, self.validate_model or {})


def report(results: Results, limits: Thresholds, reporter: Reporter) -> None:
    """Alerts first and the training last: a deployment ends the alerts about the model before it."""
    _report_alerts(results.measurements, limits, reporter)
    training, champion = results.fine_tune_model, results.validate_new_champion
    if results.failed_task == TRAINING:
        failures.report_task(reporter, TRAINING, f"{TRAINING} {NO_RESULT}", test_mode=results.test_mode)
    elif results.failed_task:
        failures.report_run(reporter, f"{results.failed_task} {NO_RESULT}")
    elif training and champion:
        discord_alerts.send_training_success(
            training.get("improvement"),
            champion["deployment"],
            new_r2=training.get("new_r2"),
            old_r2=training.get("old_r2"),
            model_type=reporter.settings.model_type,
            test_mode=results.test_mode,
            reporter=reporter,
        )
    else:
        reporter.flush()


def _report_alerts(week: Measurements, limits: Thresholds, reporter: Reporter) -> None:
    """Every alert that fires, and the recovery of one that was reported earlier."""
    firing, model_type = alerts(week, limits), reporter.settings.model_type

    def is_due(name: str) -> bool:
        return name in firing or reporter.is_firing(f"{name}_alert", model_type)

    if week.drift_share is not None and is_due("drift"):
        discord_alerts.send_drift_alert(
            week.drift_share,
            week.r2,
            drifted_features=week.drifted_features,
            resolved="drift" not in firing,
            model_type=model_type,
            reporter=reporter,
        )
    if week.r2 is not None and is_due("performance"):
        discord_alerts.send_performance_alert(
            week.r2,
            week.rmse,
            resolved="performance" not in firing,
            model_type=model_type,
            reporter=reporter,
        )


def save_audit_row(conn: sa.Connection, results: Results, reporter: Reporter, now: datetime) -> None:
    """A run that is repeated replaces its own row."""
    upserts.upsert(conn, monitoring_audit, [audit_row(results, reporter, now)])


def audit_row(results: Results, reporter: Reporter, now: datetime) -> dict[str, Any]:
    week, failed = results.measurements, results.failed_task
    decision, training = results.decide_fine_tune or {}, results.fine_tune_model or {}
    return {
        "run_id": reporter.origin.run_id,
        "model_type": reporter.settings.model_type,
        "audited_at": now,
        "outcome": "failed" if failed else decision["decision"],
        "reason": f"{failed} {NO_RESULT}" if failed else decision["decision_reason"],
        "drift_share": week.drift_share,
        "drifted_features": None if week.drift_share is None else json.dumps(week.drifted_features),
        "r2": week.r2,
        "rmse": week.rmse,
        "training_status": _training_status(results),
        "improvement": training.get("improvement"),
        "deployment": (results.validate_new_champion or {}).get("deployment"),
    }


def _training_status(results: Results) -> str | None:
    if results.failed_task == TRAINING:
        return model_monitoring.training_status(test_mode=results.test_mode, succeeded=False)
    status: str | None = (results.fine_tune_model or {}).get("training_status")
    return status
