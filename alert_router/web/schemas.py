"""The JSON of the history. Field names are part of the API."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from alert_router.domain.model import Alert, Origin, Status
from alert_router.store.alert_extras import ListedAlert
from alert_router.store.history import AlertDetail, TimelineEntry


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


class SilenceOut(Out):
    id: str
    created_by: str
    comment: str
    ends_at: datetime


class AlertOut(Out):
    id: int
    incident_id: int
    source: str
    fingerprint: str
    alertname: str
    severity: str
    status: Status
    repeats: int
    """Reports that brought nothing new."""
    flaps: int
    """How often it came back within the flap window, in a row."""
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    received_at: datetime
    last_seen_at: datetime
    """When it was last reported."""
    generator_url: str
    acknowledged_at: datetime | None
    """When somebody took it; while it fires, of its whole incident."""
    acknowledged_by: str | None
    acknowledgement_note: str | None
    suppressed: str | None
    """silenced, inhibited or muted, by Alertmanager; it may fire all the same."""
    silence: SilenceOut | None
    """The silence that is in effect, where Alertmanager's API shows it."""
    notified: bool
    """Whether a message has announced it."""
    origin: Origin
    episodes_30d: int
    """How often its label set began to fire in the last 30 days, this time included."""

    @classmethod
    def of(cls, listed: ListedAlert) -> Self:
        alert, taken = listed.alert, listed.acknowledgement
        own = {name: getattr(alert, name) for name in cls.model_fields if name in Alert.__dataclass_fields__}
        return cls.model_validate(
            own
            | {
                "acknowledged_at": taken and taken.at,
                "acknowledged_by": taken and taken.by,
                "acknowledgement_note": taken and taken.note,
                "silence": listed.silence,
                "notified": listed.notified,
                "episodes_30d": listed.episodes_30d,
            }
        )


class AlertPageOut(Out):
    alerts: list[AlertOut]
    next: str | None
    """The cursor of the next page; null on the last."""


class DeliveryOut(Out):
    at: datetime
    channel: str
    action: str
    outcome: str
    status: int | None
    """HTTP status; null when there was no answer."""
    message_id: str | None
    detail: str


class AlertDetailOut(AlertOut):
    transitions: list[TimelineEntry]
    deliveries: list[DeliveryOut]

    @classmethod
    def of_detail(cls, listed: ListedAlert, detail: AlertDetail) -> Self:
        alert = AlertOut.of(listed).model_dump()
        return cls.model_validate(
            alert | {"transitions": detail.transitions, "deliveries": detail.deliveries}
        )


class DeadLetterOut(Out):
    card_id: int
    channel: str
    incident_id: int | None
    alert_id: int | None
    reason: str
