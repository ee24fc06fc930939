"""Alertmanager's webhook body, version "4" (template.Data + webhook.Message), to signals.

Newer Alertmanagers add keys (notification_reason 0.32, routeLabels 0.34): unknown keys are accepted.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pydantic_core
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from alert_router.model import Fingerprint, Signal, Status
from alert_router.sources import fingerprints
from alert_router.sources.malformed import FieldError, Malformed, errors_of

SOURCE = "alertmanager"
WATCHDOG = "Watchdog"
"""The customary name of the alert that always fires, to prove that alerts get through."""
_QUOTED = re.compile(r"\\([^a-zA-Z0-9])")
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
MOST_TRUNCATED = 1_000_000
"""A counter takes no number of any size."""

RAW_PROMETHEUS = (
    "this is the list of alerts that Prometheus sends to an Alertmanager. In prometheus.yml, "
    "`alerting.alertmanagers[].static_configs[].targets` must name Alertmanager; in alertmanager.yml, "
    "`receivers[].webhook_configs[].url` names this address"
)


def _text(value: str) -> str:
    # PostgreSQL stores no NUL character; the sign for "cannot be shown" says that one was there.
    return value.replace("\x00", "�")


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:  # the year 1 east of Greenwich (Go's zero time, moved), or 9999 west of it
        return FIRST if value.year == 1 else LAST


Text = Annotated[str, Field(strict=True), AfterValidator(_text)]
Time = Annotated[AwareDatetime, AfterValidator(_utc)]
LabelSet = dict[Text, Text]


class WireAlert(BaseModel):
    status: Literal["firing", "resolved"]
    labels: Annotated[LabelSet, Field(min_length=1)]
    annotations: LabelSet = {}
    startsAt: Time
    endsAt: Time | None = None
    generatorURL: Text = ""
    fingerprint: Text = ""


class WireMessage(BaseModel):
    model_config = ConfigDict(extra="ignore")

    alerts: list[Any]
    receiver: Text = ""
    groupLabels: LabelSet = {}
    externalURL: Text = ""
    truncatedAlerts: int = 0


@dataclass(frozen=True, slots=True)
class RefusedAlert:
    errors: tuple[FieldError, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Message:
    signals: tuple[Signal, ...]
    refused: tuple[RefusedAlert, ...]
    truncated: int
    """How many alerts Alertmanager left out (max_alerts): they never get here, so somebody must know."""
    receiver: str
    heartbeat: bool
    """The Watchdog fires among them: it is no news, and not among the signals."""


def parse(body: bytes, now: datetime) -> Message:
    """Raises Malformed when nothing in the body can be taken; one bad alert does not cost the others."""
    wire = _envelope(_json(body))
    signals: list[Signal] = []
    refused: list[RefusedAlert] = []
    for index, item in enumerate(wire.alerts):
        try:
            signals.append(_signal(WireAlert.model_validate(item), wire, now))
        except ValidationError as error:
            errors = errors_of(error, prefix=f"alerts.{index}")
            refused.append(RefusedAlert(errors, pydantic_core.to_json(item)))
    if refused and not signals:
        raise Malformed(*(error for one in refused for error in one.errors))
    news = tuple(signal for signal in signals if signal.labels.get("alertname") != WATCHDOG)
    return Message(
        signals=news,
        refused=tuple(refused),
        truncated=min(max(wire.truncatedAlerts, 0), MOST_TRUNCATED),
        # Go's regexp.QuoteMeta was applied to the name: "a.b" comes as "a\\.b".
        receiver=_QUOTED.sub(r"\1", wire.receiver),
        # A Watchdog that "resolved" is one that Alertmanager has not been told of for too long.
        heartbeat=any(signal.firing for signal in signals if signal.labels.get("alertname") == WATCHDOG),
    )


def _json(body: bytes) -> Any:
    try:
        return pydantic_core.from_json(body)
    except ValueError as error:
        raise Malformed(FieldError("", f"not JSON: {error}")) from error


def _envelope(parsed: Any) -> WireMessage:
    if isinstance(parsed, list):
        raise Malformed(FieldError("", RAW_PROMETHEUS))
    try:
        return WireMessage.model_validate(parsed)
    except ValidationError as error:
        raise Malformed(*errors_of(error)) from error


def _signal(alert: WireAlert, wire: WireMessage, now: datetime) -> Signal:
    firing = alert.status == "firing"
    return Signal(
        source=SOURCE,
        status=Status(alert.status),
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=alert.startsAt,
        ends_at=None if firing else _ended(alert, now),
        # Old senders leave it out.
        fingerprint=Fingerprint(alert.fingerprint) if alert.fingerprint else fingerprints.of(alert.labels),
        group_labels=wire.groupLabels,
        generator_url=alert.generatorURL,
        source_url=wire.externalURL,
        reporter="Prometheus",
    )


def _ended(alert: WireAlert, now: datetime) -> datetime:
    """Go's zero time means "not said"."""
    ended = alert.endsAt
    return now if ended is None or ended.year == 1 else max(ended, alert.startsAt)
