"""Whatever happens, whoever reads only new messages learns of everything that goes on firing."""

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alert_router.domain import alertmanager_diff
from alert_router.domain.alertmanager_diff import Finding, Sighting
from alert_router.domain.model import Signal
from alert_router.domain.notify_timing import HOUR, HOURLY_LIMIT
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.store import alerts
from testbed.factories import SECRET, Clock, make_signal
from testbed.fakes.discord import DiscordState, RateLimits
from testbed.routed_harness import RoutedHarness, configured
from testbed.router_harness import DATABASES, NewDatabase, RouterHarness

SEVERITIES = {"alpha": "critical", "bravo": "critical", "charlie": "error", "delta": "warning"}
"""By instance."""
LONGEST_WAIT_S = 7 * 3600.0
"""A warning of an acknowledged incident waits for ten times half an hour, and for its turn up to an hour."""
SPANS = (5.0, 70.0, 400.0, 2_000.0, 4_000.0)


@dataclass
class World:
    """What fires, and what new messages have said about it."""

    url: str
    clock: Clock
    discord: DiscordState
    running: ExitStack = field(default_factory=ExitStack)
    firing: dict[str, Signal] = field(default_factory=dict)
    silenced: set[str] = field(default_factory=set)
    unannounced: set[str] = field(default_factory=set)
    """The firing, unsilenced instances that no new message has shown since they began to count."""
    begun: int = 0
    """How often anything began to count since the last new message."""

    def start(self, _instance: str = "") -> None:
        """A new process on the same database."""
        self.running.close()
        opened = RoutedHarness.opened(self.url, self.clock, self.discord, configured())
        self.router = self.running.enter_context(opened)

    def fires(self, instance: str) -> None:
        """Again, if it fires already: its resolve was missed."""
        self.clock.move(1)
        labels = {"alertname": "Down", "instance": instance, "severity": SEVERITIES[instance]}
        signal = make_signal(labels, starts_at=self.clock.time(), group_labels={"job": "api"})
        self.firing[instance] = signal
        self.silenced.discard(instance)
        self._begins(instance)
        self.router.harness.accept(signal)

    def ends(self, instance: str) -> None:
        signal = self.firing.pop(instance, None)
        self.unannounced.discard(instance)
        self.silenced.discard(instance)
        if signal is not None:
            now = self.clock.time()
            over = make_signal(
                signal.labels, starts_at=signal.starts_at, ends_at=now, group_labels=signal.group_labels
            )
            self.router.harness.accept(over)

    def is_silenced(self, instance: str) -> None:
        """Or its silence ends."""
        if instance not in self.firing:
            return
        if instance in self.silenced:
            self.silenced.discard(instance)
            self._begins(instance)
        else:
            self.silenced.add(instance)
            self.unannounced.discard(instance)
        now = self.clock.time()
        self.router.harness.run(
            self.router.harness.intake.change(lambda work: self._suppress(work, instance, now), now)
        )

    def is_acknowledged(self, _instance: str) -> None:
        self.router.harness.acknowledge(max(len(self.router.harness.alerts()), 1))

    def pass_time(self, seconds: float, step_s: float) -> None:
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.move(min(step_s, until - self.clock.now))
            before = len(self.router.creates())
            self.router.live(0)
            for create in self.router.creates()[before:]:
                self._reads(json.dumps(create.payload))

    def _reads(self, message: str) -> None:
        assert self.begun, "a new message is about something new"
        self.begun = 0
        self.unannounced = {instance for instance in self.unannounced if instance not in message}

    def _begins(self, instance: str) -> None:
        self.unannounced.add(instance)
        self.begun += 1

    def _suppress(self, work: UnitOfWork, instance: str, now: datetime) -> int:
        signal = self.firing[instance]
        known = alerts.newest(work.conn, signal.source, [signal.fingerprint])
        work.add_alerts(known)
        sighting = Sighting(signal, "alert-router", "silenced" if instance in self.silenced else None)
        change = alertmanager_diff.apply_finding(Finding.SUPPRESSION_CHANGED, known[0], sighting, now)
        work.apply(change, signal.group_labels, now)
        return 1


EVENTS = {
    "fires": World.fires,
    "ends": World.ends,
    "is silenced": World.is_silenced,
    "is acknowledged": World.is_acknowledged,
    "the router restarts": World.start,
}
STORIES = st.lists(
    st.tuples(
        # The more often something stands here, the more often it happens.
        st.sampled_from([*EVENTS, "fires", "fires", "ends"]),
        st.sampled_from(sorted(SEVERITIES)),
        st.sampled_from(SPANS),
    ),
    max_size=30,
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", DATABASES)
@settings(
    max_examples=60 if os.environ.get("CI") else 12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(story=STORIES)
def test_readers_of_new_messages_learn_of_all_that_fires(
    new_database: NewDatabase, kind: str, story: list[tuple[str, str, float]]
) -> None:
    clock = Clock()
    discord = DiscordState(clock=clock, limits=RateLimits(enabled=False))
    for number in ("1", "2", "3"):
        discord.webhook(number, SECRET, f"{number}00")
    with new_database(kind) as url:
        world = World(url, clock, discord)
        world.start()
        try:
            for event, instance, seconds in story:
                EVENTS[event](world, instance)
                world.pass_time(seconds, step_s=max(seconds / 5, 5.0))
            world.pass_time(LONGEST_WAIT_S, step_s=600)

            assert world.unannounced == set()
            assert_hourly_limit(world.router.harness)
            assert world.router.balances()
        finally:
            world.running.close()


def assert_hourly_limit(harness: RouterHarness) -> None:
    """Of new messages for one incident in one channel."""
    for incident in harness.incidents():
        moments = [card.posted_at for card in harness.cards() if card.incident_id == incident.id]
        for end in moments:
            assert sum(end - HOUR < moment <= end for moment in moments) <= HOURLY_LIMIT
