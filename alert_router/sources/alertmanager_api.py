"""Alertmanager's present state, from its API (GET /api/v2/alerts/groups), to sightings."""

from datetime import datetime
from typing import Annotated

import httpx
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from alert_router.model import Fingerprint, Signal, Status
from alert_router.reconciliation import Sighting
from alert_router.sources.alertmanager import SOURCE, LabelSet, Text, Time

TIMEOUT = httpx.Timeout(10.0, connect=3.0)


class _Receiver(BaseModel):
    name: Text


class _AlertStatus(BaseModel):
    state: Text
    silencedBy: list[Text] = []
    inhibitedBy: list[Text] = []


class _ApiAlert(BaseModel):
    labels: Annotated[LabelSet, Field(min_length=1)]
    annotations: LabelSet = {}
    startsAt: Time
    endsAt: Time
    generatorURL: Text = ""
    fingerprint: Text
    status: _AlertStatus


class _Group(BaseModel):
    labels: LabelSet = {}
    receiver: _Receiver
    alerts: list[_ApiAlert]


_GROUPS = TypeAdapter(list[_Group])


async def look(http: httpx.AsyncClient, url: str, now: datetime) -> list[Sighting] | None:
    """What this Alertmanager has now; None when it does not answer sensibly."""
    try:
        response = await http.get(f"{url}/api/v2/alerts/groups", timeout=TIMEOUT)
    except httpx.HTTPError:
        return None
    if response.status_code != httpx.codes.OK:
        return None
    try:
        groups = _GROUPS.validate_json(response.content)
    except ValidationError:
        return None
    return [
        _sighting(group, alert, url)
        for group in groups
        for alert in group.alerts
        if alert.endsAt > now  # one that has ended is only waiting to be forgotten
    ]


def _sighting(group: _Group, alert: _ApiAlert, url: str) -> Sighting:
    signal = Signal(
        source=SOURCE,
        status=Status.FIRING,
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=alert.startsAt,
        ends_at=None,
        fingerprint=Fingerprint(alert.fingerprint),
        group_labels=group.labels,
        generator_url=alert.generatorURL,
        source_url=url,
        reporter="Prometheus",
    )
    return Sighting(signal, group.receiver.name, _suppressed(alert.status))


def _suppressed(status: _AlertStatus) -> str | None:
    if status.silencedBy:
        return "silenced"
    return "inhibited" if status.inhibitedBy else None
