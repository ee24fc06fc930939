"""An alert that a person sends to see where it goes: it is marked as a test, and ends by itself."""

from datetime import datetime, timedelta

from alert_router.domain.model import Labels, Origin, Signal, Status
from alert_router.domain.severity import Severity
from alert_router.sources import fingerprints
from alert_router.sources.event_signals import EventSignals
from alert_router.sources.events import SOURCE

ALERTNAME = "[TEST]"
LASTS = timedelta(minutes=2)


def to_signals(
    now: datetime, *, severity: Severity, channel: str = "", labels: Labels | None = None
) -> EventSignals:
    """channel: instead of the routes' choice. labels: for the routes to match, beside the severity."""
    # Each test is an incident of its own: what was announced before would keep it quiet.
    identity = {**(labels or {}), "alertname": ALERTNAME, "test": f"{now:%Y-%m-%dT%H:%M:%S.%fZ}"}
    signal = Signal(
        source=SOURCE,
        status=Status.FIRING,
        labels={**identity, "severity": severity.word},
        annotations={
            "summary": "[TEST] Somebody tries where alerts go",
            "description": "Nothing is wrong. This test ends by itself within two minutes.",
        },
        starts_at=now,
        ends_at=None,
        fingerprint=fingerprints.of(identity),
        group_labels=identity,
        reporter="a test",
        expires_at=now + LASTS,
        may_be_late=False,
        origin=Origin.EVENT,
        sent_to=channel,
    )
    return EventSignals(signal)
