"""Fills the history from Prometheus: what fired and ended before the router ran, or while it was away.

The history has a mark up to which it is complete, moved on while the router runs. When the mark lags behind,
Prometheus is asked for the span between. Episodes that the history lacks are stored, and nobody is notified:
they have no card. What still fires is left to Alertmanager. A fault leaves the mark, and it is tried again.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from alert_router.config import ConfigurationHolder
from alert_router.domain import backfill
from alert_router.domain.backfill import Samples, Window
from alert_router.domain.model import Rules
from alert_router.prometheus.client import Prometheus, PrometheusError, PrometheusLate, Series, TooLarge
from alert_router.prometheus.targets import Prometheuses
from alert_router.services.past_incidents import Past, PastIncidents, Stored, confirm
from alert_router.sources.alertmanager import WATCHDOG
from alert_router.store import past_episodes, senders
from alert_router.store.engine import Store
from alert_router.store.writer import Writer

EVERY_S = 30.0
QUERY = f'ALERTS{{alertstate="firing",alertname!="{WATCHDOG}"}}'
TIMEOUT_S = 10.0
MAX_BYTES = 2 * 1024 * 1024
"""Of an answer: read, that is some 30 MB for a moment. A larger one is asked for in halves."""
CHUNK_S = 86_400.0
LEAST_S = 60.0
"""A span that is not halved any more."""
MAX_EPISODES = 20_000
BATCH = 50
"""Episodes in one transaction: webhooks wait for it."""
RETRY_S, MAX_RETRY_S = 30.0, 1_800.0
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Backfill:
    store: Store
    writer: Writer
    prometheuses: Prometheuses
    configuration: ConfigurationHolder
    rules: Rules
    clock: Callable[[], datetime]
    kept: timedelta | None = None
    """What ended longer ago, retention would remove; None: nothing."""
    steady: Callable[[], float] = time.monotonic
    _retry_at: float = field(default=float("-inf"))
    _failures: int = 0
    _noticed_at: datetime | None = None
    """When Prometheus was first asked for what is lacking now, in vain: the router has run since."""

    async def run_once(self) -> int:
        """How many episodes were added."""
        targets = self.prometheuses.all(timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES)
        if not targets or self.steady() < self._retry_at:
            return 0
        now = self.clock()
        most = min(backfill.MOST, self.kept or backfill.MOST)
        covered = await asyncio.to_thread(self._covered)
        window = backfill.window(covered, now, most=most, until=self._noticed_at)
        try:
            added = await self._fill(targets, window) if window else 0
        except PrometheusError as error:
            self._noticed_at = self._noticed_at or now
            self._put_off(error)
            return 0
        self._failures, self._noticed_at = 0, None
        await self.writer.run(lambda conn: senders.record_heartbeat(conn, senders.HISTORY, now))
        return added

    def _covered(self) -> datetime | None:
        with self.store.read() as conn:
            return senders.last_heartbeat(conn, senders.HISTORY)

    def _put_off(self, error: PrometheusError) -> None:
        level = logging.DEBUG if self._failures else logging.WARNING
        log.log(level, "the history is not filled from Prometheus yet: %s; tried again", error)
        self._retry_at = self.steady() + min(RETRY_S * 2**self._failures, MAX_RETRY_S)
        self._failures = min(self._failures + 1, 10)

    async def _fill(self, targets: Iterable[Prometheus], window: Window) -> int:
        samples = Samples(window)
        for target in targets:
            await _collect(target, samples)
        incidents = PastIncidents(self.configuration.current, self.rules)
        past = await asyncio.to_thread(self._missing, samples, incidents)
        added = 0
        for start in range(0, len(past), BATCH):
            job = partial(self._save, incidents, past[start : start + BATCH], window.step_s)
            added += confirm(await self.writer.run(job))
        if added:
            log.info("%d past alerts were added from Prometheus; nobody is notified of them", added)
        return added

    def _missing(self, samples: Samples, incidents: PastIncidents) -> list[Past]:
        """Oldest first."""
        window, found = samples.window, samples.episodes()
        names = {one.labels["alertname"] for one in found}
        with self.store.read() as conn:
            known = past_episodes.known(conn, names, window.start - window.gap_s, window.end + window.gap_s)
        missing = backfill.unknown(found, known, window.step_s)
        if max(len(missing), len(samples)) > MAX_EPISODES:
            log.warning("more than %d past alerts in Prometheus: the newest are added", MAX_EPISODES)
        return incidents.plan(missing[-MAX_EPISODES:])

    def _save(
        self, incidents: PastIncidents, batch: Sequence[Past], slack_s: float, conn: sa.Connection
    ) -> list[Stored]:
        return incidents.save(conn, batch, self.clock(), slack_s)


async def _collect(prometheus: Prometheus, samples: Samples) -> None:
    """The newest first, until there are enough."""
    window = samples.window
    end = window.end
    while end >= window.start and len(samples) <= MAX_EPISODES:
        start = max(window.start, end - CHUNK_S)
        async for series in _answers(prometheus, start, end, window.step_s):
            await asyncio.to_thread(_add, samples, series)
        end = start - window.step_s


def _add(samples: Samples, answer: Iterable[Series]) -> None:
    for series in answer:
        samples.add(series.labels, (at for at, _ in series.points))


async def _answers(
    prometheus: Prometheus, start: float, end: float, step_s: float
) -> AsyncIterator[Sequence[Series]]:
    """In halves where one answer is too large. Raises PrometheusError."""
    try:
        yield await prometheus.history(QUERY, start, end, step_s)
    except (TooLarge, PrometheusLate):
        if end - start <= LEAST_S:
            raise
        middle = end - (end - start) / 2 // step_s * step_s
        async for later in _answers(prometheus, middle, end, step_s):
            yield later
        async for earlier in _answers(prometheus, start, middle - step_s, step_s):
            yield earlier
