"""Past alerts from Prometheus: stored once, told to nobody, whatever Prometheus answers."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from alert_router.domain.model import Origin, Rules
from alert_router.prometheus.targets import Prometheuses
from alert_router.services import backfill
from alert_router.services.backfill import QUERY, Backfill
from alert_router.services.history_sums import HistorySums
from alert_router.services.presence import Presence
from alert_router.store import insights, timeline, why
from alert_router.store.tables import absences
from testbed.factories import API_DOWN, DISK_FULL, NOON, make_signal
from testbed.fakes import prometheus as fake
from testbed.fakes.prometheus import FakePrometheus
from testbed.router_harness import CHANNEL, RouterHarness

HOUR = timedelta(hours=1)
URL = "http://prometheus:9090"
CLOSED = "http://127.0.0.1:9"


@dataclass(slots=True)
class Past:
    """The router's history, and what Prometheus remembers."""

    harness: RouterHarness
    prometheus: FakePrometheus = field(default_factory=FakePrometheus)
    task: Backfill = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        harness = self.harness
        http = httpx.AsyncClient(transport=self.prometheus.transport)
        targets = Prometheuses(http, harness.configuration, URL, harness.clock)
        self.task = Backfill(
            harness.store,
            harness.writer,
            targets,
            harness.configuration,
            Rules(),
            harness.clock.time,
            steady=harness.clock,
        )

    def fired(self, labels: dict[str, str], ago: timedelta, span: timedelta) -> None:
        start = self.harness.clock.time() - ago
        spans = [
            *self.prometheus.spans.get(QUERY, ()),
            (labels, start.timestamp(), (start + span).timestamp()),
        ]
        self.prometheus.spans[QUERY] = spans

    def fill(self) -> int:
        return self.harness.run(self.task.run_once())

    def note_presence(self) -> bool:
        return self.harness.run(Presence(self.harness.writer, self.harness.clock.time).run_once())


@pytest.fixture
def past(harness: RouterHarness) -> Past:
    return Past(harness)


def test_first_start_shows_two_weeks_and_tells_nobody(past: Past) -> None:
    past.fired(API_DOWN, timedelta(days=13), 2 * HOUR)
    past.fired(DISK_FULL, timedelta(days=1), HOUR)
    past.fired(DISK_FULL, timedelta(days=20), HOUR)

    assert past.fill() == 2

    alerts = past.harness.alerts()
    assert [(one.alertname, one.origin, one.firing) for one in alerts] == [
        (API_DOWN["alertname"], Origin.BACKFILLED, False),
        (DISK_FULL["alertname"], Origin.BACKFILLED, False),
    ]
    assert past.harness.clock.time() - alerts[0].starts_at == timedelta(days=13)
    past.harness.pass_time(3600)
    past.harness.adopt()
    past.harness.deliver()
    assert past.harness.cards() == []
    assert past.harness.discord.messages() == []
    ledger = past.harness.ledger()
    assert (ledger.wanted, ledger.balanced) == (0, True)


def test_second_run_finds_them(past: Past) -> None:
    past.fired(API_DOWN, 3 * HOUR, HOUR)
    past.fill()
    past.harness.clock.move(2 * HOUR.total_seconds())
    past.restart()

    assert past.fill() == 0
    assert len(past.harness.alerts()) == 1
