"""How a direct report becomes signals: its own, and those that resolve open alerts.

A report joins the incident of Prometheus's alert for the same thing through its group labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple, assert_never

from alert_router.domain import index_keys, links
from alert_router.domain.marks import Mark
from alert_router.domain.model import Alert, Labels, Origin, Signal, Status
from alert_router.domain.runs import Run, RunState
from alert_router.sources import event_texts, fingerprints
from alert_router.sources.event_fields import Report
from alert_router.sources.events import (
    SOURCE,
    ApiError,
    DagEvent,
    DriftAlert,
    Event,
    GenericEvent,
    PerformanceAlert,
    RunReport,
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
JOB_FAILED = "JobFailed"
RUN_FAILURES = (FAILURE.alertname, JOB_FAILED)
"""The alerts that the end of a run opens and ends."""
# No report ends these, so they count as over when they are not reported again: the monitoring DAG runs weekly
# (a day of slack), API calls are retried within minutes.
MONITORING_EXPIRY = timedelta(days=8)
API_ERROR_EXPIRY = timedelta(hours=1)
# Nobody need end what a script reports, though it should.
EVENT_EXPIRY = timedelta(days=8)
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
    never_opens: bool = False
    """It is kept as a run or a mark only, unless it resolves others."""
    run: Run | None = None
    mark: Mark | None = None
    task: str = ""
    """The task of the run that failed: another one's failure is kept beside the first."""


def to_signals(event: Event, *, now: datetime, idempotency_key: str | None = None) -> EventSignals:
    """now: when the event was received."""
    identity = f"key:{idempotency_key}" if idempotency_key else _identity(event)
    key = index_keys.hash_if_long(identity) if identity else None
    match event:
        case GenericEvent():
            return _generic(event, key, event.occurred_at or now)
        case RunReport():
            return _run_report(event, key, event.occurred_at or now)
        case _:
            return _of_dag(event, key)


def _of_dag(event: DagEvent, key: str | None) -> EventSignals:
    signals = _dag_signals(event, key)
    signal = replace(signals.signal, annotations={**signals.signal.annotations, **_details(event)})
    return replace(signals, signal=signal, run=_run_of(event), task=event.task_id or "")


def _details(event: DagEvent) -> dict[str, str]:
    """What is shown beside the report's own text."""
    tries = str(event.try_number) if event.try_number is not None else ""
    details = {"task": event.task_id or "", "try": tries, **_linked(event)}
    return {name: text for name, text in details.items() if text}


def _linked(report: Report) -> dict[str, str]:
    text = links.to_text(links.Link(link.title, link.url) for link in report.links)
    return {links.ANNOTATION: text} if text else {}


def _dag_signals(event: DagEvent, key: str | None) -> EventSignals:
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
    """Empty where two reports may be two events: nothing tells a repeat of one from the next."""
    match event:
        case GenericEvent():
            subject = event.key or fingerprints.of(event.labels)
            identity = f"{event.type}:{event.name}:{subject}:{event.status}"
            return f"{identity}:{event.occurred_at.isoformat()}" if event.occurred_at else ""
        case RunReport():
            at = event.occurred_at.isoformat() if event.occurred_at else ""
            return f"{event.type}:{event.job}:{event.run_id}:{event.state}:{at}"
        case _:
            return _dag_identity(event)


def _dag_identity(event: DagEvent) -> str:
    """The same type in the same run of a DAG is the same event, whichever try of the task sends it.

    A resolve is another event: a run that is cleared may find good what it found bad before.
    """
    subject = event.endpoint if isinstance(event, ApiError) else event.model_type or ""
    resolved = isinstance(event, DriftAlert | PerformanceAlert) and event.status == "resolved"
    return f"{event.type}:{event.dag_id}:{event.run_id}:{subject}" + ":resolved" * resolved


def _run_of(event: DagEvent) -> Run | None:
    """What later runs are compared with; None for a report about no run."""
    subject = "/".join(filter(None, (event.dag_id, event.model_type)))
    match event:
        case TrainingSuccess():
            state, own = RunState.SUCCEEDED, {"r2": event.new_r2}
        case TrainingFailure():
            state, own = RunState.FAILED, {}
        case DriftAlert():
            state, own = RunState.MEASURED, {"drift_share": event.drift_share, "r2": event.r2}
        case PerformanceAlert():
            state, own = RunState.MEASURED, {"r2": event.r2, "rmse": event.rmse}
        case ApiError():
            return None
        case _:
            assert_never(event)
    kind = f" {event.type}" if state is RunState.MEASURED else " (test_mode)" * _is_trial(event)
    deployed = isinstance(event, TrainingSuccess) and _is_deployed(event)
    return _run(event, f"{subject}{kind}", event.run_id, state, event.occurred_at, own, deployed=deployed)


def job_of(alert: Alert) -> str:
    """The job whose runs an alert of this source is about; empty for one of another."""
    labels = alert.labels
    if not alert.source.startswith(SOURCE):
        return ""
    if alert.alertname == JOB_FAILED and "job" in labels:
        return index_keys.hash_if_long(labels["job"])
    if "dag_id" not in labels:
        name = labels.get("alertname", "")
        return index_keys.hash_if_long("/".join(filter(None, (f"event {name}", labels.get("key")))))
    subject = "/".join(filter(None, (labels["dag_id"], labels.get("model_type"))))
    kinds = {DRIFT.alertname: " drift_alert", CRITICAL.alertname: " performance_alert"}
    kinds |= {WARNING.alertname: kinds[CRITICAL.alertname]}
    return index_keys.hash_if_long(
        subject + kinds.get(alert.alertname, " (test_mode)" * ("test_mode" in labels))
    )


def _run(
    report: Report,
    job: str,
    run_id: str,
    state: RunState,
    at: datetime,
    own: Mapping[str, float | None],
    *,
    deployed: bool,
    duration_s: float | None = None,
) -> Run:
    measured = {name: value for name, value in own.items() if value is not None} | report.metrics
    return Run(
        index_keys.hash_if_long(job),
        index_keys.hash_if_long(run_id),
        state,
        at,
        duration_s,
        measured,
        deployed,
    )


def _training_success(event: TrainingSuccess, key: str | None) -> EventSignals:
    # A deployment also ends the alerts about the model that it replaced.
    ended = [FAILURE, CRITICAL, WARNING, DRIFT] if _is_deployed(event) else [FAILURE]
    text = _success_text(event)
    words = {"summary": "The training succeeded", "description": text}
    what = " ".join(filter(None, (event.model_type or event.dag_id, event.decision)))
    return EventSignals(
        _information(event, key, SUCCESS, words),
        resolves=_resolves(event, ended, text),
        mark=Mark(event.occurred_at, f"training: {what}", _model(event)),
    )


def _is_deployed(event: TrainingSuccess) -> bool:
    return event.decision.startswith("deploy")


def _training_failure(event: TrainingFailure, key: str | None) -> Signal:
    text = event_texts.error(event.error_message)
    if not event.test_mode:
        return _signal(event, key, FAILURE, {"summary": "A training failed", **text})
    words = {"summary": "A training in test_mode failed", **text}
    return replace(
        _signal(event, key, TEST_FAILURE, words), expires_at=event.occurred_at + TEST_FAILURE_EXPIRY
    )


def _recovered(
    event: DagEvent, key: str | None, kind: Kind, text: str, ended: Sequence[Kind]
) -> EventSignals:
    signal = _information(event, key, kind, {"summary": text})
    return EventSignals(signal, resolves=_resolves(event, ended, text))


def _information(event: DagEvent, key: str | None, kind: Kind, annotations: Labels) -> Signal:
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


def _drift(event: DriftAlert, key: str | None) -> Signal:
    words = {"summary": "The data have drifted", "description": _drift_text(event)}
    # Drift is of the data, not of a model: Prometheus's HighDrift has no model_type either.
    signal = _signal(event, key, DRIFT, words, group={})
    return replace(signal, expires_at=event.occurred_at + MONITORING_EXPIRY)


def _performance_text(event: PerformanceAlert) -> str:
    rmse = f", RMSE {event.rmse:.1f}" if event.rmse is not None else ""
    limits = ", ".join(f"{name} {value:g}" for name, value in sorted(event.thresholds.items()))
    return f"R² {event.r2:.3f}{rmse}." + (f" Thresholds: {limits}." if limits else "")


def _performance(event: PerformanceAlert, key: str | None) -> EventSignals:
    """A model that is critical no longer has the warning, and the other way round."""
    is_critical = event.r2 < event.thresholds.get("r2_critical", R2_CRITICAL_DEFAULT)
    kind, other = (CRITICAL, WARNING) if is_critical else (WARNING, CRITICAL)
    text = _performance_text(event)
    signal = _signal(event, key, kind, {"summary": "The model predicts badly", "description": text})
    signal = replace(signal, expires_at=event.occurred_at + MONITORING_EXPIRY)
    return EventSignals(signal, resolves=_resolves(event, [other], text), always_opens=True)


def _api_error(event: ApiError, key: str | None) -> Signal:
    words = {"summary": f"{event.endpoint} failed", **event_texts.error(event.error)}
    # The same fault, observed by the caller: one card with Prometheus's APIErrorRate.
    group = {"alertname": "APIErrorRate"}
    signal = _signal(event, key, API_ERROR, words, extra={"endpoint": event.endpoint}, group=group)
    return replace(signal, expires_at=event.occurred_at + API_ERROR_EXPIRY)


def _labels(kind: Kind, event: DagEvent) -> dict[str, str]:
    """The labels that identify an alert of this DAG and model, across runs."""
    return {"alertname": kind.alertname, "dag_id": event.dag_id, **_model(event)}


def _model(event: DagEvent) -> dict[str, str]:
    """A training in test_mode is another subject than the real trainings of the model."""
    model = {"model_type": event.model_type} if event.model_type else {}
    return model | {"test_mode": "true"} if _is_trial(event) else model


def _is_trial(event: DagEvent) -> bool:
    match event:
        case TrainingSuccess():
            # Earlier pipelines do not send test_mode.
            return event.test_mode or event.decision == "skip_test_mode"
        case TrainingFailure():
            return event.test_mode
        case _:
            return False


def _signal(
    event: DagEvent,
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
        reporter=f"Airflow {event.dag_id}" + (f", task {event.task_id}" if event.task_id else ""),
        event_key=key,
        may_be_late=False,
        origin=Origin.EVENT,
    )


def _resolves(event: DagEvent, kinds: Sequence[Kind], text: str) -> tuple[Signal, ...]:
    """Of alerts that may be open: resolved when the event occurred."""
    return tuple(
        _resolve(_signal(event, None, kind, {}, group={}), _labels(kind, event), text) for kind in kinds
    )


def _resolve(signal: Signal, labels: Labels, text: str) -> Signal:
    resolved = replace(signal, status=Status.RESOLVED, ends_at=signal.starts_at)
    return replace(resolved, labels=labels, annotations={}, reporter=f"{signal.reporter}: {text}")


def _generic(event: GenericEvent, key: str | None, at: datetime) -> EventSignals:
    run = _run(event, _series(event), at.isoformat(), RunState.MEASURED, at, {}, deployed=False)
    measured = run if event.metrics else None
    if event.status == "info":
        signal = _ended(_event_signal(event, key, at, severity="info", once={"event": at.isoformat()}))
        title = event.summary or " ".join(filter(None, (event.name, event.key)))
        mark = Mark(at, title, event.labels) if event.mark else None
        return EventSignals(signal, never_opens=event.mark, run=measured, mark=mark)
    signal = replace(_event_signal(event, key, at, severity="warning"), expires_at=at + EVENT_EXPIRY)
    if event.status == "firing":
        return EventSignals(signal, run=measured)
    return EventSignals(signal, resolves=(_ended(signal),), never_opens=True, run=measured)


def _event_signal(
    event: GenericEvent, key: str | None, at: datetime, *, severity: str, once: Labels | None = None
) -> Signal:
    """once: makes it an alert and an incident of its own, though others have its name."""
    subject = {"key": event.key} if event.key else {}
    identity = {"alertname": event.name, **(subject or event.labels)}
    once = once or {}
    return _plain_signal(
        labels={**event.labels, **identity, "severity": event.severity or severity},
        annotations=_present(summary=event.summary, description=event.description) | _linked(event),
        identity={**identity, **once},
        group={"alertname": event.name, **subject, **once},
        at=at,
        key=key,
        reporter=f"event {event.name}",
    )


def _series(event: GenericEvent) -> str:
    return "/".join(filter(None, (f"event {event.name}", event.key)))


def _run_report(event: RunReport, key: str | None, at: datetime) -> EventSignals:
    state = RunState(event.state)
    identity = {"alertname": JOB_FAILED, "job": event.job}
    took = event_texts.took(event.duration_s)
    signal = _plain_signal(
        labels={**event.labels, **identity, "severity": event.severity or "error"},
        annotations=_present(
            summary=event.summary or f"{event.job} failed",
            description=took,
            log=event.log_tail,
            run_id=event.run_id,
        )
        | _linked(event),
        identity=identity,
        group=identity,
        at=at,
        key=key,
        reporter=f"job {event.job}",
    )
    run = _run(
        event, event.job, event.run_id, state, at, {}, deployed=event.deployed, duration_s=event.duration_s
    )
    if state is RunState.FAILED:
        return EventSignals(signal, run=run)
    words = " ".join(filter(None, (f"run {event.run_id} succeeded.", took)))
    end = replace(_ended(signal), reporter=f"{signal.reporter}: {words}", annotations={})
    resolves = (end,) if state is RunState.SUCCEEDED else ()
    return EventSignals(signal, resolves=resolves, never_opens=True, run=run)


def _plain_signal(
    *,
    labels: Labels,
    annotations: Labels,
    identity: Labels,
    group: Labels,
    at: datetime,
    key: str | None,
    reporter: str,
) -> Signal:
    """Firing. Reported again, it is still the same episode: only its end begins another."""
    return Signal(
        source=SOURCE,
        status=Status.FIRING,
        labels=labels,
        annotations=annotations,
        starts_at=at,
        ends_at=None,
        fingerprint=fingerprints.of(identity),
        group_labels=group,
        reporter=reporter,
        event_key=key,
        may_be_late=False,
        origin=Origin.EVENT,
        start_known=False,
    )


def _ended(signal: Signal) -> Signal:
    return replace(signal, status=Status.RESOLVED, ends_at=signal.starts_at)


def _present(**texts: str) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text}
