"""Direct reports to signals: each joins the incident of the Prometheus alert about the same fault."""

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from alert_router.domain.model import Status
from alert_router.sources import event_signals, events
from alert_router.sources.errors import InvalidBody
from alert_router.sources.event_examples import EXAMPLES
from alert_router.sources.event_fields import EARLIEST
from alert_router.sources.event_signals import EventSignals
from testbed.factories import NOON, as_bytes, event_json
from testbed.json_strategy import JSON

TYPES = ("training_success", "training_failure", "drift_alert", "performance_alert", "api_error")


def signals_of(type_: str = "training_failure", *, key: str | None = None, **changes: Any) -> EventSignals:
    return event_signals.to_signals(
        events.parse(as_bytes(event_json(type_, **changes))), now=NOON, idempotency_key=key
    )


def refused_fields(body: Any) -> list[str]:
    with pytest.raises(InvalidBody) as caught:
        events.parse(body if isinstance(body, bytes) else as_bytes(body))
    return [error.field for error in caught.value.errors]


@pytest.mark.parametrize(
    ("type_", "changes", "alertname", "severity", "group"),
    [
        (
            "training_failure",
            {},
            "TrainingFailure",
            "critical",
            {"alertname": "TrainingFailure", "model_type": "rf"},
        ),
        (
            "training_failure",
            {"model_type": None},
            "TrainingFailure",
            "critical",
            {"alertname": "TrainingFailure"},
        ),
        ("drift_alert", {}, "HighDrift", "warning", {"alertname": "HighDrift"}),
        (
            "performance_alert",
            {"r2": 0.649},
            "ModelPerformanceCritical",
            "critical",
            {"alertname": "ModelPerformanceCritical", "model_type": "rf"},
        ),
        (
            "performance_alert",
            {"r2": 0.65},
            "ModelPerformanceWarning",
            "warning",
            {"alertname": "ModelPerformanceWarning", "model_type": "rf"},
        ),
        (
            "performance_alert",
            {"r2": 0.6, "thresholds": {"r2_critical": 0.5}},
            "ModelPerformanceWarning",
            "warning",
            {"alertname": "ModelPerformanceWarning", "model_type": "rf"},
        ),
        ("api_error", {}, "APIError", "warning", {"alertname": "APIErrorRate"}),
    ],
)
def test_event_joins_the_incident_of_the_prometheus_alert(
    type_: str, changes: dict[str, Any], alertname: str, severity: str, group: dict[str, str]
) -> None:
    signal = signals_of(type_, **changes).signal

    assert (signal.labels["alertname"], signal.labels["severity"]) == (alertname, severity)
    assert signal.group_labels == group
    assert (signal.status, signal.starts_at, signal.may_be_late) == (Status.FIRING, NOON, False)


def test_success_resolves_the_failure_of_its_dag_and_model() -> None:
    signals = signals_of("training_success", decision="skip_no_improvement")

    assert (signals.signal.status, signals.signal.ends_at) == (Status.RESOLVED, NOON)
    assert [signal.fingerprint for signal in signals.resolves] == [signals_of().signal.fingerprint]


@pytest.mark.parametrize(
    "changes", [{"test_mode": True, "decision": "skip_no_improvement"}, {"decision": "skip_test_mode"}]
)
def test_success_in_test_mode_resolves_no_real_failure(changes: dict[str, Any]) -> None:
    [failure] = [signals_of("training_failure").signal]

    trial = signals_of("training_success", **changes)

    assert failure.fingerprint not in {signal.fingerprint for signal in trial.resolves}


def test_failure_in_test_mode_is_a_warning_of_its_own() -> None:
    real = signals_of("training_failure").signal

    trial = signals_of("training_failure", test_mode=True).signal
    success = signals_of("training_success", test_mode=True, decision="skip_test_mode")

    assert trial.labels["severity"] == "warning"
    assert trial.expires_at == NOON + timedelta(hours=1)
    assert trial.fingerprint != real.fingerprint
    assert trial.group_labels != real.group_labels
    assert trial.fingerprint in {signal.fingerprint for signal in success.resolves}


def test_deployment_resolves_the_alerts_of_the_old_model() -> None:
    old: list[tuple[str, dict[str, Any]]] = [
        ("training_failure", {}),
        ("performance_alert", {"r2": 0.1}),
        ("performance_alert", {"r2": 0.69}),
        ("drift_alert", {}),
    ]

    resolved = {signal.fingerprint for signal in signals_of("training_success", decision="deploy").resolves}

    assert resolved == {signals_of(type_, **changes).signal.fingerprint for type_, changes in old}


@pytest.mark.parametrize(
    ("type_", "firing", "alertname"),
    [
        ("drift_alert", [{}], "DriftRecovered"),
        ("performance_alert", [{"r2": 0.1}, {"r2": 0.69}], "ModelPerformanceRecovered"),
    ],
)
def test_recovery_resolves_open_alerts_or_is_informational(
    type_: str, firing: list[dict[str, Any]], alertname: str
) -> None:
    signals = signals_of(type_, status="resolved", run_id="the next one")

    open_alerts = {signals_of(type_, **changes).signal.fingerprint for changes in firing}
    assert {signal.fingerprint for signal in signals.resolves} == open_alerts
    assert all(signal.status is Status.RESOLVED for signal in signals.resolves)
    assert (signals.signal.labels["alertname"], signals.signal.labels["severity"]) == (alertname, "info")
    assert (signals.signal.status, signals.always_opens) == (Status.RESOLVED, False)


def test_event_without_a_status_fires() -> None:
    for type_ in ("drift_alert", "performance_alert"):
        assert signals_of(type_).signal == signals_of(type_, status="firing").signal


@pytest.mark.parametrize("status", ["over", "", None, 1])
def test_unknown_status_is_refused(status: object) -> None:
    assert refused_fields(event_json("drift_alert", status=status)) == ["status"]


def test_critical_and_warning_performance_exclude_each_other() -> None:
    critical, warning = signals_of("performance_alert", r2=0.1), signals_of("performance_alert", r2=0.69)

    assert [signal.fingerprint for signal in critical.resolves] == [warning.signal.fingerprint]
    assert [signal.fingerprint for signal in warning.resolves] == [critical.signal.fingerprint]
    assert critical.always_opens
    assert warning.always_opens


@pytest.mark.parametrize(
    ("type_", "expires_after"),
    [
        ("training_failure", None),
        ("drift_alert", timedelta(days=8)),
        ("performance_alert", timedelta(days=8)),
        ("api_error", timedelta(hours=1)),
    ],
)
def test_events_without_a_resolve_expire(type_: str, expires_after: timedelta | None) -> None:
    expires_at = signals_of(type_).signal.expires_at

    assert expires_at == (NOON + expires_after if expires_after else None)


@pytest.mark.parametrize("type_", TYPES)
def test_retried_task_sends_the_same_event(type_: str) -> None:
    first = signals_of(type_, try_number=1, task_id="a")
    second = signals_of(type_, try_number=2, task_id="b", occurred_at="2026-09-24T12:07:00Z")

    assert first.signal.event_key == second.signal.event_key


@pytest.mark.parametrize("changes", [{"dag_id": "x"}, {"run_id": "x"}, {"model_type": "gb"}])
def test_other_dag_run_or_model_is_another_event(changes: dict[str, Any]) -> None:
    assert signals_of("drift_alert", **changes).signal.event_key != signals_of("drift_alert").signal.event_key
    assert signals_of("performance_alert").signal.event_key != signals_of("drift_alert").signal.event_key


def test_idempotency_key_replaces_the_identity() -> None:
    assert signals_of(key="k").signal.event_key == signals_of(key="k", run_id="other").signal.event_key
    assert signals_of(key="k").signal.event_key != signals_of().signal.event_key


def test_zero_time_of_an_event_leaves_room_for_spans_before_it() -> None:
    signal = signals_of(occurred_at="0001-01-01T00:00:00Z").signal

    assert signal.starts_at == EARLIEST


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"type": "party"}, ["type"]),
        ({"dag_id": ""}, ["dag_id"]),
        ({"run_id": None}, ["run_id"]),
        ({"occurred_at": "2026-09-24T12:00:00"}, ["occurred_at"]),
        ({"occurred_at": "9999-12-31T23:59:59Z"}, ["occurred_at"]),
        ({"error_message": None}, ["error_message"]),
        ({"type": "drift_alert", "drift_share": 1.1}, ["drift_share"]),
        ({"type": "drift_alert", "drift_share": -0.1}, ["drift_share"]),
        ({"type": "performance_alert", "r2": float("nan")}, ["r2"]),
    ],
)
def test_invalid_field_of_an_event_is_named(changes: dict[str, Any], fields: list[str]) -> None:
    type_ = changes.get("type", "training_failure")
    body = {**event_json(type_ if type_ in TYPES else "training_failure"), **changes}

    assert refused_fields(body) == fields


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"\xff", b"[" * 100_000, b'{"type": "\\ud800"}'])
def test_unreadable_event_is_invalid(body: bytes) -> None:
    assert refused_fields(body) == [""]


@given(JSON)
def test_any_value_in_an_event_is_parsed_or_invalid(value: Any) -> None:
    bodies = [value] + [{**body, place: value} for body in EXAMPLES.values() for place in body]
    for body in bodies:
        with contextlib.suppress(InvalidBody):
            event_signals.to_signals(events.parse(as_bytes(body)), now=NOON)
