"""The JSON of the history. Field names are part of the API."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from alert_router.domain.model import Status
from alert_router.store.history import AlertDetail, TimelineEntry


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


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
    def of(cls, detail: AlertDetail) -> Self:
        alert = AlertOut.model_validate(detail.alert).model_dump()
        return cls.model_validate(
            alert | {"transitions": detail.transitions, "deliveries": detail.deliveries}
        )


class DeadLetterOut(Out):
    card_id: int
    channel: str
    incident_id: int | None
    alert_id: int | None
    reason: str
