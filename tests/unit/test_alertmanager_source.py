"""Alertmanager's webhook body to signals: any body is parsed, or refused by naming its invalid fields."""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alert_router.domain.model import Signal, Status
from alert_router.sources import fingerprints, webhook
from alert_router.sources.alertmanager import LAST, Origin
from alert_router.sources.errors import InvalidBody
from alert_router.sources.webhook import WebhookMessage
from testbed.factories import API_DOWN, DISK_FULL, NOON, as_bytes, at, make_signal, webhook_json, wire_alert
from testbed.json_strategy import JSON

PAYLOADS = sorted((Path(__file__).parents[3] / "shared" / "payloads").glob("*.json"))


def parse(body: Any) -> WebhookMessage:
    return webhook.parse(body if isinstance(body, bytes) else as_bytes(body), at(60))


def only(message: WebhookMessage) -> Signal:
    assert len(message.signals) == 1
    return message.signals[0]


def refusal(body: Any) -> InvalidBody:
    with pytest.raises(InvalidBody) as caught:
        parse(body)
    return caught.value


def test_firing_alert_becomes_a_signal() -> None:
    assert only(parse(webhook_json())) == make_signal()


def test_resolved_alert_keeps_its_end() -> None:
    signal = only(parse(webhook_json(wire_alert(ends_at=at(5)))))

    assert signal == make_signal(ends_at=at(5))


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_recorded_webhooks_are_parsed(path: Path) -> None:
    body = path.read_bytes()

    message = parse(body)

    assert message.refused == ()
    labels = [alert["labels"] for alert in json.loads(body)["alerts"]]
    expected = [names for names in labels if names["alertname"] != "Watchdog"]
    assert [dict(signal.labels) for signal in message.signals] == expected
    assert message.heartbeat == (expected != labels)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-09-24T12:00:00Z", NOON),
        ("2026-09-24T12:00:00.123456789Z", NOON + timedelta(microseconds=123456)),
        ("2026-09-24T14:00:00.5+02:00", NOON + timedelta(seconds=0.5)),
        ("2026-09-24T12:00:00.000000001-00:00", NOON),
    ],
)
def test_times_are_parsed_to_the_microsecond_in_utc(written: str, meant: datetime) -> None:
    signal = only(parse(webhook_json(wire_alert(startsAt=written))))

    assert signal.starts_at == meant
    assert signal.starts_at.tzinfo is UTC


@pytest.mark.parametrize("written", ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:00:00-05:00"])
def test_time_beyond_reckoning_becomes_the_last(written: str) -> None:
    assert only(parse(webhook_json(wire_alert(startsAt=written)))).starts_at == LAST


@pytest.mark.parametrize("starts_at", [None, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+02:00"])
@pytest.mark.parametrize("ends_at", [None, at(50)])
def test_missing_start_is_the_time_of_receipt(starts_at: str | None, ends_at: datetime | None) -> None:
    signal = only(parse(webhook_json(wire_alert(startsAt=starts_at, ends_at=ends_at))))

    assert (signal.starts_at, signal.ends_at, signal.start_known) == (at(60), ends_at, False)


def test_start_may_be_left_out() -> None:
    alert = wire_alert()
    del alert["startsAt"]

    assert only(parse(webhook_json(alert))).start_known is False


def test_null_is_empty() -> None:
    """As Go writes a nil map, and others an absent text."""
    alert = wire_alert(annotations=None, generatorURL=None, fingerprint=None, endsAt=None)
    nothing = dict.fromkeys(
        ("groupLabels", "commonLabels", "commonAnnotations", "externalURL", "receiver", "truncatedAlerts")
    )

    message = parse(webhook_json(alert, version="", **nothing))

    signal = only(message)
    assert (signal.annotations, signal.generator_url, signal.source_url, signal.group_labels) == (
        {},
        "",
        "",
        {},
    )
    assert (signal.fingerprint, message.receiver, message.truncated) == (fingerprints.of(API_DOWN), "", 0)


def test_null_text_of_an_annotation_is_empty() -> None:
    assert only(parse(webhook_json(wire_alert(annotations={"summary": None})))).annotations == {"summary": ""}


def test_null_alerts_are_an_empty_group() -> None:
    assert parse(webhook_json(alerts=None)).signals == ()


@pytest.mark.parametrize("severity", ["", None])
def test_empty_label_is_no_label(severity: str | None) -> None:
    """So it is in Prometheus; the fingerprint is that of the labels that are set."""
    without = {"alertname": "NoSeverity"}
    alert = wire_alert(fingerprint="") | {"labels": {**without, "severity": severity}}

    signal = only(parse(webhook_json(alert, groupLabels={**without, "severity": severity})))

    assert (signal.labels, signal.group_labels) == (without, without)
    assert signal.fingerprint == fingerprints.of(without)


def test_origin_names_source_and_channel() -> None:
    message = webhook.parse(as_bytes(webhook_json(receiver="r")), at(60), Origin("eu", "ops"))

    assert (only(message).source, only(message).sent_to, message.source) == (
        "alertmanager:eu",
        "ops",
        "alertmanager:eu",
    )
    assert message.receiver == "", "the router does not compare itself with this Alertmanager"


@pytest.mark.parametrize("ends_at", ["0001-01-01T00:00:00Z", None])
def test_missing_end_of_a_resolved_alert_is_now(ends_at: str | None) -> None:
    signal = only(parse(webhook_json(wire_alert(status="resolved", endsAt=ends_at))))

    assert (signal.status, signal.ends_at) == (Status.RESOLVED, at(60))


def test_end_before_the_start_becomes_the_start() -> None:
    signal = only(parse(webhook_json(wire_alert(ends_at=at(-5)))))

    assert signal.ends_at == signal.starts_at


def test_end_of_a_firing_alert_is_ignored() -> None:
    signal = only(parse(webhook_json(wire_alert(endsAt="2026-09-24T12:05:00Z"))))

    assert (signal.status, signal.ends_at) == (Status.FIRING, None)


@pytest.mark.parametrize("changes", [{"fingerprint": ""}, {}])
def test_missing_fingerprint_is_computed(changes: dict[str, Any]) -> None:
    alert = wire_alert(**changes)
    if not changes:
        del alert["fingerprint"]

    assert only(parse(webhook_json(alert))).fingerprint == fingerprints.of(alert["labels"])


@pytest.mark.parametrize(
    ("labels", "fingerprint"),
    [
        # From webhooks of Debian's Alertmanager 0.25.
        ({"alertname": "Watchdog", "prometheus": "monitoring/k8s", "severity": "none"}, "e1749c6acab64267"),
        (
            {
                "alertname": "KubePodCrashLooping",
                "container": "api",
                "endpoint": "https-main",
                "job": "kube-state-metrics",
                "namespace": "payments",
                "pod": "payments-api-7c9d8b6f5-2xk4p",
                "prometheus": "monitoring/k8s",
                "reason": "CrashLoopBackOff",
                "service": "kube-state-metrics",
                "severity": "warning",
                "uid": "2f9f4c0e-7f1a-4b5e-9f0e-7928b0c86cc8",
            },
            "1f7fa948af032338",
        ),
        # prometheus/common model/signature_test.go: no labels at all.
        ({}, "cbf29ce484222325"),
    ],
)
def test_fingerprints_equal_those_of_alertmanager(labels: dict[str, str], fingerprint: str) -> None:
    assert fingerprints.of(labels) == fingerprint


def test_unknown_keys_are_accepted() -> None:
    alert = wire_alert(somethingNew={"a": 1})

    message = parse(webhook_json(alert, notification_reason="new alerts added", routeLabels={"a": "b"}))

    assert len(message.signals) == 1


def test_many_unreadable_alerts_are_all_kept_and_few_described() -> None:
    bad = [{"n": n} for n in range(5000)]

    message = parse(webhook_json(alerts=[*bad, wire_alert()]))
    invalid = refusal(webhook_json(alerts=bad))

    assert len(message.signals) == 1
    assert sum(part.alerts for part in message.refused) == 5000
    *described, rest = message.refused
    assert [json.loads(part.body) for part in described] + json.loads(rest.body) == bad
    assert len(str(invalid)) < 5000
    assert str(invalid.errors[-1]) == f"alerts: {len(json.loads(rest.body))} more cannot be read"


def test_unreadable_alert_does_not_cost_the_others() -> None:
    bad = wire_alert(DISK_FULL, startsAt="yesterday")

    message = parse(webhook_json(wire_alert(), bad, wire_alert()))

    assert len(message.signals) == 2
    assert json.loads(message.refused[0].body) == bad
    assert message.refused[0].reason.startswith("alerts.1.startsAt: ")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": "broken"}, "alerts.0.status"),
        ({"status": None}, "alerts.0.status"),
        ({"labels": {}}, "alerts.0.labels"),
        ({"labels": {"a": 5}}, "alerts.0.labels.a"),
        ({"labels": None}, "alerts.0.labels"),
        ({"startsAt": "2026-09-24T12:00:00"}, "alerts.0.startsAt"),
        ({"startsAt": "2026-13-24T12:00:00Z"}, "alerts.0.startsAt"),
        ({"labels": {"alertname": "", "severity": None}}, "alerts.0.labels"),
        ({"labels": {"alertname": "A", "severity": 0}}, "alerts.0.labels.severity"),
        ({"annotations": {"summary": 5}}, "alerts.0.annotations.summary"),
        ({"generatorURL": 5}, "alerts.0.generatorURL"),
    ],
)
def test_invalid_field_is_named(changes: dict[str, Any], field: str) -> None:
    errors = refusal(webhook_json({**wire_alert(), **changes})).errors

    assert [error.field for error in errors] == [field]


@pytest.mark.parametrize("alert", [None, 5, "x", [], [1]])
def test_alert_that_is_not_an_object_is_refused(alert: Any) -> None:
    assert refusal(webhook_json(alerts=[alert])).errors[0].field.startswith("alerts.0")


def test_raw_prometheus_list_is_explained() -> None:
    reason = str(refusal([{"labels": {"alertname": "ApiDown"}, "startsAt": "2026-09-24T12:00:00Z"}]))

    assert "prometheus.yml" in reason
    assert "webhook_configs" in reason


def test_empty_group_is_accepted() -> None:
    message = parse(webhook_json(alerts=[]))

    assert (message.signals, message.refused, message.heartbeat) == ((), (), False)


def test_receiver_name_is_unquoted() -> None:
    assert parse(webhook_json(receiver="team\\.a/default\\+1")).receiver == "team.a/default+1"


def test_truncated_alerts_are_counted() -> None:
    assert parse(webhook_json(truncatedAlerts=7)).truncated == 7


@pytest.mark.parametrize("number", [10**30, 10**400, -(10**30), -1])
def test_number_of_truncated_alerts_is_bounded(number: int) -> None:
    assert 0 <= float(parse(webhook_json(truncatedAlerts=number)).truncated) < float("inf")


def test_escaped_backslash_makes_no_nul() -> None:
    written = r"C:\\u0000 \u0000"

    signal = only(parse(b'{"alerts": [{"status": "firing", "labels": {"path": "%s"}}]}' % written.encode()))

    assert signal.labels == {"path": "C:\\u0000 \ufffd"}


def test_nul_is_replaced_by_a_storable_character() -> None:
    signal = only(parse(webhook_json(wire_alert({"alertname": "a\x00b", "n\x00": "v"}))))

    assert signal.labels == {"alertname": "a\ufffdb", "n\ufffd": "v"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"5",
        b'"x"',
        b"{}",
        b"\xff\xfe",
        b'{"alerts": {}}',
        b'{"alerts": [{"labels": {"a": "\\ud800"}}]}',
        b"[" * 100_000,
        b'{"alerts":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"alerts": [], "truncatedAlerts": 1e999}',
        b'{"alerts": [], "truncatedAlerts": ' + b"9" * 5000 + b"}",
        b'{"alerts": [{"startsAt": ' + b"9" * 5000 + b"}]}",
        b'{"alerts": [NaN, Infinity]}',
    ],
    ids=lambda body: body[:20].decode(errors="replace"),
)
def test_unreadable_body_is_invalid(body: bytes) -> None:
    refusal(body)


@given(st.binary(max_size=60))
def test_any_bytes_are_parsed_or_invalid(body: bytes) -> None:
    with contextlib.suppress(InvalidBody):
        parse(body)


@given(
    JSON,
    st.sampled_from(
        [
            None,
            "alerts",
            "alert",
            "labels",
            "annotations",
            "startsAt",
            "endsAt",
            "fingerprint",
            "groupLabels",
            "externalURL",
            "truncatedAlerts",
        ]
    ),
)
@example({"a": float("nan")}, "labels")
@example([float("inf"), 10**400], "alerts")
def test_any_json_is_parsed_or_invalid(value: Any, place: str | None) -> None:
    """Anything at all, as the body or in one place of a good one."""
    body: Any = webhook_json(wire_alert(), wire_alert(DISK_FULL))
    if place == "alert":
        body["alerts"][0] = value
    elif place is not None and place in body["alerts"][0]:
        body["alerts"][0][place] = value
    elif place is not None:
        body[place] = value

    with contextlib.suppress(InvalidBody):
        parse(body if place else value)
