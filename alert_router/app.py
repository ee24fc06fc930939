"""The composition root: builds the parts and connects them. Only this module reads the system's clocks."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import httpx
from fastapi import FastAPI
from prometheus_client import disable_created_metrics

from alert_router.delivery import Channel, Clocks, DeliveryWorker, RateLimiter
from alert_router.discord.client import DiscordChannel
from alert_router.discord.embeds import Renderer
from alert_router.discord.preview import PreviewChannel
from alert_router.discord.templates import Templates
from alert_router.domain.model import DISCORD, FALLBACK, PREVIEW, ChannelName, Rules
from alert_router.services import health, intake, scheduler
from alert_router.services.alertmanager_sync import AlertmanagerSync
from alert_router.services.fallback import Fallback
from alert_router.services.intake import Intake
from alert_router.services.scheduler import PeriodicTask
from alert_router.services.timers import Timers
from alert_router.services.watchdog import Watchdog
from alert_router.settings import Settings
from alert_router.store import card_queue, migrate
from alert_router.store.engine import Store, Unavailable, open_store
from alert_router.store.writer import Writer
from alert_router.web import application
from alert_router.web.dependencies import State
from alert_router.web.metrics import Metrics
from alert_router.web.pages import Pages

log = logging.getLogger(__name__)
PREVIEW_PER_MINUTE = 1_200
"""Discord does not limit the preview; but rendering cards takes CPU time from the intake of alerts."""
START_S = 60.0
"""How long a start waits for the database before it fails."""
TICK_S = 0.5
"""How often the timers and the watchdog run."""
FALLBACK_S = 2.0


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
    main: ChannelName
    workers: tuple[DeliveryWorker, ...]
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

    return application.create(service.state["settings"], lifespan)


def build(settings: Settings, *, clocks: Clocks, transport: httpx.AsyncBaseTransport | None) -> Service:
    # httpx logs whole URLs at INFO: the webhook's token is in them.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus_client has no types for it
    store = open_store(settings.database_url.get_secret_value())
    writer = Writer(store)
    http = httpx.AsyncClient(transport=transport)
    channels = _channels(settings, http)
    metrics = Metrics(store, clocks.now, tuple(channels))
    workers = _workers(settings, channels, store, writer, clocks, metrics)
    rules = _rules(settings)
    sync_now = asyncio.Event()
    router_intake = Intake(
        writer, rules=rules, channels=[workers[0].name], wake=workers[0].wake, on_hold=sync_now.set
    )
    sync = AlertmanagerSync(router_intake, http, settings.alertmanager_urls, rules=rules, clock=clocks.now)
    tasks: dict[str, asyncio.Task[None]] = {}
    state = State(
        settings=settings,
        store=store,
        intake=router_intake,
        metrics=metrics,
        pages=Pages(),
        clock=clocks.now,
        check_health=partial(health.check, store, tasks, workers, sync),
    )
    periodic = [*_timers(state, rules), *_fallback(settings, workers, writer, clocks.now)]
    if settings.alertmanager_urls:
        periodic.append(PeriodicTask("reconcile", settings.reconcile_seconds, sync.run_once, sync_now))
    return Service(state, store, writer, http, workers[0].name, workers, tuple(periodic), tasks)


def _rules(settings: Settings) -> Rules:
    return Rules(
        hold_s=settings.hold_seconds,
        flap_window_s=settings.flap_window_seconds,
        # Two queries in a row are two absences, at whatever interval.
        absences_apart_s=settings.reconcile_seconds / 2,
        warmup_s=settings.alertmanager_warmup_seconds,
    )


def _channels(settings: Settings, http: httpx.AsyncClient) -> dict[ChannelName, Channel]:
    """The main channel first."""
    if settings.discord_webhook_url is None:
        return {PREVIEW: PreviewChannel()}
    channels: dict[ChannelName, Channel] = {DISCORD: DiscordChannel(http, settings.discord_webhook_url)}
    if settings.fallback_webhook_url is not None:
        channels[FALLBACK] = DiscordChannel(http, settings.fallback_webhook_url)
    return channels


def _workers(
    settings: Settings,
    channels: dict[ChannelName, Channel],
    store: Store,
    writer: Writer,
    clocks: Clocks,
    metrics: Metrics,
) -> tuple[DeliveryWorker, ...]:
    per_minute = PREVIEW_PER_MINUTE if PREVIEW in channels else settings.channel_per_minute
    rate_limiter = RateLimiter(clocks.steady, per_minute=per_minute)
    renderer = Renderer(Templates(settings.templates), settings.public_url)
    return tuple(
        DeliveryWorker(
            name,
            channel,
            store=store,
            writer=writer,
            renderer=renderer,
            clocks=clocks,
            rate_limiter=rate_limiter,
            observe=partial(metrics.delivered, name),
        )
        for name, channel in channels.items()
    )


def _timers(state: State, rules: Rules) -> list[PeriodicTask]:
    settings, clock = state["settings"], state["clock"]
    timers = Timers(state["intake"], state["store"], clock, settings.remind_every, rules)
    watchdog = Watchdog(
        state["intake"], state["store"], clock, started_at=clock(), after_s=settings.watchdog_seconds
    )
    return [
        PeriodicTask("timers", TICK_S, timers.run_once),
        PeriodicTask("watchdog", TICK_S, watchdog.run_once),
    ]


def _fallback(
    settings: Settings, workers: tuple[DeliveryWorker, ...], writer: Writer, clock: Callable[[], datetime]
) -> list[PeriodicTask]:
    if len(workers) == 1:
        return []
    main, other = workers
    fallback = Fallback(
        main.name,
        other.name,
        after_s=settings.fallback_after_seconds,
        started_at=clock(),
        is_stopped=lambda: main.stopped is not None,
        writer=writer,
        wake=other.wake,
        clock=clock,
    )
    return [PeriodicTask("fallback", FALLBACK_S, fallback.run_once)]


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    """Migrate the tables, start the writer, then its users; stop in the opposite order."""
    await _prepare_when_available(service)
    service.writer.start()
    for worker in service.workers:
        service.tasks[f"delivery to {worker.name}"] = asyncio.create_task(worker.run())
    for periodic in service.periodic:
        service.tasks[periodic.name] = asyncio.create_task(scheduler.repeat(periodic))
    try:
        yield
    finally:
        await asyncio.gather(*(worker.stop() for worker in service.workers))
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
        intake.enqueue_unannounced(conn, service.main, service.state["clock"]())
