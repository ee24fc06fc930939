"""What a direct report says: signals, and what they end.

A report joins the incident of Prometheus's alert for the same thing through its group labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from alert_router.domain import index_keys
from alert_router.domain.model import Labels, Signal, Status
from alert_router.sources import fingerprints
from alert_router.sources.events import (
    SOURCE,
    ApiError,
    DriftAlert,
    Event,
    PerformanceAlert,
    TrainingFailure,
    TrainingSuccess,
)

CRITICAL, WARNING, DRIFT = "ModelPerformanceCritical", "ModelPerformanceWarning", "HighDrift"
# Nothing tells us when these are over, so they count as over when they are not reported again: the
# monitoring DAG runs weekly (a day of slack), API calls are retried within minutes.
MONITORING_EXPIRY = timedelta(days=8)
API_ERROR_EXPIRY = timedelta(hours=1)
R2_CRITICAL_DEFAULT = 0.65
"""ModelPerformanceCritical's threshold, for a report that does not say which one it used."""


@dataclass(frozen=True, slots=True)
class EventSignals:
    """What an event says: it ends the open alerts it answers or, where there are none, stands for itself."""

    signal: Signal
    ends: tuple[Signal, ...] = ()
    stands: bool = False
    """It stands for itself whatever it ends."""


def of(event: Event, *, idempotency_key: str | None = None) -> EventSignals:
    key = index_keys.fitting(f"key:{idempotency_key}" if idempotency_key else _identity(event))
    match event:
        case TrainingSuccess():
            return _recovery(event, key)
        case TrainingFailure():
            return EventSignals(_failure(event, key))
        case DriftAlert(status="resolved"):
            return _drift_is_over(event, key)
        case DriftAlert():
            return EventSignals(_drift(event, key))
        case PerformanceAlert(status="resolved"):
            return _performance_is_back(event, key)
        case PerformanceAlert():
            return _performance_is_bad(event, key)
        case ApiError():
            return EventSignals(_api_error(event, key))
        case _:
            assert_never(event)


def _identity(event: Event) -> str:
    """The same type in the same run of a DAG is the same event, whichever try of the task sends it.

    That it is over is another: a run that is cleared may find good what it found bad.
    """
    subject = event.endpoint if isinstance(event, ApiError) else event.model_type or ""
    over = isinstance(event, DriftAlert | PerformanceAlert) and event.status == "resolved"
    return f"{event.type}:{event.dag_id}:{event.run_id}:{subject}" + ":resolved" * over


def _recovery(event: TrainingSuccess, key: str) -> EventSignals:
    over = ["TrainingFailure"]
    if event.decision.startswith("deploy"):
        # Another model answers now: what was said of the old one is history.
        over += [CRITICAL, WARNING, DRIFT]
    return EventSignals(_success(event, key), ends=_ends(event, over, _success_text(event)))


def _performance_is_bad(event: PerformanceAlert, key: str) -> EventSignals:
    """Bad in one way, it is no longer bad in the other."""
    signal = _performance(event, key)
    other = [name for name in (CRITICAL, WARNING) if name != signal.labels["alertname"]]
    said = signal.annotations["description"]
    return EventSignals(signal, ends=_ends(event, other, said), stands=True)


def _performance_is_back(event: PerformanceAlert, key: str) -> EventSignals:
    said = f"The model predicts well again: {_performance_text(event)}"
    signal = _over(event, key, alertname="ModelPerformanceRecovered", component="model", text=said)
    return EventSignals(signal, ends=_ends(event, [CRITICAL, WARNING], said))


def _drift_is_over(event: DriftAlert, key: str) -> EventSignals:
    said = f"The data no longer drift: {_drift_text(event)}"
    signal = _over(event, key, alertname="DriftRecovered", component="data", text=said)
    return EventSignals(signal, ends=_ends(event, [DRIFT], said))


def _over(event: Event, key: str, *, alertname: str, component: str, text: str) -> Signal:
    """For a recovery from what nobody knows any more: it is information, and born resolved."""
    signal = _signal(
        event,
        key,
        alertname=alertname,
        severity="info",
        component=component,
        annotations={"summary": text},
        group={"run_id": event.run_id, "dag_id": event.dag_id},
    )
    return replace(signal, status=Status.RESOLVED, ends_at=event.occurred_at)


def _success(event: TrainingSuccess, key: str) -> Signal:
    signal = _signal(
        event,
        key,
        alertname="TrainingSuccess",
        severity="info",
        component="training",
        annotations={"summary": "The training succeeded", "description": _success_text(event)},
        group={"run_id": event.run_id, "dag_id": event.dag_id},
    )
    return replace(signal, status=Status.RESOLVED, ends_at=event.occurred_at)


def _success_text(event: TrainingSuccess) -> str:
    parts = [f"Decision: {event.decision}."]
    if event.new_r2 is not None:
        before = f" (before: {event.old_r2:.3f})" if event.old_r2 is not None else ""
        parts.append(f"R² {event.new_r2:.3f}{before}.")
    if event.improvement is not None:
        parts.append(f"Improvement: {event.improvement:+.3f}.")
    return " ".join(parts)


def _failure(event: TrainingFailure, key: str) -> Signal:
    return _signal(
        event,
        key,
        alertname="TrainingFailure",
        severity="critical",
        component="training",
        annotations={"summary": "A training failed", "description": event.error_message},
    )


def _drift_text(event: DriftAlert) -> str:
    features = f" Drifted: {', '.join(event.drifted_features)}." if event.drifted_features else ""
    r2 = f" R² {event.r2:.3f}." if event.r2 is not None else ""
    return f"{event.drift_share:.0%} of the features have drifted.{r2}{features}"


def _drift(event: DriftAlert, key: str) -> Signal:
    signal = _signal(
        event,
        key,
        alertname=DRIFT,
        severity="warning",
        component="data",
        annotations={
            "summary": "The data have drifted",
            "description": _drift_text(event),
        },
        # Drift is of the data, not of a model: Prometheus's HighDrift has no model_type either.
        group={},
    )
    return replace(signal, expires_at=event.occurred_at + MONITORING_EXPIRY)


def _performance_text(event: PerformanceAlert) -> str:
    rmse = f", RMSE {event.rmse:.1f}" if event.rmse is not None else ""
    limits = ", ".join(f"{name} {value:g}" for name, value in sorted(event.thresholds.items()))
    return f"R² {event.r2:.3f}{rmse}." + (f" Thresholds: {limits}." if limits else "")


def _performance(event: PerformanceAlert, key: str) -> Signal:
    critical = event.r2 < event.thresholds.get("r2_critical", R2_CRITICAL_DEFAULT)
    signal = _signal(
        event,
        key,
        alertname=CRITICAL if critical else WARNING,
        severity="critical" if critical else "warning",
        component="model",
        annotations={
            "summary": "The model predicts badly",
            "description": _performance_text(event),
        },
    )
    return replace(signal, expires_at=event.occurred_at + MONITORING_EXPIRY)


def _api_error(event: ApiError, key: str) -> Signal:
    signal = _signal(
        event,
        key,
        alertname="APIError",
        severity="warning",
        component="api",
        annotations={"summary": f"{event.endpoint} failed", "description": event.error},
        extra={"endpoint": event.endpoint},
        # The same thing seen from the caller's side: one card with Prometheus's APIErrorRate.
        group={"alertname": "APIErrorRate"},
    )
    return replace(signal, expires_at=event.occurred_at + API_ERROR_EXPIRY)


def _labels(alertname: str, event: Event) -> dict[str, str]:
    """What an alert of this DAG and model is recognised by, in whichever run."""
    model = {"model_type": event.model_type} if event.model_type else {}
    return {"alertname": alertname, "dag_id": event.dag_id, **model}


def _signal(
    event: Event,
    key: str,
    *,
    alertname: str,
    severity: str,
    component: str,
    annotations: Labels,
    extra: Labels | None = None,
    group: Labels | None = None,
) -> Signal:
    """group: what the incident is recognised by beside the alertname; the model_type unless given."""
    index_keys = _labels(alertname, event) | dict(extra or {})
    by_model = {"model_type": event.model_type} if event.model_type else {}
    return Signal(
        source=SOURCE,
        status=Status.FIRING,
        labels={**index_keys, "severity": severity, "component": component},
        annotations={**annotations, "run_id": event.run_id},
        starts_at=event.occurred_at,
        ends_at=None,
        fingerprint=fingerprints.of(index_keys),
        group_labels={"alertname": alertname, **(by_model if group is None else group)},
        reporter=f"Airflow {event.dag_id}",
        event_key=key,
        may_be_late=False,
    )


def _ends(event: Event, alertnames: Sequence[str], said: str) -> tuple[Signal, ...]:
    """Said of alerts that may be open: over since the event."""
    return tuple(_ended(name, event, said) for name in alertnames)


def _ended(alertname: str, event: Event, said: str) -> Signal:
    labels = _labels(alertname, event)
    at: datetime = event.occurred_at
    return Signal(
        source=SOURCE,
        status=Status.RESOLVED,
        labels=labels,
        annotations={},
        starts_at=at,
        ends_at=at,
        fingerprint=fingerprints.of(labels),
        group_labels={"alertname": alertname},
        reporter=f"Airflow {event.dag_id}: {said}",
        may_be_late=False,
    )
