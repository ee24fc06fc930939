"""Fetches Alertmanager's present alerts from its API (GET /api/v2/alerts/groups)."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx
from pydantic import BaseModel, TypeAdapter

from alert_router.domain.alertmanager_diff import Sighting
from alert_router.domain.model import Fingerprint, Origin, Signal, Status
from alert_router.sources import alertmanager_config
from alert_router.sources.alertmanager import (
    SOURCE,
    AlertLabels,
    Annotations,
    LabelSet,
    Text,
    Time,
    without_nul,
)

TIMEOUT = httpx.Timeout(10.0, connect=3.0)
MAX_REQUEST_S = 30.0
"""For a whole query, however slowly the answers come."""


class _Receiver(BaseModel):
    name: Text


class _AlertStatus(BaseModel):
    state: Text
    silencedBy: list[Text] = []
    inhibitedBy: list[Text] = []
    mutedBy: list[Text] = []
    """Time intervals of the route; since Alertmanager 0.28."""


class _ApiAlert(BaseModel):
    labels: AlertLabels
    annotations: Annotations = {}
    startsAt: Time
    generatorURL: Text | None = None
    fingerprint: Text
    status: _AlertStatus


class _Group(BaseModel):
    labels: LabelSet = {}
    receiver: _Receiver
    alerts: list[_ApiAlert]


class _Config(BaseModel):
    original: Text = ""


class _Status(BaseModel):
    uptime: Time
    """When it started."""
    config: _Config = _Config()


_GROUPS = TypeAdapter(list[_Group])


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The alerts of one Alertmanager at one moment."""

    sightings: tuple[Sighting, ...]
    age_s: float
    """How long it has been running: it starts with no alerts, and waits for Prometheus to repeat them."""
    longest_wait: timedelta
    """How long an alert may stand before a webhook brings it."""


async def fetch(http: httpx.AsyncClient, url: str) -> Snapshot | None:
    """The alerts that fire now; None when the Alertmanager does not answer, or not in this form."""
    try:
        async with asyncio.timeout(MAX_REQUEST_S):
            status_answer = await http.get(f"{url}/api/v2/status", timeout=TIMEOUT)
            groups = await http.get(f"{url}/api/v2/alerts/groups", timeout=TIMEOUT)
    except (httpx.HTTPError, TimeoutError):
        return None
    if not status_answer.is_success or not groups.is_success:
        return None
    try:
        alert_groups = _GROUPS.validate_json(without_nul(groups.content))
        status = _Status.model_validate_json(status_answer.content)
        age_s = _age_s(status, status_answer)
    except ValueError:
        return None
    # It takes some time where the configuration is large, and is new.
    longest_wait = await asyncio.to_thread(alertmanager_config.longest_wait, status.config.original)
    shown_url = without_credentials(url)
    sightings = tuple(_sighting(group, alert, shown_url) for group in alert_groups for alert in group.alerts)
    return Snapshot(sightings, age_s, longest_wait)


def without_credentials(url: str) -> str:
    """For logs and pages: a password in the URL is for requests only."""
    return str(httpx.URL(url).copy_with(username=None, password=None)) if "@" in url else url


def _age_s(status: _Status, answer: httpx.Response) -> float:
    """By its own clock on both ends. Raises ValueError."""
    return (parsedate_to_datetime(answer.headers.get("Date", "")) - status.uptime).total_seconds()


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
        generator_url=alert.generatorURL or "",
        source_url=url,
        reporter="Prometheus",
        from_api=True,
        origin=Origin.RECONCILED,
    )
    return Sighting(signal, group.receiver.name, _suppressed(alert.status))


def _suppressed(status: _AlertStatus) -> str | None:
    if status.silencedBy:
        return "silenced"
    if status.inhibitedBy:
        return "inhibited"
    return "muted" if status.mutedBy else None
