"""How a direct report becomes signals: its own, and those that resolve open alerts.

A report joins the incident of Prometheus's alert for the same thing through its group labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple, assert_never

from alert_router.domain import index_keys
from alert_router.domain.model import Labels, Origin, Signal, Status
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


class Kind(NamedTuple):
    alertname: str
    severity: str
    component: str


FAILURE = Kind("TrainingFailure", "critical", "training")
TEST_FAILURE = Kind("TrainingFailure", "warning", "training")
SUCCESS = Kind("TrainingSuccess", "info", "training")
DRIFT = Kind("HighDrift", "warning", "data")
DRIFT_RECOVERED = Kind("DriftRecovered", "info", "data")
CRITICAL = Kind("ModelPerformanceCritical", "critical", "model")
WARNING = Kind("ModelPerformanceWarning", "warning", "model")
PERFORMANCE_RECOVERED = Kind("ModelPerformanceRecovered", "info", "model")
API_ERROR = Kind("APIError", "warning", "api")
# No report ends these, so they count as over when they are not reported again: the monitoring DAG runs weekly
# (a day of slack), API calls are retried within minutes.
MONITORING_EXPIRY = timedelta(days=8)
API_ERROR_EXPIRY = timedelta(hours=1)
# Nobody need repeat a trial.
TEST_FAILURE_EXPIRY = timedelta(hours=1)
R2_CRITICAL_DEFAULT = 0.65
"""ModelPerformanceCritical's threshold, for a report without thresholds."""


@dataclass(frozen=True, slots=True)
class EventSignals:
    """The signals of one event: it resolves open alerts or, where there are none, is an alert of its own."""

    signal: Signal
    resolves: tuple[Signal, ...] = ()
    always_opens: bool = False
    """It is an alert of its own even when it resolves others."""


def to_signals(event: Event, *, idempotency_key: str | None = None) -> EventSignals:
    key = index_keys.hash_if_long(f"key:{idempotency_key}" if idempotency_key else _identity(event))
    match event:
        case TrainingSuccess():
            return _training_success(event, key)
        case TrainingFailure():
            return EventSignals(_training_failure(event, key))
        case DriftAlert(status="resolved"):
            text = f"The data no longer drift: {_drift_text(event)}"
            return _recovered(event, key, DRIFT_RECOVERED, text, [DRIFT])
        case DriftAlert():
            return EventSignals(_drift(event, key))
        case PerformanceAlert(status="resolved"):
            text = f"The model predicts well again: {_performance_text(event)}"
            return _recovered(event, key, PERFORMANCE_RECOVERED, text, [CRITICAL, WARNING])
        case PerformanceAlert():
            return _performance(event, key)
        case ApiError():
            return EventSignals(_api_error(event, key))
        case _:
            assert_never(event)


def _identity(event: Event) -> str:
    """The same type in the same run of a DAG is the same event, whichever try of the task sends it.

    A resolve is another event: a run that is cleared may find good what it found bad before.
    """
    subject = event.endpoint if isinstance(event, ApiError) else event.model_type or ""
    resolved = isinstance(event, DriftAlert | PerformanceAlert) and event.status == "resolved"
    return f"{event.type}:{event.dag_id}:{event.run_id}:{subject}" + ":resolved" * resolved


def _training_success(event: TrainingSuccess, key: str) -> EventSignals:
    # A deployment also ends the alerts about the model that it replaced.
    ended = [FAILURE, CRITICAL, WARNING, DRIFT] if event.decision.startswith("deploy") else [FAILURE]
    text = _success_text(event)
    words = {"summary": "The training succeeded", "description": text}
    return EventSignals(_information(event, key, SUCCESS, words), resolves=_resolves(event, ended, text))


def _training_failure(event: TrainingFailure, key: str) -> Signal:
    if not event.test_mode:
        words = {"summary": "A training failed", "description": event.error_message}
        return _signal(event, key, FAILURE, words)
    words = {"summary": "A training in test_mode failed", "description": event.error_message}
    return replace(
        _signal(event, key, TEST_FAILURE, words), expires_at=event.occurred_at + TEST_FAILURE_EXPIRY
    )


def _recovered(event: Event, key: str, kind: Kind, text: str, ended: Sequence[Kind]) -> EventSignals:
    signal = _information(event, key, kind, {"summary": text})
    return EventSignals(signal, resolves=_resolves(event, ended, text))


def _information(event: Event, key: str, kind: Kind, annotations: Labels) -> Signal:
    """A report of something good: an alert that is resolved from the start."""
    group = {"run_id": event.run_id, "dag_id": event.dag_id}
    signal = _signal(event, key, kind, annotations, group=group)
    return replace(signal, status=Status.RESOLVED, ends_at=event.occurred_at)


def _success_text(event: TrainingSuccess) -> str:
    parts = [f"Decision: {event.decision}."]
    if event.new_r2 is not None:
        before = f" (before: {event.old_r2:.3f})" if event.old_r2 is not None else ""
        parts.append(f"R² {event.new_r2:.3f}{before}.")
    if event.improvement is not None:
        parts.append(f"Improvement: {event.improvement:+.3f}.")
    return " ".join(parts)


def _drift_text(event: DriftAlert) -> str:
    features = f" Drifted: {', '.join(event.drifted_features)}." if event.drifted_features else ""
    r2 = f" R² {event.r2:.3f}." if event.r2 is not None else ""
    return f"{event.drift_share:.0%} of the features have drifted.{r2}{features}"


def _drift(event: DriftAlert, key: str) -> Signal:
    words = {"summary": "The data have drifted", "description": _drift_text(event)}
    # Drift is of the data, not of a model: Prometheus's HighDrift has no model_type either.
    signal = _signal(event, key, DRIFT, words, group={})
    return replace(signal, expires_at=event.occurred_at + MONITORING_EXPIRY)


def _performance_text(event: PerformanceAlert) -> str:
    rmse = f", RMSE {event.rmse:.1f}" if event.rmse is not None else ""
    limits = ", ".join(f"{name} {value:g}" for name, value in sorted(event.thresholds.items()))
    return f"R² {event.r2:.3f}{rmse}." + (f" Thresholds: {limits}." if limits else "")


def _performance(event: PerformanceAlert, key: str) -> EventSignals:
    """A model that is critical no longer has the warning, and the other way round."""
    is_critical = event.r2 < event.thresholds.get("r2_critical", R2_CRITICAL_DEFAULT)
    kind, other = (CRITICAL, WARNING) if is_critical else (WARNING, CRITICAL)
    text = _performance_text(event)
    signal = _signal(event, key, kind, {"summary": "The model predicts badly", "description": text})
    signal = replace(signal, expires_at=event.occurred_at + MONITORING_EXPIRY)
    return EventSignals(signal, resolves=_resolves(event, [other], text), always_opens=True)


def _api_error(event: ApiError, key: str) -> Signal:
    words = {"summary": f"{event.endpoint} failed", "description": event.error}
    # The same fault, observed by the caller: one card with Prometheus's APIErrorRate.
    group = {"alertname": "APIErrorRate"}
    signal = _signal(event, key, API_ERROR, words, extra={"endpoint": event.endpoint}, group=group)
    return replace(signal, expires_at=event.occurred_at + API_ERROR_EXPIRY)


def _labels(kind: Kind, event: Event) -> dict[str, str]:
    """The labels that identify an alert of this DAG and model, across runs."""
    return {"alertname": kind.alertname, "dag_id": event.dag_id, **_model(event)}


def _model(event: Event) -> dict[str, str]:
    """A training in test_mode is another subject than the real trainings of the model."""
    model = {"model_type": event.model_type} if event.model_type else {}
    return model | {"test_mode": "true"} if _is_trial(event) else model


def _is_trial(event: Event) -> bool:
    match event:
        case TrainingSuccess():
            # Earlier pipelines do not send test_mode.
            return event.test_mode or event.decision == "skip_test_mode"
        case TrainingFailure():
            return event.test_mode
        case _:
            return False


def _signal(
    event: Event,
    key: str | None,
    kind: Kind,
    annotations: Labels,
    *,
    extra: Labels | None = None,
    group: Labels | None = None,
) -> Signal:
    """group: the labels that identify the incident beside the alertname; the model_type by default."""
    identity = _labels(kind, event) | dict(extra or {})
    return Signal(
        source=SOURCE,
        status=Status.FIRING,
        labels={**identity, "severity": kind.severity, "component": kind.component},
        annotations={**annotations, "run_id": event.run_id},
        starts_at=event.occurred_at,
        ends_at=None,
        fingerprint=fingerprints.of(identity),
        group_labels={"alertname": kind.alertname, **(_model(event) if group is None else group)},
        reporter=f"Airflow {event.dag_id}",
        event_key=key,
        may_be_late=False,
        origin=Origin.EVENT,
    )


def _resolves(event: Event, kinds: Sequence[Kind], text: str) -> tuple[Signal, ...]:
    """Of alerts that may be open: resolved when the event occurred."""
    return tuple(
        _resolve(_signal(event, None, kind, {}, group={}), _labels(kind, event), text) for kind in kinds
    )


def _resolve(signal: Signal, labels: Labels, text: str) -> Signal:
    resolved = replace(signal, status=Status.RESOLVED, ends_at=signal.starts_at)
    return replace(resolved, labels=labels, annotations={}, reporter=f"{signal.reporter}: {text}")
