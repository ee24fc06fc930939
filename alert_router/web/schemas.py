"""The JSON of the history. Field names are part of the API."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from alert_router.domain.model import Alert, Status
from alert_router.store.history import AlertDetail


class AlertOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    source: str
    fingerprint: str
    alertname: str
    severity: str
    status: Status
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    received_at: datetime
    last_seen_at: datetime
    repeats: int
    flaps: int
    incident_id: int
    generator_url: str


class AlertPageOut(BaseModel):
    alerts: list[AlertOut]
    next: str | None
    """The cursor of the next page; null on the last."""


class TransitionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    at: datetime
    kind: str
    source: str
    detail: str


class DeliveryOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    at: datetime
    channel: str
    action: str
    outcome: str
    status: int | None
    """HTTP status; null when there was no answer."""
    message_id: str | None
    detail: str


class AlertDetailOut(AlertOut):
    transitions: list[TransitionOut]
    deliveries: list[DeliveryOut]

    @classmethod
    def of(cls, detail: AlertDetail) -> Self:
        return cls(
            **AlertOut.model_validate(detail.alert).model_dump(),
            transitions=[TransitionOut.model_validate(entry) for entry in detail.transitions],
            deliveries=[DeliveryOut.model_validate(entry) for entry in detail.deliveries],
        )


def alerts_out(alerts: tuple[Alert, ...]) -> list[AlertOut]:
    return [AlertOut.model_validate(alert) for alert in alerts]


class DeadLetterOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    card_id: int
    channel: str
    incident_id: int | None
    alert_id: int | None
    reason: str
