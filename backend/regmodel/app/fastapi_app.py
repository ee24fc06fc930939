"""The composition root of the model service: builds the parts from the settings and joins them. Port 8000."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import TypedDict

from fastapi import FastAPI

from backend.regmodel.app import problems
from backend.regmodel.app.api import evaluation, models, observations, ops, predict, training
from backend.regmodel.app.auth import DOCUMENTED
from backend.regmodel.app.middleware.prometheus_metrics import Metrics, PrometheusMiddleware
from backend.regmodel.app.state import Service
from backend.regmodel.data.source import Source
from backend.regmodel.jobs.data_store import DataStore
from backend.regmodel.jobs.runs import Run, RunTable, State
from backend.regmodel.jobs.trainer import Trainer
from backend.regmodel.jobs.workers import Worker
from backend.regmodel.measurements import Measurements
from backend.regmodel.registry.champions import Champions
from backend.regmodel.registry.registry import Registry
from backend.regmodel.registry.storage import Storage
from backend.regmodel.settings import Settings

MAX_BODY_BYTES = 16 * 1024 * 1024


class Lifespan(TypedDict):
    service: Service


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
        max_body_size=MAX_BODY_BYTES,
    )
    problems.install(app)
    app.add_middleware(PrometheusMiddleware, metrics=metrics)
    for module in (predict, training, evaluation, models, observations):
        app.include_router(module.router, dependencies=DOCUMENTED)
        metrics.expect(module.router)
    app.include_router(ops.router)
    metrics.expect(ops.router)
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
    for run in runs.settle_interrupted(clock(), champions.summary):
        metrics.found_at_start(succeeded=run.state is State.SUCCEEDED, model_type=run.model_type)
    trainings, measurer = Worker("training"), Worker("measuring")

    def ended(run: Run, seconds: float) -> None:
        succeeded = run.state is State.SUCCEEDED
        metrics.training_ended(succeeded=succeeded, model_type=run.model_type, seconds=seconds)

    trainer = Trainer(
        settings=settings,
        runs=runs,
        champions=champions,
        data=data,
        worker=trainings,
        ended=ended,
        clock=clock,
    )
    refresher = asyncio.create_task(_keep_fresh(champions, runs, settings.registry_refresh_seconds))
    try:
        yield Service(
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
    finally:
        refresher.cancel()
        # The trainer first: a process ended under it would be told as a failure of the training.
        await trainer.stop()
        trainings.stop()
        measurer.stop()
        await asyncio.gather(refresher, return_exceptions=True)


async def _keep_fresh(champions: Champions, runs: RunTable, every_s: float) -> None:
    """Promotions made by another process are noticed within this time; our own are at once.

    Runs that a full disk did not take are written by the way.
    """
    while True:
        await asyncio.sleep(every_s)
        runs.write_again()
        await asyncio.to_thread(champions.refresh)
