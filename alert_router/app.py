"""The composition root: builds the parts and joins them. The only place that knows the time of day."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import httpx
import sqlalchemy as sa
from fastapi import FastAPI
from prometheus_client import disable_created_metrics

from alert_router.delivery import Channel, Clocks, Delivery, Pacer
from alert_router.discord.client import DiscordChannel
from alert_router.discord.embeds import Renderer
from alert_router.discord.preview import PreviewChannel
from alert_router.discord.templates import Templates
from alert_router.intake import Intake
from alert_router.model import ChannelName, Rules
from alert_router.settings import Settings
from alert_router.store import alerts, cards, migrate
from alert_router.store.engine import Store, Unavailable, open_store
from alert_router.store.writer import Writer
from alert_router.web import site
from alert_router.web.metrics import Metrics
from alert_router.web.parts import Parts

log = logging.getLogger(__name__)
TICK_S = 0.5
"""How often time is asked what it changed: holds and reports that run out."""
UNPACED = 1_000_000
"""Requests in a minute, for a channel that is a page of our own."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


SYSTEM_CLOCKS = Clocks(now=_utc_now, steady=time.monotonic)


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that runs, and what it runs on."""

    parts: Parts
    store: Store
    writer: Writer
    http: httpx.AsyncClient
    delivery: Delivery
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
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with running(service):
            yield

    return site.create(service.parts, lifespan)


def build(settings: Settings, *, clocks: Clocks, transport: httpx.AsyncBaseTransport | None) -> Service:
    # httpx logs whole URLs at INFO: the webhook's token is in them.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    disable_created_metrics()  # type: ignore[no-untyped-call] # theirs has no types
    store = open_store(settings.database_url.get_secret_value())
    writer = Writer(store)
    http = httpx.AsyncClient(transport=transport)
    name, channel = _channel(settings, http)
    per_minute = settings.channel_per_minute if settings.discord_webhook_url else UNPACED
    metrics = Metrics(store, clocks.now, [name])
    delivery = Delivery(
        name,
        channel,
        store=store,
        writer=writer,
        renderer=Renderer(Templates(settings.templates), settings.public_url),
        clocks=clocks,
        pacer=Pacer(clocks.steady, per_minute=per_minute),
        per_minute=per_minute,
        observe=partial(metrics.delivered, name),
    )
    rules = Rules(hold_s=settings.hold_seconds, flap_window_s=settings.flap_window_seconds)
    intake = Intake(writer, rules=rules, channels=[name], wake=delivery.wake)
    tasks: dict[str, asyncio.Task[None]] = {}
    parts = Parts(settings, store, intake, metrics, clocks.now, partial(_not_ready, store, tasks))
    return Service(parts, store, writer, http, delivery, tasks)


def _channel(settings: Settings, http: httpx.AsyncClient) -> tuple[ChannelName, Channel]:
    if settings.discord_webhook_url is None:
        return ChannelName("preview"), PreviewChannel()
    return ChannelName("discord"), DiscordChannel(http, settings.discord_webhook_url)


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    """Tables at their newest, then the writer, then those who use it; stopped in the opposite order."""
    await asyncio.to_thread(_prepare, service.store)
    service.writer.start()
    service.tasks["delivery"] = asyncio.create_task(service.delivery.run(), name="delivery")
    service.tasks["timekeeping"] = asyncio.create_task(_keep_time(service.parts), name="timekeeping")
    try:
        yield
    finally:
        await service.delivery.stop()
        for task in service.tasks.values():
            task.cancel()
        await asyncio.gather(*service.tasks.values(), return_exceptions=True)
        await asyncio.to_thread(service.writer.close)
        await service.http.aclose()
        service.store.close()


def _prepare(store: Store) -> None:
    migrate.upgrade(store)
    if store.dialect == "sqlite":  # the file has one router, and this is it: its former claims are void
        with store.write() as conn:
            cards.release_all(conn)


async def _keep_time(parts: Parts) -> None:
    while True:
        await asyncio.sleep(TICK_S)
        with contextlib.suppress(Unavailable):  # it is asked again in a moment
            if await asyncio.to_thread(_is_anything_due, parts):
                await parts.intake.pass_time(parts.now())


def _is_anything_due(parts: Parts) -> bool:
    with parts.store.read() as conn:
        return bool(alerts.due(conn, parts.now()))


def _not_ready(store: Store, tasks: Mapping[str, asyncio.Task[None]]) -> dict[str, str]:
    missing = {name: "has stopped" for name, task in tasks.items() if task.done()}
    try:
        with store.read() as conn:
            conn.execute(sa.select(1))
    except Unavailable as error:
        missing["database"] = f"does not answer: {error}"
    return missing
