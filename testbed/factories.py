"""Signals, alerts, incidents and webhook bodies, with all that a test is not about already filled in.

ApiDown is critical, DriftHigh a warning, DiskFull recurs on many machines.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from alert_router.domain.lifecycle import Change, apply_signal
from alert_router.domain.model import Alert, CardState, Fingerprint, Incident, Rules, Signal, Status
from alert_router.sources import fingerprints
from testbed.fakes import clock as seconds
from testbed.fakes.clock import MovableClock

NOON = datetime.fromtimestamp(seconds.NOON, UTC)
RULES = Rules()
SECRET = "s3cr3t-t0ken_of-the-webhook"
"""A token that can be looked for."""

API_DOWN = {"alertname": "ApiDown", "severity": "critical", "instance": "api-1"}
DRIFT_HIGH = {"alertname": "DriftHigh", "severity": "warning", "model_type": "rf"}
DISK_FULL = {"alertname": "DiskFull", "severity": "warning", "instance": "db-1", "device": "sda1"}


class Clock(MovableClock):
    """Seconds that never step back, for the fake Discord and rate limits; a time of day that may be set."""

    wrong_by_s = 0.0

    def time(self) -> datetime:
        return datetime.fromtimestamp(self.now + self.wrong_by_s, UTC)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def at(minute: float) -> datetime:
    """Minutes after noon."""
    return NOON + minutes(minute)


def make_signal(labels: Mapping[str, str] = API_DOWN, **changes: Any) -> Signal:
    """Firing since noon; with an `ends_at`, resolved."""
    ends_at = changes.get("ends_at")
    fields: dict[str, Any] = {
        "source": "alertmanager",
        "status": Status.RESOLVED if ends_at else Status.FIRING,
        "labels": dict(labels),
        "annotations": {"summary": f"{labels.get('alertname')} it is"},
        "starts_at": NOON,
        "ends_at": None,
        "fingerprint": fingerprints.of(labels),
        "group_labels": {"alertname": labels.get("alertname", "")},
        "generator_url": "http://prometheus.example.org:9090/graph?g0.expr=up",
        "source_url": "http://alertmanager.example.org:9093",
        "reporter": "Prometheus",
    }
    return Signal(**{**fields, **changes})


def make_alert(labels: Mapping[str, str] = API_DOWN, **changes: Any) -> Alert:
    """Firing since noon; with an `ends_at`, resolved."""
    ends_at = changes.get("ends_at")
    starts_at = changes.get("starts_at", NOON)
    fields: dict[str, Any] = {
        "id": 1,
        "source": "alertmanager",
        "fingerprint": fingerprints.of(labels),
        "alertname": labels.get("alertname", ""),
        "severity": labels.get("severity", "none"),
        "status": Status.RESOLVED if ends_at else Status.FIRING,
        "labels": dict(labels),
        "annotations": {"summary": f"{labels.get('alertname')} it is"},
        "starts_at": NOON,
        "ends_at": None,
        "received_at": starts_at,
        "last_seen_at": starts_at,
        "repeats": 0,
        "flaps": 0,
        "incident_id": 1,
        "generator_url": "http://prometheus.example.org:9090/graph?g0.expr=up",
        "source_url": "http://alertmanager.example.org:9093",
        "reporter": "Prometheus",
        "held_until": None,
        "expires_at": None,
    }
    return Alert(**{**fields, **changes})


def make_incident(**changes: Any) -> Incident:
    """One firing critical alert since noon."""
    fields: dict[str, Any] = {
        "id": 1,
        "key": '{"alertname":"ApiDown"}',
        "group_labels": {"alertname": "ApiDown"},
        "status": Status.FIRING,
        "severity": "critical",
        "firing": 1,
        "flaps": 0,
        "opened_at": NOON,
        "resolved_at": None,
        "generation": 1,
        "pinged_at": NOON,
    }
    return Incident(**{**fields, **changes})


def make_state(*alerts: Alert, **changes: Any) -> CardState:
    """A card of these alerts; the incident follows from them."""
    firing = [alert for alert in alerts if alert.firing]
    incident = make_incident(
        status=Status.FIRING if firing else Status.RESOLVED,
        severity=alerts[0].severity if alerts else "none",
        firing=len(firing),
        resolved_at=None if firing else max((a.ends_at or NOON for a in alerts), default=NOON),
    )
    fields: dict[str, Any] = {
        "incident": incident,
        "alerts": alerts,
        "more_alerts": 0,
        "generation": 1,
        "newer_url": None,
    }
    return CardState(**{**fields, **changes})


def signal_applier(rules: Rules = RULES) -> Callable[[Alert | None, Signal, datetime], Change]:
    """lifecycle.apply_signal with ids counted from 1."""
    ids = count(1)
    return lambda newest, signal, now: apply_signal(newest, signal, now, rules=rules, new_id=ids.__next__)


def wire_time(moment: datetime | None) -> str:
    return "0001-01-01T00:00:00Z" if moment is None else moment.isoformat().replace("+00:00", "Z")


def wire_alert(labels: Mapping[str, str] = API_DOWN, **changes: Any) -> dict[str, Any]:
    """An alert as Alertmanager writes it, firing since noon; with an `ends_at`, resolved."""
    ends_at = changes.pop("ends_at", None)
    starts_at = changes.pop("starts_at", NOON)
    return {
        "status": "resolved" if ends_at else "firing",
        "labels": dict(labels),
        "annotations": {"summary": f"{labels.get('alertname')} it is"},
        "startsAt": wire_time(starts_at),
        "endsAt": wire_time(ends_at),
        "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr=up",
        "fingerprint": str(Fingerprint(fingerprints.of(labels))),
        **changes,
    }


def webhook_json(*alerts: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A body as Alertmanager sends it, grouped by alertname; one firing ApiDown unless alerts are passed."""
    shown = [dict(alert) for alert in alerts] or [wire_alert()]
    name = (shown[0]["labels"] or {}).get("alertname", "")
    return {
        "version": "4",
        "receiver": "alert-router",
        "status": "firing" if any(alert["status"] == "firing" for alert in shown) else "resolved",
        "alerts": shown,
        "groupLabels": {"alertname": name},
        "commonLabels": {"alertname": name},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.org:9093",
        "groupKey": f'{{}}:{{alertname="{name}"}}',
        "truncatedAlerts": 0,
        **changes,
    }


def grafana_json(*alerts: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A body as Grafana sends it; one firing ApiDown with a measured value unless alerts are passed."""
    grafana = {
        "dashboardURL": "https://grafana.example.org/d/ece9fb32?orgId=1",
        "panelURL": "https://grafana.example.org/d/ece9fb32?orgId=1&viewPanel=2",
        "values": {"B": 18.98211314475876, "C": 0},
        "valueString": "[ var='B' labels={} value=18.98211314475876 ]",
    }
    shown = [{**grafana, **alert} for alert in alerts or [wire_alert()]]
    own = {"version": "1", "orgId": 1, "externalURL": "https://grafana.example.org/", "state": "alerting"}
    return webhook_json(*shown, **{**own, **changes})


def event_json(type_: str = "training_failure", **changes: Any) -> dict[str, Any]:
    """A report of the monitoring DAG, made at noon."""
    own: dict[str, dict[str, Any]] = {
        "training_success": {"decision": "deploy", "new_r2": 0.81, "old_r2": 0.74, "improvement": 0.07},
        "training_failure": {"error_message": "no rows in the training window"},
        "drift_alert": {"drift_share": 0.6, "r2": 0.7, "drifted_features": ["hour", "rain"]},
        "performance_alert": {"r2": 0.6, "rmse": 80.5, "thresholds": {"r2_critical": 0.65}},
        "api_error": {"endpoint": "/predict", "error": "HTTP 500"},
    }
    return {
        "type": type_,
        "dag_id": "monitor_and_fine_tune",
        "run_id": "scheduled__2026-09-24",
        "occurred_at": wire_time(NOON),
        "model_type": "rf",
        **own[type_],
        **changes,
    }


def as_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()
