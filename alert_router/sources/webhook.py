"""The webhook body of Alertmanager and Grafana: an envelope for a group of alerts, and the alerts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pydantic_core
from pydantic import ValidationError

from alert_router.domain import index_keys
from alert_router.domain.model import RefusedBody, Signal
from alert_router.sources import alertmanager, grafana
from alert_router.sources.alertmanager import Origin, WireEnvelope
from alert_router.sources.errors import FieldError, InvalidBody, errors_of

_QUOTED = re.compile(r"\\([^a-zA-Z0-9])")
MAX_TRUNCATED = 1_000_000
"""Upper bound on what one body adds to the counter of truncated alerts."""
MAX_DESCRIBED = 20
"""How many unreadable alerts of a body are described singly; the rest is counted and kept in one piece."""

RAW_PROMETHEUS = (
    "this is the list of alerts that Prometheus sends to an Alertmanager. In prometheus.yml, "
    "`alerting.alertmanagers[].static_configs[].targets` must name Alertmanager; in alertmanager.yml, "
    "`receivers[].webhook_configs[].url` names this address"
)


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One webhook: its signals, and the alerts that cannot be read. Both are stored, or neither."""

    source: str
    """The sender by the body's own account, whichever route it was posted to; and its name, if it has one."""
    received_at: datetime
    signals: tuple[Signal, ...] = ()
    refused: tuple[RefusedBody, ...] = ()
    truncated: int = 0
    """How many alerts Alertmanager left out (max_alerts)."""
    receiver: str = ""
    """Alertmanager's name for its receiver; empty for a sender with which alerts are not compared."""
    heartbeat: bool = False
    """The Watchdog fires in it. It proves that monitoring works, and is not among the signals."""


@dataclass(frozen=True, slots=True)
class _Unreadable:
    errors: tuple[FieldError, ...]
    json: bytes
    alerts: int = 1


def parse(body: bytes, now: datetime, origin: Origin = Origin()) -> WebhookMessage:  # noqa: B008 - frozen
    """Raises InvalidBody when no alert in the body can be read; one bad alert does not cost the others."""
    try:
        envelope = WireEnvelope.model_validate_json(alertmanager.without_nul(body))
    except ValidationError as error:
        raise _invalid_envelope(body, error) from error
    is_grafana = envelope.version == grafana.VERSION
    wire_alert = grafana.WireAlert if is_grafana else alertmanager.WireAlert
    signals: list[Signal] = []
    watchdogs: list[Signal] = []
    failures: list[tuple[int, ValidationError]] = []
    for index, item in enumerate(envelope.alerts or ()):
        try:
            signal = wire_alert.model_validate(item).to_signal(envelope, now, origin)
        except ValidationError as error:
            failures.append((index, error))
            continue
        # Grafana's alert of this name proves nothing about the way through Prometheus and Alertmanager.
        is_watchdog = not is_grafana and signal.labels.get("alertname") == alertmanager.WATCHDOG
        (watchdogs if is_watchdog else signals).append(signal)
    unreadable = _describe(envelope, failures) if failures else []
    if unreadable and not (signals or watchdogs):
        raise InvalidBody(*(error for part in unreadable for error in part.errors))
    source = origin.source(wire_alert.source)
    # Only the receivers of the Alertmanagers that the router compares itself with: those without a name.
    is_compared = not is_grafana and not origin.name
    return WebhookMessage(
        source=source,
        received_at=now,
        signals=tuple(signals),
        refused=tuple(_refused(part, source, now) for part in unreadable) if unreadable else (),
        truncated=min(max(envelope.truncatedAlerts or 0, 0), MAX_TRUNCATED),
        # Alertmanager applies Go's regexp.QuoteMeta to the name: "a.b" arrives as "a\\.b".
        receiver=index_keys.hash_if_long(_QUOTED.sub(r"\1", envelope.receiver or "")) if is_compared else "",
        # Alertmanager resolves a Watchdog that Prometheus has stopped sending.
        heartbeat=any(signal.firing for signal in watchdogs) if watchdogs else False,
    )


def _invalid_envelope(body: bytes, error: ValidationError) -> InvalidBody:
    if error.errors()[0]["type"] == "json_invalid":
        return InvalidBody(FieldError("", f"not JSON: {error.errors()[0]['ctx']['error']}"))
    if body.lstrip().startswith(b"["):
        return InvalidBody(FieldError("", RAW_PROMETHEUS))
    return InvalidBody(*errors_of(error))


def _describe(envelope: WireEnvelope, failures: Sequence[tuple[int, ValidationError]]) -> list[_Unreadable]:
    alerts = envelope.alerts or []
    described = [
        _Unreadable(errors_of(error, prefix=f"alerts.{index}"), _json(alerts[index]))
        for index, error in failures[:MAX_DESCRIBED]
    ]
    if rest := [alerts[index] for index, _ in failures[MAX_DESCRIBED:]]:
        error = FieldError("alerts", f"{len(rest)} more cannot be read")
        described.append(_Unreadable((error,), _json(rest), alerts=len(rest)))
    return described


def _json(value: Any) -> bytes:
    return pydantic_core.to_json(value)


def _refused(part: _Unreadable, source: str, now: datetime) -> RefusedBody:
    return RefusedBody(now, source, "; ".join(map(str, part.errors)), part.json, part.alerts)
