"""A router with routes, driven step by step: a worker for each channel of its configuration."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import SecretStr

from alert_router.config import Channel, Configuration, IncidentRules
from alert_router.delivery import DeliveryWorker
from alert_router.discord.client import DiscordChannel
from alert_router.domain.matchers import Matcher
from alert_router.domain.model import ChannelName
from alert_router.domain.routes import Route, RoutePolicy
from testbed.factories import SECRET, Clock
from testbed.fakes.discord import DiscordState, RequestRecord
from testbed.router_harness import RouterHarness

CHANNELS = tuple(map(ChannelName, ("discord", "shop", "night")))
"""Each has the webhook whose id is its place in this list, from 1 on."""
OPS, SHOP, NIGHT = CHANNELS


def configured(
    *children: Route,
    policy: RoutePolicy | None = None,
    incidents: IncidentRules | None = None,
    **changes: Any,
) -> Configuration:
    """The root route leads to the channel discord; `routed` makes the others."""
    return Configuration(
        channels=MappingProxyType({name: Channel(name, webhook_url(name)) for name in CHANNELS}),
        route=Route(OPS, policy or RoutePolicy(), routes=children),
        incidents=incidents or IncidentRules(),
        **changes,
    )


def routed(matchers: Mapping[str, str], channel: ChannelName, place: int = 0, **changes: Any) -> Route:
    """A child of the root for alerts with these labels."""
    equal = tuple(Matcher(name, "=", value) for name, value in matchers.items())
    return Route(channel, matchers=equal, path=(place,), **changes)


def webhook_url(name: ChannelName) -> SecretStr:
    return SecretStr(f"http://discord.test/api/webhooks/{CHANNELS.index(name) + 1}/{SECRET}")


@dataclass(slots=True)
class RoutedHarness:
    harness: RouterHarness
    workers: Mapping[ChannelName, DeliveryWorker] = field(init=False)

    def __post_init__(self) -> None:
        http = self.harness.http
        self.workers = {
            name: self.harness.another_delivery(
                DiscordChannel(http, webhook_url(name)), name=name, rate_limiter=self.harness.rate_limiter
            )
            for name in CHANNELS
        }

    @classmethod
    @contextmanager
    def opened(
        cls, url: str, clock: Clock, discord: DiscordState, configuration: Configuration
    ) -> "Iterator[RoutedHarness]":
        """As a start: what fires is adopted."""
        with RouterHarness.opened(url, clock, discord, configuration) as harness:
            router = cls(harness)
            harness.adopt()
            yield router

    def reload(self, configuration: Configuration) -> None:
        self.harness.configuration.swap(configuration)
        self.harness.adopt()
        self.live(0)

    def live(self, seconds: float, step_s: float = 10.0) -> None:
        """Let time pass; the timers and all workers run at each step."""
        until = self.harness.clock.now + seconds
        self._run_once()
        while self.harness.clock.now < until:
            self.harness.clock.move(min(step_s, until - self.harness.clock.now))
            self._run_once()

    def _run_once(self) -> None:
        self.harness.pass_time()
        for worker in self.workers.values():
            self.harness.deliver(worker)
        self.harness.pass_time()

    def creates(self, channel: ChannelName = OPS) -> list[RequestRecord]:
        """The new messages, in order."""
        webhook_id = str(CHANNELS.index(channel) + 1)
        return [request for request in self.harness.discord.creates if request.webhook_id == webhook_id]

    def minutes(self, channel: ChannelName = OPS, *, since: float) -> list[float]:
        """When the new messages were created, after this moment of the clock."""
        return [round((request.at - since) / 60, 1) for request in self.creates(channel)]

    def reasons(self, channel: ChannelName = OPS, incident_id: int = 1) -> list[str]:
        """Why there were new messages."""
        decisions = self.harness.decisions(incident_id, channel)
        return [reason for action, reason in decisions if action == "create"]

    def balances(self) -> bool:
        return all(self.harness.ledger(name).balanced for name in CHANNELS)
