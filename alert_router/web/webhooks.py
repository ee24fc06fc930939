"""POST /webhooks/…: 200: it is on the disk. 503: send it again. 4xx: it will never be read."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from alert_router.domain.model import Receipt
from alert_router.services.intake import Batch
from alert_router.sources import alertmanager, grafana, webhook
from alert_router.sources.alertmanager import WireMessage
from alert_router.sources.errors import InvalidBody
from alert_router.sources.webhook import Message
from alert_router.store.engine import Unavailable
from alert_router.store.quarantine import Refused
from alert_router.web import ingest
from alert_router.web.dependencies import Parts


class Answer(BaseModel):
    accepted: int
    """Signals that told something new."""
    duplicates: int
    """Signals that told nothing new: repeats, retries, replicas."""
    quarantined: int
    """Alerts that could not be read; they are kept as they came."""


EXAMPLE = {
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

GRAFANA_EXAMPLE = {
    "version": "1",
    "status": "firing",
    "orgId": 1,
    "groupLabels": {"alertname": "Memory", "grafana_folder": "device"},
    "externalURL": "https://grafana.example.org/",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Memory", "grafana_folder": "device", "severity": "warning"},
            "annotations": {"summary": "High memory usage"},
            "startsAt": "2026-11-22T10:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.example.org/alerting/grafana/dd2f0260/view?orgId=1",
            "fingerprint": "",
            "panelURL": "https://grafana.example.org/d/ece9fb32?viewPanel=2",
            "values": {"A": 0.93},
        }
    ],
}


def router(parts: Parts) -> APIRouter:
    made = APIRouter(tags=["doors"])

    @made.post(
        "/webhooks/alertmanager",
        summary="Alertmanager's webhook, version 4",
        responses={code: {"description": text} for code, text in ingest.ANSWERS.items()},
        openapi_extra=ingest.described(WireMessage.model_json_schema(), EXAMPLE),
    )
    async def from_alertmanager(request: Request) -> Answer:
        return await _take(request, parts, alertmanager.SOURCE)

    @made.put("/webhooks/grafana", include_in_schema=False)  # a contact point can be set to either
    @made.post(
        "/webhooks/grafana",
        summary="Grafana's webhook contact point",
        responses={code: {"description": text} for code, text in ingest.ANSWERS.items()},
        openapi_extra=ingest.described(WireMessage.model_json_schema(), GRAFANA_EXAMPLE),
    )
    async def from_grafana(request: Request) -> Answer:
        return await _take(request, parts, grafana.SOURCE)

    return made


async def _take(request: Request, parts: Parts, expected: str) -> Answer:
    """expected: whose door it is. The body says who speaks: at the other's door, it is taken all the same."""
    body = await ingest.body_of(request, parts)
    now = parts.now()
    try:
        message = webhook.parse(body, now)
    except InvalidBody as invalid:
        raise await ingest.refuse(parts, expected, body, invalid) from invalid
    refused = tuple(
        Refused(now, message.source, "; ".join(map(str, one.errors)), one.body, one.alerts)
        for one in message.refused
    )
    try:
        receipt = await parts.intake.accept(
            Batch(message.signals, now, refused, message.receiver, message.heartbeat)
        )
    except Unavailable as error:
        raise ingest.away(error) from error
    ingest.kept(parts, refused)
    _count(parts, message, receipt)
    return Answer(accepted=receipt.accepted, duplicates=receipt.duplicates, quarantined=receipt.quarantined)


def _count(parts: Parts, message: Message, receipt: Receipt) -> None:
    signals = parts.metrics.signals
    signals.labels(message.source, "accepted").inc(receipt.accepted)
    signals.labels(message.source, "duplicate").inc(receipt.duplicates)
    parts.metrics.truncated.inc(max(message.truncated, 0))
