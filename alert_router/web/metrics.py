"""The router's metrics, in their own registry. Every label value exists at 0 from the start."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from typing import Protocol

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alert_router.config import Configuration, ConfigurationHolder
from alert_router.discord import links
from alert_router.domain.model import ChannelName
from alert_router.sources import alertmanager, events, grafana
from alert_router.store import card_stats, firing_alerts, ledger, quarantine, space
from alert_router.store.engine import Store, Unavailable
from alert_router.store.ledger import Ledger
from alert_router.store.space import Space

SOURCES = (alertmanager.SOURCE, grafana.SOURCE, events.SOURCE)
UNKNOWN = "unknown"
"""The source of a POST to an unknown address."""
CODES = ("200", "201", "400", "401", "403", "413", "415", "422", "500", "503")
OUTCOMES = ("accepted", "duplicate")
DELIVERY_OUTCOMES = ("sent", "retry", "degraded", "rejected", "gone", "stopped")
CHART_RESULTS = ("drawn", "no_data", "late", "failed")
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class State:
    """Queried at each scrape."""

    cards: dict[str, int]
    oldest_waiting: datetime | None
    quarantined: int
    firing: int
    ledger: Ledger
    space: Space


def state_of(conn: sa.Connection, configuration: Configuration) -> State:
    """The ledger is that of the channel which the root route names."""
    channels = tuple(configuration.channels)
    return State(
        cards=card_stats.counts(conn, channels),
        oldest_waiting=card_stats.oldest_waiting(conn, channels),
        quarantined=quarantine.size(conn),
        firing=firing_alerts.count(conn),
        ledger=ledger.of(conn, configuration.route.channel),
        space=space.of(conn),
    )


class ChannelStates(Protocol):
    def is_up(self, name: ChannelName) -> bool:
        """Whether the channel accepts messages, as far as is known."""


class Metrics:
    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        configuration: ConfigurationHolder,
        takes_writes: Callable[[], bool],
    ) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        self.requests = counter(
            "alert_router_webhook_requests",
            "Requests to the ingest routes, by source and status code.",
            ("source", "code"),
        )
        self.signals = counter(
            "alert_router_signals", "Signals received, by source and outcome.", ("source", "outcome")
        )
        self.quarantined = counter(
            "alert_router_quarantined",
            "Bodies and alerts quarantined because they could not be parsed, by source.",
            ("source",),
        )
        self.truncated = counter(
            "alert_router_truncated_alerts",
            "Alerts that a source left out of its webhooks (max_alerts): they were never received.",
        )
        self.deliveries = counter(
            "alert_router_deliveries",
            "Requests to channels, by action and outcome.",
            ("channel", "action", "outcome"),
        )
        self.delivery_seconds = Histogram(
            "alert_router_delivery_duration_seconds",
            "Duration of a request to a channel.",
            ("channel",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.charts = counter(
            "alert_router_charts",
            "Charts for cards: drawn, without data, late or failed. A card waits for none.",
            ("result",),
        )
        self.unreachable_links = counter(
            "alert_router_unreachable_links",
            "Links of new messages that people cannot open (loopback, a host without a dot), by kind.",
            ("link",),
        )
        self._configuration = configuration
        self._prime()
        self.registry.register(_StateCollector(store, now, configuration, takes_writes))

    def follow(self, channels: ChannelStates) -> None:
        """Show whether the channels are up."""
        self.registry.register(_ChannelCollector(self._configuration, channels))

    def _prime(self) -> None:
        """A counter that appears with its first event has not increased, so increase() misses the event."""
        self.requests.labels(UNKNOWN, "404")
        for result in CHART_RESULTS:
            self.charts.labels(result)
        for source in SOURCES:
            self.quarantined.labels(source)
            for code in CODES:
                self.requests.labels(source, code)
            for outcome in OUTCOMES:
                self.signals.labels(source, outcome)
        for kind in links.KINDS:
            self.unreachable_links.labels(kind)
        for channel in self._configuration.current.channels:
            self.prime_channel(channel)

    def prime_channel(self, channel: str) -> None:
        self.delivery_seconds.labels(channel)
        for action in ("create", "edit"):
            for outcome in DELIVERY_OUTCOMES:
                self.deliveries.labels(channel, action, outcome)

    def unreachable_link(self, kind: str) -> None:
        self.unreachable_links.labels(kind).inc()

    def delivered(self, channel: str, action: str, outcome: str, seconds: float) -> None:
        self.deliveries.labels(channel, action, outcome).inc()
        self.delivery_seconds.labels(channel).observe(seconds)

    def charted(self, result: str) -> None:
        self.charts.labels(result).inc()


class _ChannelCollector(Collector):
    def __init__(self, configuration: ConfigurationHolder, channels: ChannelStates) -> None:
        self._configuration = configuration
        self._channels = channels

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "alert_router_channel_up",
            "Whether the channel accepts messages; 0 until its webhook is fixed.",
            labels=["channel"],
        )
        for name in self._configuration.current.channels:
            family.add_metric([name], 1 if self._channels.is_up(name) else 0)
        yield family


class _StateCollector(Collector):
    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        configuration: ConfigurationHolder,
        takes_writes: Callable[[], bool],
    ) -> None:
        self._store = store
        self._now = now
        self._configuration = configuration
        self._takes_writes = takes_writes

    def describe(self) -> Iterator[Metric]:
        """Without it, registering would query the tables."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        try:
            with self._store.read() as conn:
                state = state_of(conn, self._configuration.current)
        except Unavailable:
            yield _store_up(answers=False)
            return
        yield _store_up(answers=self._takes_writes())
        yield from self._families(state)

    def _families(self, state: State) -> Iterator[Metric]:
        family = GaugeMetricFamily("alert_router_cards", "Cards by state.", labels=["state"])
        for name, count in state.cards.items():
            family.add_metric([name], count)
        yield family
        waiting = state.oldest_waiting
        age_s = max((self._now() - waiting).total_seconds(), 0.0) if waiting else 0.0
        yield GaugeMetricFamily(
            "alert_router_oldest_pending_card_age_seconds",
            "How long the oldest pending card has been waiting; 0 when none is pending.",
            value=age_s,
        )
        yield GaugeMetricFamily(
            "alert_router_quarantine_size", "Bodies and alerts in the quarantine.", value=state.quarantined
        )
        family = GaugeMetricFamily(
            "alert_router_ledger",
            "Cards of incidents in the main channel; wanted = delivered + pending + dead, always.",
            labels=["account"],
        )
        for field in fields(state.ledger):
            family.add_metric([field.name], getattr(state.ledger, field.name))
        yield family
        family = GaugeMetricFamily(
            "alert_router_database_bytes",
            "Size of the database, of what is free in it, and of the search index beside it.",
            labels=["part"],
        )
        sizes = state.space
        for part, size in {
            "database": sizes.database_bytes,
            "free": sizes.free_bytes,
            "search": sizes.search_bytes,
        }.items():
            family.add_metric([part], size)
        yield family
        yield GaugeMetricFamily("alert_router_alerts_firing", "Alerts firing now.", value=state.firing)


def _store_up(*, answers: bool) -> Metric:
    description = "Whether the database took the last write, and answers."
    return GaugeMetricFamily("alert_router_store_up", description, value=int(answers))
