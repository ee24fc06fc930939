"""An example of every event, for the API's documentation: each is accepted as it stands."""

from collections.abc import Mapping
from typing import Any

_RUN: Mapping[str, Any] = {
    "dag_id": "monitor_and_fine_tune",
    "run_id": "scheduled__2026-11-22T00:00:00+00:00",
    "occurred_at": "2026-11-22T00:12:30Z",
}
_LOG = [{"title": "Log", "url": "https://airflow.example.org/dags/monitor_and_fine_tune"}]

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "event": {
        "type": "event",
        "status": "firing",
        "name": "BackupFailed",
        "key": "orders",
        "severity": "error",
        "summary": "The backup of orders failed",
        "description": "pg_dump: error: connection refused",
        "labels": {"team": "shop"},
        "metrics": {"size_mb": 812.5},
        "links": [{"title": "Log", "url": "https://ci.example.org/jobs/42"}],
    },
    "event, resolved": {"type": "event", "status": "resolved", "name": "BackupFailed", "key": "orders"},
    "event, info": {
        "type": "event",
        "status": "info",
        "name": "Migrated",
        "summary": "The orders live in the new database",
    },
    "event, a deployment": {
        "type": "event",
        "status": "info",
        "name": "Deployed",
        "summary": "shop 1.4.1 -> 1.4.2",
        "mark": True,
        "labels": {"service": "shop"},
    },
    "run, failed": {
        "type": "run",
        "job": "backup",
        "run_id": "2026-11-22",
        "state": "failed",
        "duration_s": 95.2,
        "metrics": {"rows": 120_394},
        "log_tail": "Traceback (most recent call last):\n"
        '  File "/srv/backup.py", line 12, in <module>\n'
        "    upload(path)\n"
        "ConnectionError: the bucket does not answer",
        "links": [{"title": "Log", "url": "https://ci.example.org/jobs/43"}],
    },
    "run, started": {"type": "run", "job": "backup", "run_id": "2026-11-23", "state": "started"},
    "run, succeeded": {
        "type": "run",
        "job": "backup",
        "run_id": "2026-11-23",
        "state": "succeeded",
        "duration_s": 88,
        "metrics": {"rows": 121_007},
    },
    "training_failure": {
        "type": "training_failure",
        **_RUN,
        "task_id": "fine_tune_model",
        "try_number": 2,
        "model_type": "rf",
        "error_message": "no rows in the training window",
        "links": _LOG,
    },
    "training_success": {
        "type": "training_success",
        **_RUN,
        "model_type": "rf",
        "decision": "deploy",
        "new_r2": 0.81,
        "old_r2": 0.74,
        "improvement": 0.07,
    },
    "drift_alert": {
        "type": "drift_alert",
        **_RUN,
        "model_type": "rf",
        "drift_share": 0.6,
        "r2": 0.7,
        "drifted_features": ["hour", "rain"],
    },
    "performance_alert": {
        "type": "performance_alert",
        **_RUN,
        "model_type": "rf",
        "r2": 0.61,
        "rmse": 80.5,
        "thresholds": {"r2_critical": 0.65},
    },
    "api_error": {"type": "api_error", **_RUN, "endpoint": "POST /predict", "error": "HTTP 503"},
}
