"""Compares the router's open alerts with those of the Alertmanagers, and applies the difference.

An alert whose webhook did not come in time is opened; one whose resolve never came is closed. An Alertmanager
that does not answer proves nothing: an absence counts only when all of them answer.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
import sqlalchemy as sa

from alert_router.domain import alertmanager_diff
from alert_router.domain.alertmanager_diff import Finding, Sighting, Standing
from alert_router.domain.model import Alert, Fingerprint, Rules, Signal
from alert_router.services.intake import Intake
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.sources import alertmanager_api
from alert_router.sources.alertmanager import SOURCE, WATCHDOG
from alert_router.store import alerts, senders

Episode = tuple[Fingerprint, datetime]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class View:
    """What the Alertmanagers show together at one moment."""

    sightings: tuple[Sighting, ...]
    complete: bool
    """Each of them answered, and has run for long enough to know what fires."""
    longest_wait: timedelta = timedelta()
    """By their own configuration, how long an alert may stand before a webhook brings it."""

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
        every_s: float = 60.0,
        webhook_due_s: float | None = None,
    ) -> None:
        """every_s: how often the comparison runs.

        webhook_due_s: how long to wait for the webhook of an alert; None: as Alertmanager is configured.
        """
        self._intake = intake
        self._http = http
        self._urls = urls
        self._rules = rules
        self._clock = clock
        self._every_s = every_s
        self._webhook_due_s = webhook_due_s
        self._shown_since: dict[Episode, datetime] = {}
        self.unreachable: tuple[str, ...] = ()
        """The Alertmanagers that did not answer last time."""

    async def run_once(self) -> int:
        """Compare once and apply the difference; how many alerts that changed."""
        now = self._clock()
        view = await self._fetch()
        self._remember(view, now)
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
        longest_wait = max((snapshot.longest_wait for snapshot in snapshots), default=timedelta())
        return View(sightings, complete=warm and not unreachable, longest_wait=longest_wait)

    def _remember(self, view: View, now: datetime) -> None:
        """Since when each alert is shown: what no longer is, is forgotten, unless somebody did not answer."""
        before = self._shown_since
        shown = {_episode(one.signal): now for one in view.sightings if one.suppressed is None}
        kept = (
            before
            if self.unreachable
            else {episode: before[episode] for episode in shown.keys() & before.keys()}
        )
        self._shown_since = {**shown, **kept}

    def _apply(self, work: UnitOfWork, view: View, now: datetime) -> int:
        sightings = view.routed_to(senders.receiver_names(work.conn))
        known = _known(work.conn, sightings)
        work.add_alerts(known.values())
        work.load(sighting.signal for sighting in sightings.values())
        reason = self._reason_to_open(work, view, senders.last_comparison(work.conn), now)
        senders.record_comparison(work.conn, now)
        firing = view.fingerprints
        return sum(
            self._apply_finding(
                work,
                known.get(fingerprint),
                sightings.get(fingerprint),
                now,
                # An alert that is routed to another receiver now is not over.
                complete=view.complete and fingerprint not in firing,
                reason=reason,
            )
            for fingerprint in sorted(known.keys() | sightings.keys())
        )

    def _reason_to_open(
        self, work: UnitOfWork, view: View, since: datetime | None, now: datetime
    ) -> Callable[[Signal], str | None]:
        """since: the last comparison before this one; None: there was none."""
        down = alertmanager_diff.was_down(since, now, every_s=self._every_s)
        due = (
            view.longest_wait + alertmanager_diff.LATENESS
            if self._webhook_due_s is None
            else timedelta(seconds=self._webhook_due_s)
        )

        def reason(signal: Signal) -> str | None:
            standing = Standing(
                shown_for=now - self._shown_since.get(_episode(signal), now),
                while_down=down and (since is None or signal.starts_at > since),
                left_out=work.was_left_out(signal),
            )
            return standing.reason_to_open(due)

        return reason

    def _apply_finding(
        self,
        work: UnitOfWork,
        alert: Alert | None,
        sighting: Sighting | None,
        now: datetime,
        *,
        complete: bool,
        reason: Callable[[Signal], str | None],
    ) -> bool:
        is_later = sighting and (alert is None or sighting.signal.starts_at > alert.starts_at)
        why = reason(sighting.signal) if sighting and is_later else None
        finding = alertmanager_diff.classify(
            alert, sighting, now, complete=complete, rules=self._rules, overdue=why is not None
        )
        if finding is Finding.NOTHING:
            return False
        if finding is Finding.MISSED_FIRING and sighting is not None and why is not None:
            change = work.apply_signal(sighting.signal, now)
            work.record(alertmanager_diff.missed_firing(change.alert, now, why))
            work.no_longer_left_out(sighting.signal)
        elif alert is not None:
            change = alertmanager_diff.apply_finding(finding, alert, sighting, now)
            work.apply(change, work.group_labels_of(alert), now)
        return True


def _episode(signal: Signal) -> Episode:
    return signal.fingerprint, signal.starts_at


def _known(conn: sa.Connection, sightings: Mapping[Fingerprint, Sighting]) -> dict[Fingerprint, Alert]:
    """The newest alert of every fingerprint that is open or held here, or shown there."""
    known = [*alerts.newest(conn, SOURCE, sightings.keys()), *alerts.open_or_held(conn, SOURCE)]
    return {alert.fingerprint: alert for alert in known}
