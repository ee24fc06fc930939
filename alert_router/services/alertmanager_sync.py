"""Compares our open alerts with what the Alertmanagers have, and closes the gap.

What we missed while down is opened; what never got its resolve is closed. An Alertmanager that does not
answer says nothing: only when all answer does an absence mean anything.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import httpx
import sqlalchemy as sa

from alert_router.domain import alertmanager_diff, lifecycle
from alert_router.domain.alertmanager_diff import Finding, Sighting
from alert_router.domain.lifecycle import SignalKind, Step
from alert_router.domain.model import Alert, Fingerprint, Rules, Transition
from alert_router.services.intake import Change, Intake
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.sources import alertmanager_api
from alert_router.sources.alertmanager import SOURCE, WATCHDOG
from alert_router.store import alerts, receivers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class View:
    """What the Alertmanagers show together at one moment."""

    sightings: tuple[Sighting, ...]
    complete: bool
    """Every one of them answered, and has run for long enough to know what fires."""

    @property
    def shown(self) -> frozenset[Fingerprint]:
        """Everything that fires, whoever it is routed to."""
        return frozenset(one.signal.fingerprint for one in self.sightings)

    def ours(self, receivers: frozenset[str]) -> dict[Fingerprint, Sighting]:
        """By fingerprint, what is routed to us, but for the heartbeat.

        receivers: the names under which Alertmanager has sent to us.
        """
        ours = [
            one
            for one in self.sightings
            if one.receiver in receivers and one.signal.labels.get("alertname") != WATCHDOG
        ]
        # Of several sightings of one alert the one that may be told counts, and the earliest start.
        ours.sort(key=lambda one: (one.suppressed is None, -one.signal.starts_at.timestamp()))
        return {one.signal.fingerprint: one for one in ours}


class Reconcile:
    def __init__(
        self,
        intake: Intake,
        http: httpx.AsyncClient,
        urls: Sequence[str],
        *,
        rules: Rules,
    ) -> None:
        self._intake = intake
        self._http = http
        self._urls = urls
        self._rules = rules
        self.away: tuple[str, ...] = ()
        """The Alertmanagers that did not answer last time."""

    async def turn(self, now: datetime) -> int:
        """Look once and close the gap; how many alerts that changed."""
        view = await self._look()
        return await self._intake.change(
            Change(lambda conn, books: self._close_gap(conn, books, view, now), now)
        )

    async def _look(self) -> View:
        answers = await asyncio.gather(*(alertmanager_api.look(self._http, url) for url in self._urls))
        away = tuple(
            alertmanager_api.without_credentials(url)
            for url, answer in zip(self._urls, answers, strict=True)
            if answer is None
        )
        if away != self.away:
            log.warning("Alertmanagers that do not answer: %s", ", ".join(away) or "none any more")
        self.away = away
        shown = [answer for answer in answers if answer is not None]
        warm = all(answer.age_s >= self._rules.warmup_s for answer in shown)
        return View(tuple(one for answer in shown for one in answer.sightings), warm and not away)

    def _close_gap(self, conn: sa.Connection, books: UnitOfWork, view: View, now: datetime) -> int:
        seen = view.ours(receivers.names(conn))
        known = self._known(conn, seen)
        books.open_alerts(known.values())
        books.open([sighting.signal for sighting in seen.values()])
        shown = view.shown
        return sum(
            self._act(
                books,
                known.get(fingerprint),
                seen.get(fingerprint),
                now,
                # One that goes to another receiver now is not over.
                complete=view.complete and fingerprint not in shown,
            )
            for fingerprint in sorted(known.keys() | seen.keys())
        )

    def _known(self, conn: sa.Connection, seen: Mapping[Fingerprint, Sighting]) -> dict[Fingerprint, Alert]:
        """The newest alert of every fingerprint that is open or held here, or seen there."""
        open_ones = {alert.fingerprint: alert for alert in alerts.open_or_held(conn, SOURCE)}
        return alerts.newest(conn, SOURCE, seen.keys()) | open_ones

    def _act(
        self,
        books: UnitOfWork,
        alert: Alert | None,
        sighting: Sighting | None,
        now: datetime,
        *,
        complete: bool,
    ) -> bool:
        finding = alertmanager_diff.judge(alert, sighting, now, complete=complete, rules=self._rules)
        if finding is Finding.NOTHING:
            return False
        if finding is Finding.MISSED_FIRING and sighting is not None:
            self._open(books, sighting, now)
        elif alert is not None:
            books.apply(_step(finding, alert, sighting, now), books.group_labels_of(alert), now)
        return True

    def _open(self, books: UnitOfWork, sighting: Sighting, now: datetime) -> None:
        signal = sighting.signal
        step = lifecycle.advance(
            books.newest(signal), signal, now, rules=self._rules, new_id=books.new_alert_id
        )
        fact = alertmanager_diff.opened_fact(step.alert, now)
        books.apply(replace(step, transitions=(*step.transitions, fact)), signal.group_labels, now)


def _step(finding: Finding, alert: Alert, sighting: Sighting | None, now: datetime) -> Step:
    if finding is Finding.ABSENT:
        return Step(SignalKind.REPEAT, (replace(alert, absent_since=now),), ())
    if finding is Finding.SEEN:
        return Step(SignalKind.REPEAT, (replace(alert, absent_since=None),), ())
    changed, fact = _changed(finding, alert, sighting, now)
    return Step(SignalKind.UPDATE, (changed,), (fact,))


def _changed(
    finding: Finding, alert: Alert, sighting: Sighting | None, now: datetime
) -> tuple[Alert, Transition]:
    if finding is Finding.MISSED_RESOLVE:
        return alertmanager_diff.closed(alert, now)
    if finding is Finding.STILL_FIRING:
        return alertmanager_diff.reopened(alert, now)
    if finding is Finding.WAS_LATE:
        return alertmanager_diff.was_late(alert, now)
    return alertmanager_diff.quieted(alert, sighting.suppressed if sighting else None, now)
