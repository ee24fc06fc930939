"""POST /webhooks/…: 200: it is on the disk. 503: send it again. 4xx: it will never be parsed."""

import asyncio
import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel

from alert_router.domain.model import Receipt
from alert_router.sources import alertmanager, grafana, webhook
from alert_router.sources.alertmanager import Origin, WireEnvelope
from alert_router.sources.errors import InvalidBody
from alert_router.sources.webhook import WebhookMessage
from alert_router.web import ingest, openapi
from alert_router.web.dependencies import State, state_of
from alert_router.web.ingest import DirectRoute
from alert_router.web.metrics import Metrics


class Answer(BaseModel):
    accepted: int
    """Signals that brought something new."""
    duplicates: int
    """Signals that brought nothing new: repeats, retries, replicas."""
    quarantined: int
    """Alerts that could not be read; they are kept as they came."""


EXAMPLE: dict[str, Any] = {
    "version": "4",
    "status": "firing",
    "groupLabels": {"alertname": "ApiDown"},
    "externalURL": "http://alertmanager.example.org:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "ApiDown", "severity": "critical", "instance": "api-1"},
            "annotations": {"summary": "The API is down"},
            "startsAt": "2026-11-22T10:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.org:9090/graph",
            "fingerprint": "",
        }
    ],
}
GRAFANA = "https://grafana.example.org/"
GRAFANA_ALERT = EXAMPLE["alerts"][0] | {
    "generatorURL": f"{GRAFANA}alerting/grafana/dd2f0260/view?orgId=1",
    "panelURL": f"{GRAFANA}d/ece9fb32?viewPanel=2",
    "values": {"A": 0.93},
}
GRAFANA_EXAMPLE = EXAMPLE | {"version": "1", "orgId": 1, "externalURL": GRAFANA, "alerts": [GRAFANA_ALERT]}
SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
MAX_PARSED_AT_ONCE = 256 * 1024
"""Bytes. A larger body is parsed in a thread."""
Source = Annotated[str, Query(description="Names the sender, where two clusters send alike alerts: eu")]
Channel = Annotated[str, Path(description="The channel of the alerts, instead of the routes' choice")]
router = APIRouter(tags=["ingest"], responses=openapi.errors(*ingest.ERRORS), route_class=DirectRoute)


@router.post(
    "/webhooks/alertmanager",
    summary="Alertmanager's webhook, version 4",
    openapi_extra=openapi.json_body(WireEnvelope.model_json_schema(), EXAMPLE),
)
async def from_alertmanager(request: Request, source: Source = "") -> Answer:
    return await _accept(alertmanager.SOURCE, request, source)


@router.post(
    "/webhooks/alertmanager/{channel}",
    summary="Alertmanager's webhook, to one channel",
    openapi_extra=openapi.json_body(WireEnvelope.model_json_schema(), EXAMPLE),
)
async def from_alertmanager_to_channel(request: Request, channel: Channel, source: Source = "") -> Answer:
    return await _accept(alertmanager.SOURCE, request, source, channel)


@router.put("/webhooks/grafana", include_in_schema=False)  # a contact point can be set to either
@router.post(
    "/webhooks/grafana",
    summary="Grafana's webhook contact point",
    openapi_extra=openapi.json_body(WireEnvelope.model_json_schema(), GRAFANA_EXAMPLE),
)
async def from_grafana(request: Request, source: Source = "") -> Answer:
    return await _accept(grafana.SOURCE, request, source)


@router.put("/webhooks/grafana/{channel}", include_in_schema=False)
@router.post(
    "/webhooks/grafana/{channel}",
    summary="Grafana's webhook contact point, to one channel",
    openapi_extra=openapi.json_body(WireEnvelope.model_json_schema(), GRAFANA_EXAMPLE),
)
async def from_grafana_to_channel(request: Request, channel: Channel, source: Source = "") -> Answer:
    return await _accept(grafana.SOURCE, request, source, channel)


async def _accept(route: str, request: Request, source: str, channel: str = "") -> Answer:
    """The body names its source, which need not be the route's: it is accepted on either route."""
    body, state = await ingest.read_body(request), state_of(request)
    now = state["clock"]()
    origin = _origin(state, source=source, channel=channel) if source or channel else Origin()
    try:
        if len(body) > MAX_PARSED_AT_ONCE:  # or other senders would wait for it
            message = await asyncio.to_thread(webhook.parse, body, now, origin)
        else:
            message = webhook.parse(body, now, origin)
    except InvalidBody as invalid:
        raise await ingest.quarantine(route, body, invalid, state) from invalid
    receipt = await state["intake"].accept(message)
    _count(state["metrics"], message, receipt)
    return Answer(accepted=receipt.accepted, duplicates=receipt.duplicates, quarantined=receipt.quarantined)


def _origin(state: State, *, source: str, channel: str) -> Origin:
    """What the URL says, as far as it is known: a misspelt name must not cost the alerts."""
    if channel and channel not in state["configuration"].current.channels:
        state["sender_problems"].unknown_name("channel", channel, "its alerts go where the routes send them")
        channel = ""
    if source and not SOURCE_NAME.fullmatch(source):
        state["sender_problems"].unknown_name("source", source, "letters, digits, . _ and - make a name")
        source = ""
    return Origin(source, channel)


def _count(metrics: Metrics, message: WebhookMessage, receipt: Receipt) -> None:
    ingest.record_quarantined(metrics, message.refused)
    kind = message.source.partition(":")[0]
    metrics.signals.labels(kind, "accepted").inc(receipt.accepted)
    metrics.signals.labels(kind, "duplicate").inc(receipt.duplicates)
    metrics.truncated.inc(message.truncated)
