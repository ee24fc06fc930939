"""The composition root: builds the parts and joins them. The only place that knows the time of day."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import httpx
from fastapi import FastAPI
from prometheus_client import disable_created_metrics
from pydantic import SecretStr

from alert_router.delivery import Channel, Clocks, DeliveryWorker, RateLimiter
from alert_router.discord.client import DiscordChannel
from alert_router.discord.embeds import Renderer
from alert_router.discord.preview import PreviewChannel
from alert_router.discord.templates import Templates
from alert_router.domain.model import DISCORD, FALLBACK, PREVIEW, ChannelName, Rules
from alert_router.services import health, intake
from alert_router.services.alertmanager_sync import Reconcile
from alert_router.services.fallback import Fallback
from alert_router.services.intake import Intake
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
"""A page of our own needs no pace; what draws cards takes time from what takes alerts in."""
RECONCILE = "reconcile"
START_S = 60.0
"""How long a start waits for the database; after that whoever started us should hear of it."""
TICK_S = 0.5
"""How often time is asked what it changed."""
FALLBACK_S = 2.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


SYSTEM_CLOCKS = Clocks(now=_utc_now, steady=time.monotonic)
Turn = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that runs, and what it runs on."""

    state: State
    store: Store
    writer: Writer
    http: httpx.AsyncClient
    deliveries: tuple[DeliveryWorker, ...]
    turns: dict[str, tuple[float, Turn]]
    """What is done again and again beside delivering: every so many seconds, by name."""
    doubt: asyncio.Event
    """Set when a signal is held: Alertmanager is asked at once instead of at the next turn."""
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)


def create_app(
    settings: Settings,
    *,
    clocks: Clocks = SYSTEM_CLOCKS,
    transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """The router as an ASGI application. transport: what carries requests to Discord; the network if None."""
    service = build(settings, clocks=clocks, transport=transport)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        async with running(service):
            yield service.state

    return application.create(settings, lifespan)


def build(settings: Settings, *, clocks: Clocks, transport: httpx.AsyncBaseTransport | None) -> Service:
    # httpx logs whole URLs at INFO: the webhook's token is in them.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    disable_created_metrics()  # type: ignore[no-untyped-call] # theirs has no types
    store = open_store(settings.database_url.get_secret_value())
    writer = Writer(store)
    http = httpx.AsyncClient(transport=transport)
    channels = _channels(settings, http)
    metrics = Metrics(store, clocks.now, tuple(channels))
    deliveries = _deliveries(settings, channels, store, writer, clocks, metrics)
    main = deliveries[0]
    rules = _rules(settings)
    doubt = asyncio.Event()
    entrance = Intake(writer, rules=rules, channels=[main.name], wake=main.wake, doubt=doubt.set)
    tasks: dict[str, asyncio.Task[None]] = {}
    reconcile = Reconcile(entrance, http, settings.alertmanager_urls, rules=rules)
    examine = partial(health.examine, store, tasks, deliveries, reconcile)
    state = State(
        settings=settings,
        store=store,
        intake=entrance,
        metrics=metrics,
        pages=Pages(),
        clock=clocks.now,
        check_health=examine,
    )
    turns = _turns(settings, state, deliveries, writer, reconcile)
    return Service(state, store, writer, http, deliveries, turns, doubt, tasks)


def _rules(settings: Settings) -> Rules:
    return Rules(
        hold_s=settings.hold_seconds,
        flap_window_s=settings.flap_window_seconds,
        # Two looks in a row are two absences, however often we look.
        absences_apart_s=settings.reconcile_seconds / 2,
        warmup_s=settings.alertmanager_warmup_seconds,
    )


def _channels(settings: Settings, http: httpx.AsyncClient) -> dict[ChannelName, Channel]:
    """The main channel first."""

    def webhook(url: SecretStr) -> Channel:
        return DiscordChannel(http, url)

    if settings.discord_webhook_url is None:
        return {PREVIEW: PreviewChannel()}
    main = {DISCORD: webhook(settings.discord_webhook_url)}
    other = settings.fallback_webhook_url
    return main if other is None else {**main, FALLBACK: webhook(other)}


def _deliveries(
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
            per_minute=per_minute,
            observe=partial(metrics.delivered, name),
        )
        for name, channel in channels.items()
    )


def _turns(
    settings: Settings,
    state: State,
    deliveries: tuple[DeliveryWorker, ...],
    writer: Writer,
    reconcile: Reconcile,
) -> dict[str, tuple[float, Turn]]:
    now = state["clock"]
    timekeeping = Timers(state["intake"], settings.remind_every, _rules(settings))
    watchdog = Watchdog(state["intake"], started_at=now(), after_s=settings.watchdog_seconds)
    turns: dict[str, tuple[float, Turn]] = {
        "timekeeping": (TICK_S, lambda: timekeeping.turn_if_due(state["store"], now)),
        "watchdog": (TICK_S, lambda: watchdog.turn(state["store"], now())),
    }
    if settings.alertmanager_urls:
        turns[RECONCILE] = (settings.reconcile_seconds, lambda: reconcile.turn(now()))
    if len(deliveries) > 1:
        main, other = deliveries
        fallback = Fallback(
            main.name,
            other.name,
            after_s=settings.fallback_after_seconds,
            started_at=now(),
            is_stopped=lambda: main.stopped is not None,
            writer=writer,
            wake=other.wake,
        )
        turns["fallback"] = (FALLBACK_S, lambda: fallback.turn(now()))
    return turns


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    """Tables at their newest, then the writer, then those who use it; stopped in the opposite order."""
    await _prepared(service.store, service.deliveries[0].name, service.state["clock"])
    service.writer.start()
    for delivery in service.deliveries:
        service.tasks[f"delivery to {delivery.name}"] = asyncio.create_task(delivery.run())
    for name, (every_s, turn) in service.turns.items():
        service.tasks[name] = asyncio.create_task(
            _again_and_again(name, every_s, turn, service.doubt if name == RECONCILE else asyncio.Event())
        )
    try:
        yield
    finally:
        await asyncio.gather(*(delivery.stop() for delivery in service.deliveries))
        for task in service.tasks.values():
            task.cancel()
        await asyncio.gather(*service.tasks.values(), return_exceptions=True)
        await asyncio.to_thread(service.writer.close)
        await service.http.aclose()
        await asyncio.to_thread(service.store.close)


async def _prepared(store: Store, main: ChannelName, now: Callable[[], datetime]) -> None:
    """Raises Unavailable when the database stays away: who is started before it waits for it."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            return await asyncio.to_thread(_prepare, store, main, now())
        except Unavailable as error:
            if time.monotonic() > deadline:
                raise
            log.warning("not started yet: the database is away: %s", error)
        await asyncio.sleep(TICK_S)


def _prepare(store: Store, main: ChannelName, now: datetime) -> None:
    migrate.upgrade(store)
    with store.write() as conn:
        if store.dialect == "sqlite":  # the file has one router, and this is it: its former claims are void
            card_queue.release_all(conn)
        intake.adopt(conn, main, now)


async def _again_and_again(name: str, every_s: float, turn: Turn, asked: asyncio.Event) -> None:
    """asked: a turn out of turn is wanted."""
    while True:
        asked.clear()
        try:
            await turn()
        except Unavailable as error:
            log.warning("%s: the database is away: %s", name, error)
        except Exception:  # an error of ours in one turn must not end all that follow
            log.exception("%s failed", name)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), every_s)
