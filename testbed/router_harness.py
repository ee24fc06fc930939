"""The router's parts on one database, driven step by step: no task runs and no time passes by itself."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from starlette.testclient import TestClient

from alert_router import config
from alert_router.app import create_app
from alert_router.config import Configuration, ConfigurationHolder
from alert_router.delivery import Channel, Clocks, DeliveryWorker, RateLimiter
from alert_router.delivery.illustrator import Illustrator
from alert_router.discord.client import DiscordChannel
from alert_router.discord.embeds import Renderer
from alert_router.discord.templates import Templates
from alert_router.domain.model import Alert, ChannelName, Incident, Receipt, RefusedBody, Rules, Signal
from alert_router.services import acknowledge
from alert_router.services.intake import Intake
from alert_router.services.reports import EventReceipt
from alert_router.services.timers import Timers
from alert_router.settings import Settings
from alert_router.sources import event_signals, events
from alert_router.sources.webhook import WebhookMessage
from alert_router.store import alerts, card_queue, dead_letters, decisions, incidents, ledger
from alert_router.store.engine import Store, open_store
from alert_router.store.ledger import Ledger
from alert_router.store.tables import alerts as alert_table
from alert_router.store.tables import cards as card_table
from alert_router.store.tables import deliveries as delivery_table
from alert_router.store.tables import incidents as incident_table
from alert_router.store.tables import transitions as transition_table
from alert_router.store.writer import Writer
from testbed.factories import SECRET, Clock, as_bytes
from testbed.fakes.discord import DiscordState, transport

T = TypeVar("T")
MadeClient = Callable[..., TestClient]
NewDatabase = Callable[[str], AbstractContextManager[str]]
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
CHANNEL = ChannelName("discord")
WEBHOOK = SecretStr(f"http://discord.test/api/webhooks/1/{SECRET}")
ROUTER_URL = "https://router.example.org"


@dataclass(slots=True)
class RouterHarness:
    url: str
    clock: Clock
    discord: DiscordState
    store: Store
    writer: Writer
    configuration: ConfigurationHolder
    intake: Intake
    delivery: DeliveryWorker
    rate_limiter: RateLimiter
    http: httpx.AsyncClient
    runner: asyncio.Runner

    @classmethod
    @contextmanager
    def opened(
        cls, url: str, clock: Clock, discord: DiscordState, configuration: Configuration | None = None
    ) -> "Iterator[RouterHarness]":
        """configuration: one route to the channel discord, without reminders, unless another is passed."""
        store = open_store(url)
        writer = Writer(store)
        with asyncio.Runner() as runner:
            http = httpx.AsyncClient(transport=transport(discord))
            rate_limiter = RateLimiter(clock)
            holder = ConfigurationHolder(configuration or config.single(WEBHOOK, remind_every="none"))
            delivery = _delivery(
                store, writer, clock, holder, DiscordChannel(http, WEBHOOK), rate_limiter=rate_limiter
            )
            intake = Intake(writer, rules=Rules(), configuration=holder, wake=delivery.wake)
            writer.start()
            harness = cls(
                url, clock, discord, store, writer, holder, intake, delivery, rate_limiter, http, runner
            )
            try:
                yield harness
            finally:
                harness.writer.close()
                runner.run(http.aclose())
                store.close()

    def accept(self, *signals: Signal, refused: Sequence[RefusedBody] = ()) -> Receipt:
        return self.run(self.accepting(*signals, refused=refused))

    async def accepting(self, *signals: Signal, refused: Sequence[RefusedBody] = ()) -> Receipt:
        message = WebhookMessage("alertmanager", self.clock.time(), signals, tuple(refused))
        return await self.intake.accept(message)

    def report(self, event: dict[str, Any], *, idempotency_key: str | None = None) -> EventReceipt:
        return self.run(self.reporting(event, idempotency_key=idempotency_key))

    async def reporting(self, event: dict[str, Any], *, idempotency_key: str | None = None) -> EventReceipt:
        signals = event_signals.to_signals(
            events.parse(as_bytes(event)), now=self.clock.time(), idempotency_key=idempotency_key
        )
        return await self.intake.report(signals, self.clock.time())

    def pass_time(self, seconds: float = 0.0) -> int:
        """Move the clock, then apply what has become due."""
        self.clock.move(seconds)
        timers = Timers(self.intake, self.store, self.clock.time, Rules())
        return self.run(timers.run_once())

    def remind_every(self, spans: str) -> None:
        """Such as "critical=4h", as in ALERT_ROUTER_REMIND_EVERY."""
        self.configuration.swap(config.single(WEBHOOK, remind_every=spans))

    def adopt(self) -> int:
        """As a start does, and a reload."""
        return self.run(self.intake.adopt(self.clock.time()))

    def acknowledge(self, alert_id: int = 1, *, by: str = "Ada", note: str = "") -> bool:
        now = self.clock.time()
        return self.run(acknowledge.acknowledge(self.intake, alert_id, now, by=by, note=note))

    def replay(self, *card_ids: int) -> int:
        """Dead letters; all of them unless some are named."""
        now = self.clock.time()
        return self.run(
            self.intake.change(lambda work: dead_letters.replay(work.conn, now, card_ids or None), now)
        )

    def another_delivery(
        self,
        channel: Channel | None = None,
        *,
        name: ChannelName = CHANNEL,
        rate_limiter: RateLimiter | None = None,
        renderer: Renderer | None = None,
        illustrator: Illustrator | None = None,
    ) -> DeliveryWorker:
        """A second router on the same database, or the same one after a restart.

        With its rate_limiter, another channel of this one.
        """
        channel = channel or DiscordChannel(self.http, WEBHOOK)
        return _delivery(
            self.store,
            self.writer,
            self.clock,
            self.configuration,
            channel,
            name=name,
            rate_limiter=rate_limiter,
            renderer=renderer,
            illustrator=illustrator,
        )

    def deliver(self, delivery: DeliveryWorker | None = None) -> float:
        """Deliver all that is due; seconds until it is worth looking again."""
        return self.run(until_idle(delivery or self.delivery))

    def deliver_one(self) -> None:
        self.run(self.delivery.step())

    def deliver_for(self, seconds: float, delivery: DeliveryWorker | None = None) -> None:
        """Deliver while the clock moves on: from one due moment to the next, or in sixty steps."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            idle_s = max(self.deliver(delivery), seconds / 60)
            self.clock.now = min(self.clock.now + idle_s, until)
        self.deliver(delivery)

    def lease_cards(self, lease_s: float = 60.0) -> None:
        """As if each were being delivered by another router."""
        until = self.clock.time() + timedelta(seconds=lease_s)
        with self.store.write() as conn:
            conn.execute(sa.update(card_table).values(lease="another's", lease_until=until))

    def lose_cards(self) -> None:
        """As no part of the router ever does."""
        with self.store.write() as conn:
            conn.execute(sa.delete(card_table))

    def release_cards(self) -> None:
        with self.store.write() as conn:
            card_queue.release_all(conn)

    def restart_writer(self) -> None:
        """So that closing the harness finds one to close."""
        self.writer = Writer(self.store)
        self.writer.start()

    def alerts(self) -> list[Alert]:
        return self.ask(
            lambda conn: [
                alerts.alert_of(row)
                for row in conn.execute(sa.select(alert_table).order_by(alert_table.c.id))
            ]
        )

    def alert(self) -> Alert:
        """The one alert there must be."""
        alerts = self.alerts()
        assert len(alerts) == 1, alerts
        return alerts[0]

    def decisions(self, incident_id: int = 1, channel: ChannelName = CHANNEL) -> list[tuple[str, str]]:
        """What was decided about the incident in the channel, and why, in order."""
        rows = self.ask(lambda conn: decisions.of_incident(conn, incident_id))
        return [(row.action, row.reason) for row in rows if row.channel == channel]

    def incidents(self) -> list[Incident]:
        query = sa.select(incident_table).order_by(incident_table.c.id)
        return self.ask(lambda conn: [incidents.incident_of(row) for row in conn.execute(query)])

    def kinds(self, alert_id: int | None = None) -> list[str]:
        """What happened, in order."""
        query = sa.select(transition_table.c.kind).order_by(transition_table.c.id)
        if alert_id is not None:
            query = query.where(transition_table.c.alert_id == alert_id)
        return self.ask(lambda conn: list(conn.scalars(query)))

    def cards(self) -> list[sa.Row[Any]]:
        return self.ask(lambda conn: list(conn.execute(sa.select(card_table).order_by(card_table.c.id))))

    def outcomes(self) -> list[tuple[str, str]]:
        """Every request to Discord: what it was and how it went."""
        columns = (delivery_table.c.action, delivery_table.c.outcome)
        query = sa.select(*columns).order_by(delivery_table.c.id)
        return self.ask(lambda conn: [(row.action, row.outcome) for row in conn.execute(query)])

    def ledger(self, channel: ChannelName = CHANNEL) -> Ledger:
        return self.ask(lambda conn: ledger.of(conn, channel))

    def ask(self, question: Callable[[sa.Connection], T]) -> T:
        with self.store.read() as conn:
            return question(conn)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


async def is_held(harness: RouterHarness) -> None:
    """Wait until the fake Discord holds a request back."""
    while not harness.discord.faults.held:  # noqa: ASYNC110 - a test waits for a condition, with a deadline around
        await asyncio.sleep(0)


def until(condition: Callable[[], object]) -> None:
    """Wait for what a running application does by itself."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        threading.Event().wait(0.02)


def _delivery(
    store: Store,
    writer: Writer,
    clock: Clock,
    configuration: ConfigurationHolder,
    channel: Channel,
    *,
    name: ChannelName = CHANNEL,
    rate_limiter: RateLimiter | None = None,
    renderer: Renderer | None = None,
    illustrator: Illustrator | None = None,
) -> DeliveryWorker:
    return DeliveryWorker(
        name,
        channel,
        store=store,
        writer=writer,
        renderer=renderer or Renderer(Templates(), ROUTER_URL),
        clocks=Clocks(now=clock.time, steady=clock),
        rate_limiter=rate_limiter or RateLimiter(clock),
        configuration=configuration,
        illustrator=illustrator,
    )


async def until_idle(delivery: DeliveryWorker) -> float:
    while True:
        idle_s = await delivery.step()
        if idle_s > 0:
            return idle_s


def open_client(
    running: ExitStack,
    url: str,
    clock: Clock,
    discord: DiscordState,
    *,
    accept: str = "application/json",
    sender: str = "127.0.0.1",
    **changes: Any,
) -> TestClient:
    """The real application, running; its client connects from this machine."""
    app = create_app(
        Settings(database_url=SecretStr(url), **changes),
        clocks=Clocks(now=clock.time, steady=clock),
        transport=transport(discord),
    )
    return running.enter_context(
        TestClient(app, raise_server_exceptions=False, client=(sender, 50000), headers={"accept": accept})
    )
