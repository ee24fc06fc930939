"""Raises MonitoringBlind when the Watchdog, an alert that always fires, no longer arrives."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alert_router.domain.model import TIME_RESOLUTION, Alert, Origin, Signal, Status
from alert_router.services.intake import Intake
from alert_router.sources import fingerprints
from alert_router.sources.webhook import WebhookMessage
from alert_router.store import alerts, senders
from alert_router.store.engine import Store

SOURCE = "alert_router"
ALERTNAME = "MonitoringBlind"


@dataclass(frozen=True, slots=True)
class Watchdog:
    intake: Intake
    store: Store
    clock: Callable[[], datetime]
    started_at: datetime
    """The wait counts from here on: before, there was no router to receive a heartbeat."""
    after_s: float
    """0: the Watchdog is not watched, and an open MonitoringBlind resolves."""

    async def run_once(self) -> None:
        now = self.clock()
        change = await asyncio.to_thread(self._change, now)
        if change is not None:
            await self.intake.accept(WebhookMessage(SOURCE, now, (change,)))

    def _change(self, now: datetime) -> Signal | None:
        """The signal that opens or resolves MonitoringBlind; None when neither is due."""
        with self.store.read() as conn:
            heartbeats = senders.last_heartbeats(conn)
            state = signal(heartbeats, self.started_at, now, after_s=self.after_s)
            if state is None:
                return None
            known = next(iter(alerts.newest(conn, SOURCE, [state.fingerprint])), None)
        if known is None or not known.firing:
            return _after(known, state) if state.firing else None
        # Only a heartbeat resolves it: a restart, which begins the wait anew, proves nothing.
        # The start may be ahead of the clock, see _after.
        since = min(known.starts_at, known.received_at)
        resolved = not state.firing and (not self.after_s or max(heartbeats.values()) > since)
        return replace(state, starts_at=known.starts_at) if resolved else None


def _after(previous: Alert | None, state: Signal) -> Signal:
    """A new episode starts after the previous one, even if the clock has been set back in between."""
    if previous is None or previous.ends_at is None:
        return state
    return replace(state, starts_at=max(state.starts_at, previous.ends_at + 2 * TIME_RESOLUTION))


def signal(
    heartbeats: Mapping[str, datetime], started_at: datetime, now: datetime, *, after_s: float
) -> Signal | None:
    """Firing when the last heartbeat is older than after_s, else resolved; None when there never was one.

    after_s: 0 is never.
    """
    if not heartbeats:
        return None
    last = max(heartbeats.values())
    waiting_since = max(last, started_at)
    blind = after_s > 0 and now - waiting_since > timedelta(seconds=after_s)
    labels = {"alertname": ALERTNAME, "severity": "critical", "component": "monitoring"}
    return Signal(
        source=SOURCE,
        status=Status.FIRING if blind else Status.RESOLVED,
        labels=labels,
        annotations={
            "summary": "Monitoring is blind",
            "description": f"The last Watchdog arrived at {last:%Y-%m-%d %H:%M:%S} UTC: Prometheus, "
            "Alertmanager or the connection between them is broken, and no alert can reach this router.",
        },
        starts_at=waiting_since + timedelta(seconds=after_s),
        ends_at=None if blind else now,
        fingerprint=fingerprints.of(labels),
        group_labels={"alertname": ALERTNAME},
        reporter="alert-router",
        may_be_late=False,
        origin=Origin.EVENT,
    )
