"""Compares the router's open alerts with those of the Alertmanagers, and applies the difference.

An alert whose webhook never came is opened; one whose resolve never came is closed. An Alertmanager that does
not answer proves nothing: an absence counts only when all of them answer.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx
import sqlalchemy as sa

from alert_router.domain import alertmanager_diff
from alert_router.domain.alertmanager_diff import Finding, Sighting
from alert_router.domain.model import Alert, Fingerprint, Rules
from alert_router.services.intake import Intake
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.sources import alertmanager_api
from alert_router.sources.alertmanager import SOURCE, WATCHDOG
from alert_router.store import alerts, senders

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class View:
    """What the Alertmanagers show together at one moment."""

    sightings: tuple[Sighting, ...]
    complete: bool
    """Each of them answered, and has run for long enough to know what fires."""

    @property
    def fingerprints(self) -> frozenset[Fingerprint]:
        """Of everything that fires, whatever receiver it is routed to."""
        return frozenset(sighting.signal.fingerprint for sighting in self.sightings)

    def routed_to(self, receivers: frozenset[str]) -> dict[Fingerprint, Sighting]:
        """By fingerprint, the alerts that are routed to these receivers, without the heartbeat."""
        routed = [
            sighting
            for sighting in self.sightings
            if sighting.receiver in receivers and sighting.signal.labels.get("alertname") != WATCHDOG
        ]
        # Of several sightings of one alert, prefer one that is not suppressed, then the earliest start.
        routed.sort(
            key=lambda sighting: (sighting.suppressed is None, -sighting.signal.starts_at.timestamp())
        )
        return {sighting.signal.fingerprint: sighting for sighting in routed}


class AlertmanagerSync:
    def __init__(
        self,
        intake: Intake,
        http: httpx.AsyncClient,
        urls: Sequence[str],
        *,
        rules: Rules,
        clock: Callable[[], datetime],
    ) -> None:
        self._intake = intake
        self._http = http
        self._urls = urls
        self._rules = rules
        self._clock = clock
        self.unreachable: tuple[str, ...] = ()
        """The Alertmanagers that did not answer last time."""

    async def run_once(self) -> int:
        """Compare once and apply the difference; how many alerts that changed."""
        now = self._clock()
        view = await self._fetch()
        return await self._intake.change(lambda work: self._apply(work, view, now), now)

    async def _fetch(self) -> View:
        answers = await asyncio.gather(*(alertmanager_api.fetch(self._http, url) for url in self._urls))
        unreachable = tuple(
            alertmanager_api.without_credentials(url)
            for url, answer in zip(self._urls, answers, strict=True)
            if answer is None
        )
        if unreachable != self.unreachable:
            log.warning("Alertmanagers that do not answer: %s", ", ".join(unreachable) or "none any more")
        self.unreachable = unreachable
        snapshots = [answer for answer in answers if answer is not None]
        warm = all(snapshot.age_s >= self._rules.warmup_s for snapshot in snapshots)
        sightings = tuple(sighting for snapshot in snapshots for sighting in snapshot.sightings)
        return View(sightings, complete=warm and not unreachable)

    def _apply(self, work: UnitOfWork, view: View, now: datetime) -> int:
        sightings = view.routed_to(senders.receiver_names(work.conn))
        known = _known(work.conn, sightings)
        work.add_alerts(known.values())
        work.load(sighting.signal for sighting in sightings.values())
        firing = view.fingerprints
        return sum(
            self._apply_finding(
                work,
                known.get(fingerprint),
                sightings.get(fingerprint),
                now,
                # An alert that is routed to another receiver now is not over.
                complete=view.complete and fingerprint not in firing,
            )
            for fingerprint in sorted(known.keys() | sightings.keys())
        )

    def _apply_finding(
        self,
        work: UnitOfWork,
        alert: Alert | None,
        sighting: Sighting | None,
        now: datetime,
        *,
        complete: bool,
    ) -> bool:
        finding = alertmanager_diff.classify(alert, sighting, now, complete=complete, rules=self._rules)
        if finding is Finding.NOTHING:
            return False
        if finding is Finding.MISSED_FIRING and sighting is not None:
            change = work.apply_signal(sighting.signal, now)
            work.record(alertmanager_diff.missed_firing(change.alert, now))
        elif alert is not None:
            change = alertmanager_diff.apply_finding(finding, alert, sighting, now)
            work.apply(change, work.group_labels_of(alert), now)
        return True


def _known(conn: sa.Connection, sightings: Mapping[Fingerprint, Sighting]) -> dict[Fingerprint, Alert]:
    """The newest alert of every fingerprint that is open or held here, or shown there."""
    known = [*alerts.newest(conn, SOURCE, sightings.keys()), *alerts.open_or_held(conn, SOURCE)]
    return {alert.fingerprint: alert for alert in known}
