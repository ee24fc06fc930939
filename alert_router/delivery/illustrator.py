"""Measures and draws for cards, beside their delivery: no card waits for it longer than a moment.

What is found is stored, and the card is edited. What fails is left out; the next edit asks again.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from alert_router.charts.process import ChartError, ChartLate, ChartProcess
from alert_router.charts.spec import ChartSpec
from alert_router.delivery import chart_specs
from alert_router.delivery.card_facts import Missing
from alert_router.domain import pictures
from alert_router.domain.card_facts import Measure
from alert_router.domain.model import Alert, ChannelName
from alert_router.domain.runs import Run
from alert_router.prometheus import expressions, history, measures
from alert_router.prometheus.client import PrometheusError, PrometheusLate
from alert_router.prometheus.expressions import Rule
from alert_router.prometheus.targets import Prometheuses
from alert_router.sources import event_signals
from alert_router.store import card_facts, changes, runs
from alert_router.store.changes import Change
from alert_router.store.engine import Store, Unavailable
from alert_router.store.writer import Writer

log = logging.getLogger(__name__)
GRACE_S = 0.3
"""How long a new message waits for its values. An edit notifies nobody, so a value that comes later is on no
lock screen; Prometheus answers within some 20 ms, and a message has a second."""
AT_ONCE = 4
"""How many cards are measured at a time."""
MAX_WAITING = 100
"""More cards than that go without: they are a storm's."""


@dataclass(slots=True)
class _Request:
    missing: Missing
    measured: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the values are stored, or will not be."""
    found: bool = False
    shown: bool = False
    """The new message has waited for the values, and has them."""


class Illustrator:
    def __init__(
        self,
        prometheuses: Prometheuses,
        charts: ChartProcess | None,
        *,
        store: Store,
        writer: Writer,
        wake: Callable[[list[ChannelName]], None],
        now: Callable[[], datetime],
        observe: Callable[[str], None] = lambda _: None,
    ) -> None:
        """charts: None where none can be drawn.

        observe: called for every chart with its result: drawn, no_data, late or failed.
        """
        self._prometheuses = prometheuses
        self._charts = charts
        self._store = store
        self._writer = writer
        self._wake = wake
        self._now = now
        self._observe = observe
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[tuple[int, ChannelName], tuple[asyncio.Task[None], _Request]] = {}

    def request(self, missing: Missing) -> None:
        """Let it be added later."""
        self._start(missing)

    async def measured(self, missing: Missing) -> bool:
        """Whether values were stored within GRACE_S; else they are added later."""
        request = self._start(missing) if missing.unmeasured else None
        if request is None:
            self._start(missing)
            return False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(request.measured.wait(), GRACE_S)
        request.shown = request.found
        return request.found

    @property
    def under_way(self) -> int:
        """How many cards are being measured or drawn for."""
        return len(self._tasks)

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        await asyncio.gather(*(task for task, _ in self._tasks.values()), return_exceptions=True)

    async def close(self) -> None:
        for task, _ in self._tasks.values():
            task.cancel()
        await self.settled()
        if self._charts is not None:
            await self._charts.close()

    def _start(self, missing: Missing) -> _Request | None:
        """The request for this card that is under way, or a new one; None when there are too many."""
        key = (missing.incident_id, missing.channel)
        if key in self._tasks:
            return self._tasks[key][1]
        if not missing or len(self._tasks) >= MAX_WAITING or not self._may_ask(missing):
            return None
        request = _Request(missing)
        task = asyncio.create_task(self._run(request), name=f"illustrating incident {missing.incident_id}")
        self._tasks[key] = task, request
        task.add_done_callback(lambda _: self._tasks.pop(key, None))
        return request

    def _may_ask(self, missing: Missing) -> bool:
        alert = (missing.drawn or missing.unmeasured)[0]
        return bool(event_signals.job_of(alert)) or self._prometheuses.any_for(alert.labels)

    async def _run(self, request: _Request) -> None:
        missing = request.missing
        try:
            async with self._turns:
                try:
                    request.found = await self._measure(missing)
                finally:
                    request.measured.set()
                drawn = await self._draw(missing)
            if drawn or (request.found and not request.shown):
                await self._writer.run(partial(_mark_dirty, missing=missing, now=self._now()))
                self._wake([missing.channel])
        except Unavailable as error:
            log.warning("incident %d: not illustrated: the database is away: %s", missing.incident_id, error)
        except Exception:  # a picture's fault must not be a card's
            log.exception("incident %d: not illustrated", missing.incident_id)

    async def _measure(self, missing: Missing) -> bool:
        """Whether there is a value that was not stored before."""
        measured: dict[int, Measure] = {}
        for rule, alerts in _by_rule(missing.unmeasured):
            try:
                measured |= await self._prometheuses.ask(
                    alerts[0].labels, partial(measures.of, rule=rule, alerts=alerts)
                )
            except PrometheusError as error:
                log.info("incident %d: no values: %s", missing.incident_id, error)
        if measured:
            await self._writer.run(partial(card_facts.save_measures, measured=measured))
        return any(measure.value for measure in measured.values())

    async def _draw(self, missing: Missing) -> bool:
        if self._charts is None or not missing.drawn:
            return False
        try:
            spec = await self._spec(missing)
            png = await self._charts.draw(spec) if spec else None
        except (PrometheusError, ChartError) as error:
            self._observe("late" if isinstance(error, PrometheusLate | ChartLate) else "failed")
            log.warning("incident %d: no chart: %s", missing.incident_id, error)
            return False
        if png is None:
            self._observe("no_data")
            return False
        save = partial(
            card_facts.save_chart,
            incident_id=missing.incident_id,
            channel=missing.channel,
            subject=missing.subject,
            png=png,
            now=self._now(),
        )
        await self._writer.run(save)
        self._observe("drawn")
        return True

    async def _spec(self, missing: Missing) -> ChartSpec | None:
        """None where there is nothing to draw. Raises PrometheusError."""
        alerts = missing.drawn
        if job := event_signals.job_of(alerts[0]):
            return chart_specs.of_runs(await asyncio.to_thread(self._runs, job), alerts[0], self._now())
        rule = expressions.rule(expressions.of_link(alerts[0].generator_url))
        if not rule.charted:
            return None
        window = pictures.window_of(alerts, self._now())
        ask = partial(history.of, rule=rule, alerts=alerts, start=window.start, end=window.end)
        found = await self._prometheuses.ask(alerts[0].labels, ask)
        if not (found.own or found.others):
            return None
        changed = await asyncio.to_thread(self._changes, missing.incident_id, window)
        return chart_specs.of(found, rule, alerts, changed)

    def _runs(self, job: str) -> list[Run]:
        with self._store.read() as conn:
            return runs.last(conn, job, chart_specs.MAX_RUNS)

    def _changes(self, incident_id: int, window: pictures.Window) -> list[Change]:
        with self._store.read() as conn:
            return changes.before(conn, incident_id, window.start, window.end)


def _mark_dirty(conn: sa.Connection, missing: Missing, now: datetime) -> None:
    card_facts.mark_dirty(conn, missing.incident_id, [missing.channel], now)


def _by_rule(alerts: tuple[Alert, ...]) -> Iterator[tuple[Rule, list[Alert]]]:
    by_expression: Mapping[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_expression[expressions.of_link(alert.generator_url)].append(alert)
    for expression, together in by_expression.items():
        yield expressions.rule(expression), together
