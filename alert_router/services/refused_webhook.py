"""The router's own alert about a webhook that was too large to be read: its sender does not send it again."""

from datetime import datetime, timedelta

from alert_router.domain.model import Origin, Signal, Status
from alert_router.services.watchdog import SOURCE
from alert_router.sources import fingerprints
from alert_router.sources.webhook import WebhookMessage

ALERTNAME = "WebhookRefused"
LASTS = timedelta(hours=1)


def message(*, size: int | None, limit: int, path: str, address: str, now: datetime) -> WebhookMessage:
    """size: as the sender declared it; None: it did not."""
    labels = {"alertname": ALERTNAME, "severity": "warning", "component": "ingest", "sender": address}
    large = f"more than {_megabytes(limit)}" if size is None else _megabytes(size)
    signal = Signal(
        source=SOURCE,
        status=Status.FIRING,
        labels=labels,
        annotations={
            "summary": f"A webhook of {large} from {address} was refused, and its alerts are not known here",
            "description": f"POST {path} accepts {_megabytes(limit)}, and the sender does not try again. "
            "Raise ALERT_ROUTER_MAX_BODY_BYTES, or let Alertmanager group_by more labels for smaller groups.",
        },
        starts_at=now,
        ends_at=None,
        fingerprint=fingerprints.of(labels),
        group_labels={"alertname": ALERTNAME},
        reporter="alert-router",
        expires_at=now + LASTS,
        may_be_late=False,
        origin=Origin.EVENT,
        start_known=False,
    )
    return WebhookMessage(SOURCE, now, (signal,))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size} bytes"  # noqa: PLR2004 - a reader's taste
