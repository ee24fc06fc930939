"""The composition root of the model service: builds the parts from the settings and joins them. Port 8000."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from fastapi import FastAPI

from backend.regmodel.app import openapi, problems
from backend.regmodel.app.api import evaluation, models, observations, ops, predict, sensors, training
from backend.regmodel.app.collectors import StateCollector
from backend.regmodel.app.middleware.body_limit import BodyLimitMiddleware
from backend.regmodel.app.middleware.prometheus_metrics import Metrics, PrometheusMiddleware
from backend.regmodel.app.state import Lifespan, Service
from backend.regmodel.data.source import Source
from backend.regmodel.jobs.data_store import DataStore
from backend.regmodel.jobs.runs import RunTable
from backend.regmodel.jobs.trainer import Trainer
from backend.regmodel.jobs.workers import Worker
from backend.regmodel.measurements import Measurements
from backend.regmodel.registry.champions import Champions
from backend.regmodel.registry.registry import Registry
from backend.regmodel.registry.storage import Storage
from backend.regmodel.settings import Settings

MAX_BODY_BYTES = 16 * 1024 * 1024
MODULES = (predict, training, evaluation, models, observations, sensors, ops)


def create_app_from_env() -> FastAPI:
    """For `uvicorn --factory`."""
    return create_app(Settings())


def create_app(settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> FastAPI:
    measurements = Measurements(settings.state_dir / "measured.json")
    metrics = Metrics(measurements)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[Lifespan]:
        async with _running(settings, measurements, metrics, clock) as service:
            yield {"service": service}

    app = FastAPI(
        title="Bicycle counts: model service",
        summary="Forecasts hourly bicycle counts, trains and measures its models.",
        lifespan=lifespan,
    )
    problems.install(app)
    openapi.install(app)
    app.add_middleware(BodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(PrometheusMiddleware, metrics=metrics)
    for module in MODULES:
        app.include_router(module.router)
        metrics.initialize(module.router)
    return app


@contextlib.asynccontextmanager
async def _running(
    settings: Settings, measurements: Measurements, metrics: Metrics, clock: Callable[[], datetime]
) -> AsyncIterator[Service]:
    data = DataStore(
        Source(settings.data_dir, settings.state_dir / "observations.db", settings.generated_counters)
    )
    champions = Champions(Registry(Storage.at(settings.registry)))
    champions.refresh()
    runs = RunTable(settings.state_dir / "runs")
    for run in runs.close_interrupted(clock(), champions.summary):
        metrics.queue_interrupted(run)
    trainings = Worker("training", memory_mb=settings.train_memory_mb)
    measurer = Worker("measuring", memory_mb=settings.train_memory_mb)

    trainer = Trainer(
        settings=settings,
        runs=runs,
        champions=champions,
        data=data,
        worker=trainings,
        on_end=metrics.training_ended,
        clock=clock,
    )
    refresher = asyncio.create_task(_refresh(champions, runs, settings.registry_refresh_seconds))
    service = Service(
        settings=settings,
        data=data,
        champions=champions,
        runs=runs,
        trainer=trainer,
        measurer=measurer,
        measurements=measurements,
        metrics=metrics,
        clock=clock,
    )
    try:
        with metrics.of_state(StateCollector(data, champions)):
            yield service
    finally:
        refresher.cancel()
        # The trainer first: it would take the end of its worker process for a failure of the training.
        await trainer.stop()
        trainings.stop()
        measurer.stop()
        await asyncio.gather(refresher, return_exceptions=True)


async def _refresh(champions: Champions, runs: RunTable, every_s: float) -> None:
    """Load promotions of other processes, and write the runs that a full disk did not take."""
    while True:
        await asyncio.sleep(every_s)
        runs.flush()
        await asyncio.to_thread(champions.refresh)
