"""Queues trainings and runs them one after the other in the training process."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.regmodel.data.counts import Window
from backend.regmodel.jobs import tasks
from backend.regmodel.jobs.data_store import DataStore
from backend.regmodel.jobs.runs import Run, RunTable, State
from backend.regmodel.jobs.tasks import Failed, Fitted, TrainingJob
from backend.regmodel.jobs.workers import Worker, WorkerDied
from backend.regmodel.model.decision import DecisionKind, Limits
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.model.training import TrainingSpec
from backend.regmodel.registry.champions import Champions, LoadedModel
from backend.regmodel.registry.registry import RegistryError
from backend.regmodel.registry.summary import EvaluationRecord, Model, Span, Summary, promote, with_model
from backend.regmodel.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """The parameters of one /train, with every default filled in."""

    model_type: ModelType
    window: Window
    test_mode: bool
    hyperparameters: dict[str, Any]
    holdout_days: int
    promote_if_better: bool
    idempotency_key: str | None


class TooManyWaiting(Exception):
    pass


class Trainer:
    def __init__(
        self,
        *,
        settings: Settings,
        runs: RunTable,
        champions: Champions,
        data: DataStore,
        worker: Worker,
        on_end: Callable[[Run, float], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._runs = runs
        self._champions = champions
        self._data = data
        self._worker = worker
        self._on_end = on_end
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, request: TrainingRequest) -> Run:
        """The run is on disk when this returns. A known key gives its run, unless that one failed."""
        if request.idempotency_key and (known := self._runs.find_by_key(request.idempotency_key)):
            return known
        if self._runs.waiting() >= self._settings.max_waiting_runs:
            raise TooManyWaiting(f"{self._runs.waiting()} training runs are waiting already")
        now = self._clock()
        run = Run(
            run_id=f"{request.model_type.value}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
            model_type=request.model_type,
            state=State.QUEUED,
            submitted_at=now,
            test_mode=request.test_mode,
            idempotency_key=request.idempotency_key,
        )
        self._runs.create(run)
        task = asyncio.create_task(self._run_in_turn(run, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run

    async def stop(self) -> None:
        """Leave unfinished runs on disk as they are; the next start closes them as interrupted."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run_in_turn(self, run: Run, request: TrainingRequest) -> None:
        async with self._one_at_a_time:
            run = run.changed(state=State.RUNNING, started_at=self._clock())
            self._runs.record(run)
            started = time.perf_counter()
            ended = await self._execute(run, request)
            self._runs.record(ended)
            self._on_end(ended, time.perf_counter() - started)
        log.info("training %s %s%s", run.run_id, ended.state, f": {ended.reason}" if ended.reason else "")

    async def _execute(self, run: Run, request: TrainingRequest) -> Run:
        try:
            job = self._job(run, request, self._champions.get(request.model_type))
            fitted = await self._worker.run(self._settings.train_timeout_seconds, tasks.train_model, job)
            if isinstance(fitted, Failed):
                return self._failed(run, fitted.reason)
            return await asyncio.to_thread(self._register, run, request, job, fitted)
        except (WorkerDied, RegistryError, OSError) as error:
            return self._failed(run, str(error))
        except Exception as error:
            # The edge of a background task: it has no awaiter, and a run must not stay "running" forever.
            log.exception("training %s failed", run.run_id)
            return self._failed(run, f"{type(error).__name__}: {error}")

    def _failed(self, run: Run, reason: str) -> Run:
        return run.changed(state=State.FAILED, finished_at=self._clock(), reason=reason)

    def _job(self, run: Run, request: TrainingRequest, champion: LoadedModel | None) -> TrainingJob:
        settings = self._settings
        fixed = self._champions.summary.baseline
        spec = TrainingSpec(
            model_type=request.model_type,
            window=request.window,
            holdout_days=request.holdout_days,
            baseline=settings.baseline or (fixed.window if fixed else None),
            test_mode=request.test_mode,
            min_rows=settings.min_rows,
            min_train_rows=settings.min_train_rows,
            limits=Limits(settings.min_improvement, settings.baseline_tolerance),
            hyperparameters=request.hyperparameters,
        )
        return TrainingJob(
            run_id=run.run_id,
            spec=spec,
            data=self._data.for_workers(),
            registry_url=settings.registry,
            champion_run_id=champion.model.run_id if champion else None,
            champion_fit=champion.model.fit.window if champion else None,
            champion_left_out=champion.model.left_out.window
            if champion and champion.model.left_out
            else None,
            stage_file=self._runs.stage_file(run.run_id),
        )

    def _register(self, run: Run, request: TrainingRequest, job: TrainingJob, fitted: Fitted) -> Run:
        """Add the model to the registry; promote it in the same version when requested and better."""
        now = self._clock()
        model = self._model(run, job, fitted, now)
        deploy = request.promote_if_better and model.decision is DecisionKind.DEPLOY

        def change(summary: Summary) -> Summary:
            after = with_model(summary, model, keep=self._settings.keep_models)
            # The challenger was compared with one champion. Another may have been promoted since.
            if not deploy or summary.champions.get(model.model_type) != model.champion_run_id:
                return after
            return promote(after, model.model_type, model.run_id, expected=model.champion_run_id, now=now)

        summary = self._champions.change(change, now)
        is_champion = summary.champions.get(model.model_type) == model.run_id
        return run.changed(state=State.SUCCEEDED, finished_at=now, result=model, promoted=is_champion)

    def _model(self, run: Run, job: TrainingJob, fitted: Fitted, now: datetime) -> Model:
        spec = job.spec
        return Model(
            run_id=run.run_id,
            model_type=run.model_type,
            test_mode=spec.test_mode,
            created_at=now,
            fit=Span.of(spec.fit_window),
            holdout=Span.of(spec.holdout),
            rows=fitted.rows,
            fit_seconds=fitted.fit_seconds,
            hyperparameters=spec.hyperparameters,
            data=job.data.origin,
            challenger=EvaluationRecord.of(fitted.challenger),
            champion=EvaluationRecord.of(fitted.champion) if fitted.champion else None,
            champion_run_id=job.champion_run_id,
            decision=fitted.decision.kind,
            reason=fitted.decision.reason,
            improvement=fitted.decision.improvement,
            left_out=Span.of(spec.baseline) if spec.baseline else None,
        )
