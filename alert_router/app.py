"""The composition root: builds the parts and connects them. Only this module reads the system's clocks."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import httpx
import sqlalchemy as sa
from fastapi import FastAPI
from prometheus_client import disable_created_metrics

from alert_router import config
from alert_router.charts import process as charts
from alert_router.charts.process import ChartProcess
from alert_router.config import Configuration, webhook_urls
from alert_router.config.holder import ConfigurationHolder
from alert_router.delivery import Channel, ChannelWorkers, Clocks, DeliveryWorker, RateLimiter
from alert_router.delivery.illustrator import Illustrator
from alert_router.discord.client import DiscordChannel
from alert_router.discord.embeds import Renderer
from alert_router.discord.forum_posts import ForumPosts
from alert_router.discord.links import Links
from alert_router.discord.preview import PreviewChannel
from alert_router.discord.templates import Templates
from alert_router.domain.act_links import ActLinks, Signer
from alert_router.domain.model import Rules
from alert_router.prometheus.targets import Prometheuses
from alert_router.services import (
    backfill,
    health,
    history_sums,
    long_incidents,
    presence,
    retention,
    scheduler,
    search_indexing,
    write_probe,
)
from alert_router.services.alertmanager_sync import AlertmanagerSync
from alert_router.services.backfill import Backfill
from alert_router.services.fallback import Fallback
from alert_router.services.history_sums import HistorySums
from alert_router.services.intake import Intake
from alert_router.services.long_incidents import LongIncidents
from alert_router.services.presence import Presence
from alert_router.services.reload import Listener, Reload
from alert_router.services.retention import Pruning
from alert_router.services.scheduler import PeriodicTask
from alert_router.services.search_indexing import SearchIndexing
from alert_router.services.sender_problems import SenderProblems
from alert_router.services.silence import Silencer
from alert_router.services.silence_reading import SilenceReading
from alert_router.services.timers import Timers
from alert_router.services.watchdog import Watchdog
from alert_router.settings import Settings, configuration_of
from alert_router.store import card_queue, link_keys, migrate, questions, search_writer, space
from alert_router.store.engine import Store, Unavailable, open_store
from alert_router.store.writer import Writer
from alert_router.web import application
from alert_router.web.access import Access
from alert_router.web.dependencies import State
from alert_router.web.live_updates import LiveUpdates
from alert_router.web.metrics import Metrics
from alert_router.web.operations import Operations
from alert_router.web.pages import Pages
from alert_router.web.passwords import Passwords
from alert_router.web.people import People
from alert_router.web.reload import ReloadCollector

log = logging.getLogger(__name__)
PREVIEW_PER_MINUTE = 1_200
"""Discord does not limit the preview; but rendering cards takes CPU time from the intake of alerts."""
START_S = 60.0
"""How long a start waits for the database before it fails."""
TICK_S = 0.5
"""How often the timers and the watchdog run."""
FALLBACK_S = 2.0
LOOPBACK_ADDRESSES = ("127.0.0.1", "::1")
"""A proxy here says for whom it asks, so that its clients do not count as this machine."""
OPTIMIZE_S = 3600.0
SILENCES_S = 30.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


SYSTEM_CLOCKS = Clocks(now=_utc_now, steady=time.monotonic)


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that runs, and what it runs on."""

    state: State
    store: Store
    writer: Writer
    http: httpx.AsyncClient
    channels: ChannelWorkers
    illustrator: Illustrator
    periodic: tuple[PeriodicTask, ...]
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    """By name, while it runs."""


def create_app(
    settings: Settings,
    *,
    clocks: Clocks = SYSTEM_CLOCKS,
    transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """The router as an ASGI application. transport: carries the requests to Discord; the network if None."""
    return serve(build(settings, clocks=clocks, transport=transport))


def serve(service: Service) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        async with running(service):
            yield service.state

    proxy = service.state["access"].current.proxy
    trusted = [*LOOPBACK_ADDRESSES, *(map(str, proxy.addresses) if proxy else ())]
    return application.create(service.state["settings"], lifespan, trusted_hosts=trusted)


def build(
    settings: Settings,
    *,
    clocks: Clocks,
    transport: httpx.AsyncBaseTransport | None,
    reread: Callable[[], Settings] | None = None,
) -> Service:
    """reread: the settings as they are now, for a reload; None: they stay. Raises ConfigError."""
    access = Access(reread or (lambda: settings))

    # httpx logs whole URLs at INFO: the webhook's token is in them.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus_client has no types for it
    holder = ConfigurationHolder(configuration_of(settings))
    reload = Reload(holder, partial(_load, settings, access), clocks.now)
    store = open_store(settings.database_url.get_secret_value())
    questions.end_between_statements(store.questions)
    writer = Writer(store)
    http = httpx.AsyncClient(transport=transport)
    fault = partial(health.database_fault, store, writer.outcomes)
    metrics = Metrics(store, clocks.now, holder, takes_writes=lambda: fault() is None)
    metrics.registry.register(ReloadCollector(reload))
    rate_limiter = RateLimiter(clocks.steady, per_minute=settings.channel_per_minute)
    prometheuses = Prometheuses(http, holder, settings.prometheus_url, clocks.steady)
    illustrator = Illustrator(
        prometheuses,
        ChartProcess() if charts.is_installed() else None,
        store=store,
        writer=writer,
        wake=lambda names: channels.wake(names),  # noqa: PLW0108 - they are built later
        now=clocks.now,
        observe=metrics.charted,
    )
    act_links = ActLinks(Signer(), settings.public_url, silences=bool(settings.alertmanager_urls))
    worker_of = _WorkerFactory(
        settings, http, store, writer, clocks, rate_limiter, holder, metrics, act_links, illustrator
    )
    channels = ChannelWorkers(worker_of, rate_limiter, writer)
    metrics.follow(channels)
    rules = _rules(settings)
    sync_now = asyncio.Event()
    router_intake = Intake(
        writer, rules=rules, configuration=holder, wake=channels.wake, on_hold=sync_now.set
    )
    reload.listeners += [access.follow, channels.reload, _adopt(router_intake, clocks)]
    sync = AlertmanagerSync(
        router_intake,
        http,
        settings.alertmanager_urls,
        rules=rules,
        clock=clocks.now,
        every_s=settings.reconcile_seconds,
        webhook_due_s=settings.group_interval_seconds,
    )
    sender_problems = SenderProblems(clocks.now)
    tasks: dict[str, asyncio.Task[None]] = {}
    check_health = partial(
        health.check, store, writer.outcomes, tasks, channels, holder, sync, reload, sender_problems
    )
    state = State(
        settings=settings,
        configuration=holder,
        reload=reload,
        store=store,
        intake=router_intake,
        metrics=metrics,
        pages=Pages(fault),
        live=LiveUpdates(store),
        clock=clocks.now,
        check_health=check_health,
        operations=Operations(check_health, metrics.registry),
        people=People(),
        sender_problems=sender_problems,
        access=access,
        passwords=Passwords(),
        act_links=act_links,
        silencer=Silencer(router_intake, http, settings.alertmanager_urls),
    )
    fallback = Fallback(
        holder,
        after_s=settings.fallback_after_seconds,
        started_at=clocks.now(),
        is_stopped=lambda name: not channels.is_up(name),
        store=store,
        writer=writer,
        wake=channels.wake,
        clock=clocks.now,
    )
    past = Backfill(
        store,
        writer,
        prometheuses,
        holder,
        rules=rules,
        clock=clocks.now,
        kept=settings.retention.alerts,
    )
    periodic = [
        *_timers(state, rules),
        *_keeping(state, store, writer),
        PeriodicTask("fallback", FALLBACK_S, fallback.run_once),
        PeriodicTask("presence", presence.EVERY_S, Presence(writer, clocks.now).run_once),
        PeriodicTask("backfill", backfill.EVERY_S, past.run_once),
        PeriodicTask("write probe", write_probe.EVERY_S, write_probe.WriteProbe(writer).run_once),
    ]
    if settings.alertmanager_urls:
        periodic.append(PeriodicTask("reconcile", settings.reconcile_seconds, sync.run_once, sync_now))
        reading = SilenceReading(writer, http, settings.alertmanager_urls)
        periodic.append(PeriodicTask("silences", SILENCES_S, reading.run_once))
    return Service(state, store, writer, http, channels, illustrator, tuple(periodic), tasks)


def _load(settings: Settings, access: Access) -> Configuration:
    """All that a reload reads. Raises ConfigError."""
    access.load()
    return configuration_of(settings)


def _adopt(intake: Intake, clocks: Clocks) -> Listener:
    """Route all that fires anew when the configuration is reloaded."""

    async def adopt(_before: Configuration, _new: Configuration) -> None:
        await intake.adopt(clocks.now())

    return adopt


def _rules(settings: Settings) -> Rules:
    return Rules(
        hold_s=settings.hold_seconds,
        flap_window_s=settings.flap_window_seconds,
        # Two queries in a row are two absences, at whatever interval.
        absences_apart_s=settings.reconcile_seconds / 2,
        warmup_s=settings.alertmanager_warmup_seconds,
    )


@dataclass(frozen=True, slots=True)
class _WorkerFactory:
    """Connects a channel of the configuration."""

    settings: Settings
    http: httpx.AsyncClient
    store: Store
    writer: Writer
    clocks: Clocks
    rate_limiter: RateLimiter
    configuration: ConfigurationHolder
    metrics: Metrics
    act_links: ActLinks
    illustrator: Illustrator
    templates: Templates = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "templates", Templates(self.settings.templates))

    def __call__(self, channel: config.Channel) -> DeliveryWorker:
        posts = ForumPosts(channel.forum) if channel.forum else None
        self.metrics.prime_channel(channel.name)
        return DeliveryWorker(
            channel.name,
            self._connect(channel),
            store=self.store,
            writer=self.writer,
            renderer=Renderer(
                self.templates,
                self.settings.public_url,
                posts,
                self.act_links,
                Links(self.settings.external_urls, local=channel.webhook_url is None),
            ),
            clocks=self.clocks,
            rate_limiter=self.rate_limiter,
            configuration=self.configuration,
            illustrator=self.illustrator,
            observe=partial(self.metrics.delivered, channel.name),
            observe_unreachable=self.metrics.unreachable_link,
        )

    def _connect(self, channel: config.Channel) -> Channel:
        if channel.webhook_url is None:
            self.rate_limiter.set_per_minute(channel.name, PREVIEW_PER_MINUTE)
            return PreviewChannel()
        webhook = webhook_urls.redacted(channel.webhook_url.get_secret_value())
        self.rate_limiter.register(channel.name, webhook=webhook)
        return DiscordChannel.configured(self.http, channel)


def _timers(state: State, rules: Rules) -> list[PeriodicTask]:
    settings, clock = state["settings"], state["clock"]
    timers = Timers(state["intake"], state["store"], clock, rules)
    watchdog = Watchdog(
        state["intake"], state["store"], clock, started_at=clock(), after_s=settings.watchdog_seconds
    )
    long = LongIncidents(state["intake"], state["store"], clock)
    return [
        PeriodicTask("timers", TICK_S, timers.run_once),
        PeriodicTask("watchdog", TICK_S, watchdog.run_once),
        PeriodicTask("memory", long_incidents.EVERY_S, long.run_once),
    ]


def _keeping(state: State, store: Store, writer: Writer) -> Iterator[PeriodicTask]:
    """What is kept beside the history, and what is removed of it, so that it costs the same at any age."""
    pruning = Pruning(store, writer, state["settings"].retention, state["clock"])
    yield PeriodicTask("retention", retention.EVERY_S, pruning.run_once)
    yield PeriodicTask("optimize", OPTIMIZE_S, lambda: writer.run(space.optimize))
    yield PeriodicTask("history-sums", history_sums.EVERY_S, HistorySums(store, writer).run_once)
    search = search_writer.of_store(store)
    if search is not None:
        indexing = SearchIndexing(store, search)
        yield PeriodicTask("search-index", search_indexing.EVERY_S, indexing.run_once)


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    """Migrate the tables, start the writer, then its users; stop in the opposite order."""
    await _prepare_when_available(service)
    service.writer.start()
    await service.channels.follow(service.state["configuration"].current)
    service.tasks["reload"] = asyncio.create_task(service.state["reload"].serve_requests())
    for periodic in service.periodic:
        service.tasks[periodic.name] = asyncio.create_task(scheduler.repeat(periodic))
    try:
        yield
    finally:
        service.state["people"].close()
        service.state["operations"].close()
        await service.channels.stop()
        await service.illustrator.close()
        for task in service.tasks.values():
            task.cancel()
        await asyncio.gather(*service.tasks.values(), return_exceptions=True)
        await asyncio.to_thread(service.writer.close)
        await service.http.aclose()
        await asyncio.to_thread(service.store.close)


async def _prepare_when_available(service: Service) -> None:
    """Raises Unavailable when the database stays away for START_S."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            return await asyncio.to_thread(_prepare, service)
        except Unavailable as error:
            if time.monotonic() > deadline:
                raise
            log.warning("not started yet: the database is not available: %s", error)
        await asyncio.sleep(TICK_S)


def _prepare(service: Service) -> None:
    migrate.upgrade(service.store)
    with service.store.write() as conn:
        if service.store.dialect == "sqlite":  # the file has this one router: claims of its last run are void
            card_queue.release_all(conn)
        service.state["act_links"].signer.key = _link_key(service.state["settings"], conn)
        service.state["intake"].adopt_in(conn, service.state["clock"]())


def _link_key(settings: Settings, conn: sa.Connection) -> bytes:
    if settings.link_key is not None:
        return settings.link_key.get_secret_value().encode()
    return link_keys.kept(conn, secrets.token_urlsafe(32)).encode()
