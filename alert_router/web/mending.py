"""A body from the quarantine that a person has mended: accepted as if it had come like that."""

import json
from datetime import datetime

from alert_router.sources import event_signals, events, grafana, webhook
from alert_router.sources.alertmanager import Origin
from alert_router.sources.errors import FieldError, InvalidBody
from alert_router.sources.webhook import WebhookMessage
from alert_router.web.dependencies import State

ENVELOPE_VERSION = "4"


async def accept(body: bytes, source: str, state: State, now: datetime) -> None:
    """When this returns it is stored. Raises InvalidBody when any part of it cannot be read still."""
    kind, _, name = source.partition(":")
    if kind == events.SOURCE:
        await state["intake"].report(event_signals.to_signals(events.parse(body), now=now), now)
        return
    message = webhook.parse(_enveloped(body, kind), now, Origin(name, ""))
    _require_all(message)
    await state["intake"].accept(message)


def _enveloped(body: bytes, kind: str) -> bytes:
    """An alert that was kept without its message gets one; so does a list of them."""
    try:
        value = json.loads(body)
    except ValueError as error:
        raise InvalidBody(FieldError("", f"not JSON: {error}")) from error
    if isinstance(value, dict) and "alerts" in value:
        return body
    version = grafana.VERSION if kind == grafana.SOURCE else ENVELOPE_VERSION
    alerts = value if isinstance(value, list) else [value]
    return json.dumps({"version": version, "alerts": alerts}).encode()


def _require_all(message: WebhookMessage) -> None:
    if message.refused:
        raise InvalidBody(*(FieldError("alerts", refused.reason) for refused in message.refused))
