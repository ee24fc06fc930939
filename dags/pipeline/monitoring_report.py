"""The end of monitor_and_fine_tune: tells people what was found and writes the audit row, whatever failed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dags.pipeline import failures, model_monitoring, upserts
from dags.pipeline.decisions import Measured, alerts
from dags.pipeline.failures import TRAINING
from dags.pipeline.tables import monitoring_audit
from dags.pipeline.thresholds import Thresholds
from dags.utils import discord_alerts
from dags.utils.discord_alerts import Reporter

Found = Mapping[str, Any]
NO_RESULT = "ended without a result: it failed, was killed or timed out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What each task left in XCom; None is a task that left nothing, or had nothing to do."""

    monitor_drift: Found | None = None
    validate_model: Found | None = None
    decide_fine_tune: Found | None = None
    fine_tune_model: Found | None = None
    validate_new_champion: Found | None = None

    @property
    def failed_task(self) -> str | None:
        """The first task that should have left something and did not."""
        owed = ["monitor_drift", "validate_model", "decide_fine_tune"]
        if (self.decide_fine_tune or {}).get("trains"):
            owed += [TRAINING, "validate_new_champion"]
        return next((task for task in owed if getattr(self, task) is None), None)

    @property
    def measured(self) -> Measured:
        return model_monitoring.measured(self.monitor_drift or {}, self.validate_model or {})


def tell(results: Results, limits: Thresholds, reporter: Reporter) -> None:
    """What is bad first, what was done about it last: a deployment ends the alerts told just before."""
    _tell_alerts(results.measured, limits, reporter)
    trained, champion = results.fine_tune_model, results.validate_new_champion
    if results.failed_task == TRAINING:
        failures.tell_of_task(reporter, TRAINING, f"{TRAINING} {NO_RESULT}")
    elif results.failed_task:
        failures.tell_of_run(reporter, f"{results.failed_task} {NO_RESULT}")
    elif trained and champion:
        discord_alerts.send_training_success(
            trained.get("improvement"),
            champion["deployment"],
            new_r2=trained.get("new_r2"),
            old_r2=trained.get("old_r2"),
            model_type=reporter.settings.model_type,
            reporter=reporter,
        )
    else:
        reporter.flush()


def _tell_alerts(found: Measured, limits: Thresholds, reporter: Reporter) -> None:
    """What is over its threshold; and once, what was and is so no more."""
    firing, model_type = alerts(found, limits), reporter.settings.model_type

    def news(name: str) -> bool:
        return name in firing or reporter.still_tells(f"{name}_alert", model_type)

    if found.drift_share is not None and news("drift"):
        discord_alerts.send_drift_alert(
            found.drift_share,
            found.r2,
            drifted_features=found.drifted_features,
            over="drift" not in firing,
            model_type=model_type,
            reporter=reporter,
        )
    if found.r2 is not None and news("performance"):
        discord_alerts.send_performance_alert(
            found.r2,
            found.rmse,
            over="performance" not in firing,
            model_type=model_type,
            reporter=reporter,
        )


def audit(conn: sa.Connection, results: Results, reporter: Reporter, now: datetime) -> dict[str, Any]:
    """Returns the row. A run that is repeated replaces its own."""
    row = audit_row(results, reporter, now)
    upserts.upsert(conn, monitoring_audit, [row])
    return row


def audit_row(results: Results, reporter: Reporter, now: datetime) -> dict[str, Any]:
    found, failed = results.measured, results.failed_task
    decided, trained = results.decide_fine_tune or {}, results.fine_tune_model or {}
    return {
        "run_id": reporter.origin.run_id,
        "model_type": reporter.settings.model_type,
        "audited_at": now,
        "outcome": "failed" if failed else decided["decision"],
        "reason": f"{failed} {NO_RESULT}" if failed else decided["decision_reason"],
        "drift_share": found.drift_share,
        "drifted_features": None if found.drift_share is None else json.dumps(found.drifted_features),
        "r2": found.r2,
        "rmse": found.rmse,
        "training_status": "failed" if failed == TRAINING else trained.get("training_status"),
        "improvement": trained.get("improvement"),
        "deployment": (results.validate_new_champion or {}).get("deployment"),
    }
