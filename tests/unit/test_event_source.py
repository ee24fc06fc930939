"""Direct reports to signals: how each joins what Prometheus says of the same thing."""

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from alert_router.domain.model import Status
from alert_router.sources import event_signals, events
from alert_router.sources.errors import InvalidBody
from alert_router.sources.event_signals import EventSignals
from testbed.factories import NOON, as_bytes, event_json
from testbed.json_strategy import JSON

TYPES = ("training_success", "training_failure", "drift_alert", "performance_alert", "api_error")


def meaning(type_: str = "training_failure", *, key: str | None = None, **changes: Any) -> EventSignals:
    return event_signals.of(events.parse(as_bytes(event_json(type_, **changes))), idempotency_key=key)


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
def test_a_report_joins_the_group_of_prometheuss_own_alert(
    type_: str, changes: dict[str, Any], alertname: str, severity: str, group: dict[str, str]
) -> None:
    signal = meaning(type_, **changes).signal

    assert (signal.labels["alertname"], signal.labels["severity"]) == (alertname, severity)
    assert signal.group_labels == group
    assert (signal.status, signal.starts_at, signal.may_be_late) == (Status.FIRING, NOON, False)


def test_a_success_is_born_resolved_and_ends_the_failure_of_its_dag_and_model() -> None:
    found = meaning("training_success", decision="skip_no_improvement")

    assert (found.signal.status, found.signal.ends_at) == (Status.RESOLVED, NOON)
    assert [one.fingerprint for one in found.ends] == [meaning().signal.fingerprint]


def test_a_deployment_ends_what_was_said_of_the_old_model() -> None:
    spoken: list[tuple[str, dict[str, Any]]] = [
        ("training_failure", {}),
        ("performance_alert", {"r2": 0.1}),
        ("performance_alert", {"r2": 0.69}),
        ("drift_alert", {}),
    ]

    ends = {one.fingerprint for one in meaning("training_success", decision="deploy").ends}

    assert ends == {meaning(type_, **changes).signal.fingerprint for type_, changes in spoken}


@pytest.mark.parametrize(
    ("type_", "firing", "alertname"),
    [
        ("drift_alert", [{}], "DriftRecovered"),
        ("performance_alert", [{"r2": 0.1}, {"r2": 0.69}], "ModelPerformanceRecovered"),
    ],
)
def test_a_recovery_ends_whatever_was_said_and_is_otherwise_an_information(
    type_: str, firing: list[dict[str, Any]], alertname: str
) -> None:
    found = meaning(type_, status="resolved", run_id="the next one")

    said = {meaning(type_, **one).signal.fingerprint for one in firing}
    assert {one.fingerprint for one in found.ends} == said
    assert all(one.status is Status.RESOLVED for one in found.ends)
    assert (found.signal.labels["alertname"], found.signal.labels["severity"]) == (alertname, "info")
    assert (found.signal.status, found.stands) == (Status.RESOLVED, False)


def test_a_report_without_a_status_fires_as_it_always_did() -> None:
    for type_ in ("drift_alert", "performance_alert"):
        assert meaning(type_).signal == meaning(type_, status="firing").signal


@pytest.mark.parametrize("status", ["over", "", None, 1])
def test_a_status_that_is_neither_is_refused(status: object) -> None:
    assert refused_fields(event_json("drift_alert", status=status)) == ["status"]


def test_a_model_is_bad_in_one_way_at_a_time() -> None:
    critical, warning = meaning("performance_alert", r2=0.1), meaning("performance_alert", r2=0.69)

    assert [one.fingerprint for one in critical.ends] == [warning.signal.fingerprint]
    assert [one.fingerprint for one in warning.ends] == [critical.signal.fingerprint]
    assert critical.stands
    assert warning.stands


@pytest.mark.parametrize(
    ("type_", "expires_after"),
    [
        ("training_failure", None),
        ("drift_alert", timedelta(days=8)),
        ("performance_alert", timedelta(days=8)),
        ("api_error", timedelta(hours=1)),
    ],
)
def test_what_nobody_tells_the_end_of_expires(type_: str, expires_after: timedelta | None) -> None:
    expires_at = meaning(type_).signal.expires_at

    assert expires_at == (NOON + expires_after if expires_after else None)


@pytest.mark.parametrize("type_", TYPES)
def test_the_same_report_of_another_try_is_the_same_event(type_: str) -> None:
    first = meaning(type_, try_number=1, task_id="a")
    second = meaning(type_, try_number=2, task_id="b", occurred_at="2026-09-24T12:07:00Z")

    assert first.signal.event_key == second.signal.event_key


@pytest.mark.parametrize("changes", [{"dag_id": "x"}, {"run_id": "x"}, {"model_type": "gb"}])
def test_a_report_of_something_else_is_another_event(changes: dict[str, Any]) -> None:
    assert meaning("drift_alert", **changes).signal.event_key != meaning("drift_alert").signal.event_key
    assert meaning("performance_alert").signal.event_key != meaning("drift_alert").signal.event_key


def test_an_idempotency_key_takes_the_place_of_the_identity() -> None:
    assert meaning(key="k").signal.event_key == meaning(key="k", run_id="other").signal.event_key
    assert meaning(key="k").signal.event_key != meaning().signal.event_key


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"type": "party"}, ["type"]),
        ({"dag_id": ""}, ["dag_id"]),
        ({"run_id": None}, ["run_id"]),
        ({"occurred_at": "2026-09-24T12:00:00"}, ["occurred_at"]),
        ({"occurred_at": "9999-12-31T23:59:59Z"}, ["occurred_at"]),
        ({"error_message": None}, ["error_message"]),
        ({"error_message": "x" * 20_001}, ["error_message"]),
        ({"type": "drift_alert", "drift_share": 1.1}, ["drift_share"]),
        ({"type": "drift_alert", "drift_share": -0.1}, ["drift_share"]),
        ({"type": "performance_alert", "r2": float("nan")}, ["r2"]),
    ],
)
def test_what_is_wrong_in_a_report_is_named(changes: dict[str, Any], fields: list[str]) -> None:
    type_ = changes.get("type", "training_failure")
    body = {**event_json(type_ if type_ in TYPES else "training_failure"), **changes}

    assert refused_fields(body) == fields


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"\xff", b"[" * 100_000, b'{"type": "\\ud800"}'])
def test_a_body_that_cannot_be_read_is_malformed(body: bytes) -> None:
    assert refused_fields(body) == [""]


@given(JSON)
def test_no_value_in_any_place_raises_anything_but_malformed(value: Any) -> None:
    bodies = [value] + [{**event_json(type_), place: value} for type_ in TYPES for place in event_json(type_)]
    for body in bodies:
        with contextlib.suppress(InvalidBody):
            event_signals.of(events.parse(as_bytes(body)))
