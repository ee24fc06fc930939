"""The body that Alertmanager and Grafana send alike: alerts with what a group of them shares."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pydantic_core
from pydantic import ValidationError

from alert_router.domain import index_keys
from alert_router.domain.model import Signal
from alert_router.sources import alertmanager, grafana
from alert_router.sources.alertmanager import WireMessage
from alert_router.sources.errors import FieldError, InvalidBody, errors_of

_QUOTED = re.compile(r"\\([^a-zA-Z0-9])")
MAX_TRUNCATED = 1_000_000
"""A counter takes no number of any size."""
MAX_DESCRIBED = 20
"""Of the alerts in a body that cannot be read; the rest is counted, and kept in one piece."""

RAW_PROMETHEUS = (
    "this is the list of alerts that Prometheus sends to an Alertmanager. In prometheus.yml, "
    "`alerting.alertmanagers[].static_configs[].targets` must name Alertmanager; in alertmanager.yml, "
    "`receivers[].webhook_configs[].url` names this address"
)


@dataclass(frozen=True, slots=True)
class RefusedAlerts:
    errors: tuple[FieldError, ...]
    body: bytes
    alerts: int = 1


@dataclass(frozen=True, slots=True)
class Message:
    source: str
    """Who speaks, whichever door it came to."""
    signals: tuple[Signal, ...]
    refused: tuple[RefusedAlerts, ...]
    truncated: int
    """How many alerts Alertmanager left out (max_alerts): they never get here, so somebody must know."""
    receiver: str
    """The name under which Alertmanager sent it; empty when it was Grafana."""
    heartbeat: bool
    """The Watchdog fires among them: it is no news, and not among the signals."""


def parse(body: bytes, now: datetime) -> Message:
    """Raises InvalidBody when nothing in the body can be taken; one bad alert does not cost the others."""
    wire = _envelope(_json(body))
    source, read = _reader(wire)
    signals: list[Signal] = []
    refused: list[RefusedAlerts] = []
    more: list[Any] = []
    for index, item in enumerate(wire.alerts):
        try:
            signals.append(read(item, wire, now))
        except ValidationError as error:
            if len(refused) == MAX_DESCRIBED:
                more.append(item)
                continue
            errors = errors_of(error, prefix=f"alerts.{index}")
            refused.append(RefusedAlerts(errors, pydantic_core.to_json(item)))
    if more:
        refused.append(_together(more))
    if refused and not signals:
        raise InvalidBody(*(error for one in refused for error in one.errors))
    news = tuple(one for one in signals if not alertmanager.is_watchdog(one))
    return Message(
        source=source,
        signals=news,
        refused=tuple(refused),
        truncated=min(max(wire.truncatedAlerts, 0), MAX_TRUNCATED),
        receiver=_receiver(wire) if source == alertmanager.SOURCE else "",
        # A Watchdog that "resolved" is one that Alertmanager has not been told of for too long.
        heartbeat=any(one.firing for one in signals if alertmanager.is_watchdog(one)),
    )


def _receiver(wire: WireMessage) -> str:
    # Go's regexp.QuoteMeta was applied to the name: "a.b" comes as "a\\.b".
    return index_keys.fitting(_QUOTED.sub(r"\1", wire.receiver))


def _together(items: Sequence[Any]) -> RefusedAlerts:
    counted = FieldError("alerts", f"{len(items)} more cannot be read")
    return RefusedAlerts((counted,), pydantic_core.to_json(items), alerts=len(items))


def _reader(wire: WireMessage) -> tuple[str, Callable[[Any, WireMessage, datetime], Signal]]:
    if wire.version == grafana.VERSION:
        return grafana.SOURCE, grafana.signal
    return alertmanager.SOURCE, alertmanager.signal


def _json(body: bytes) -> Any:
    try:
        return pydantic_core.from_json(body)
    except ValueError as error:
        raise InvalidBody(FieldError("", f"not JSON: {error}")) from error


def _envelope(parsed: Any) -> WireMessage:
    if isinstance(parsed, list):
        raise InvalidBody(FieldError("", RAW_PROMETHEUS))
    try:
        return WireMessage.model_validate(parsed)
    except ValidationError as error:
        raise InvalidBody(*errors_of(error)) from error
