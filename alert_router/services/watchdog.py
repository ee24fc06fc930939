"""Tells that monitoring is blind when the Watchdog, an alert that always fires, is no longer heard."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.domain.model import TIME_RESOLUTION, Alert, Signal, Status
from alert_router.services.intake import Batch, Intake
from alert_router.sources import fingerprints
from alert_router.store import alerts, senders
from alert_router.store.engine import Store

SOURCE = "alert_router"
ALERTNAME = "MonitoringBlind"


@dataclass(frozen=True, slots=True)
class Watchdog:
    intake: Intake
    started_at: datetime
    """Since when we could have heard it: our own absence is not the monitoring's."""
    after_s: float
    """0: it is not watched, and what was told ends."""

    def news(self, conn: sa.Connection, now: datetime) -> Signal | None:
        """What people do not know yet: that monitoring is blind, or that it sees again."""
        heard = senders.last(conn)
        said = signal(heard, self.started_at, now, after_s=self.after_s)
        if said is None:
            return None
        known = alerts.newest(conn, SOURCE, [said.fingerprint]).get(said.fingerprint)
        if known is None or not known.firing:
            return _after(known, said) if said.firing else None
        # Only a heartbeat ends blindness: that we have just started, and wait anew, says nothing.
        # The start may be ahead of the clock, see _after.
        since = min(known.starts_at, known.received_at)
        sees = not said.firing and (not self.after_s or max(heard.values()) > since)
        return replace(said, starts_at=known.starts_at) if sees else None

    async def turn(self, store: Store, now: datetime) -> None:
        def ask() -> Signal | None:
            with store.read() as conn:
                return self.news(conn, now)

        news = await asyncio.to_thread(ask)
        if news is not None:
            await self.intake.accept(Batch((news,), now))


def _after(known: Alert | None, said: Signal) -> Signal:
    """A new episode begins after the one before, though the clock was ahead then and has been set right."""
    if known is None or known.ends_at is None:
        return said
    return replace(said, starts_at=max(said.starts_at, known.ends_at + 2 * TIME_RESOLUTION))


def signal(
    last_heard: Mapping[str, datetime], started_at: datetime, now: datetime, *, after_s: float
) -> Signal | None:
    """Firing while a Watchdog that was heard is silent for so long, else resolved; None: there is none.

    after_s: 0 is never.
    """
    if not last_heard:
        return None
    heard = max(last_heard.values())
    listening_since = max(heard, started_at)
    blind = after_s > 0 and now - listening_since > timedelta(seconds=after_s)
    labels = {"alertname": ALERTNAME, "severity": "critical", "component": "monitoring"}
    return Signal(
        source=SOURCE,
        status=Status.FIRING if blind else Status.RESOLVED,
        labels=labels,
        annotations={
            "summary": "Monitoring is blind",
            "description": f"The Watchdog was last heard at {heard:%Y-%m-%d %H:%M:%S} UTC: Prometheus, "
            "Alertmanager or the way between them is broken, and no alert can reach us.",
        },
        starts_at=listening_since + timedelta(seconds=after_s),
        ends_at=None if blind else now,
        fingerprint=fingerprints.of(labels),
        group_labels={"alertname": ALERTNAME},
        reporter="alert-router",
        may_be_late=False,
    )
