"""Takes training orders and carries them out one after the other in the training process."""

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
from backend.regmodel.jobs.tasks import Failed, Fitted, Training
from backend.regmodel.jobs.workers import Worker, WorkerDied
from backend.regmodel.model.decision import Limits, Verdict
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.model.training import Order
from backend.regmodel.registry.champions import Champions, Loaded
from backend.regmodel.registry.registry import RegistryError
from backend.regmodel.registry.summary import Examined, Model, Span, Summary, promoted, with_model
from backend.regmodel.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller of /train asked for."""

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
        ended: Callable[[Run, float], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._runs = runs
        self._champions = champions
        self._data = data
        self._worker = worker
        self._ended = ended
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, wish: Wish) -> Run:
        """The run is on disk when this returns. A key seen before gives its run, unless that one failed."""
        if wish.idempotency_key and (known := self._runs.with_key(wish.idempotency_key)):
            return known
        if self._runs.waiting() >= self._settings.max_waiting_runs:
            raise TooManyWaiting(f"{self._runs.waiting()} training runs are waiting already")
        now = self._clock()
        run = Run(
            run_id=f"{wish.model_type.value}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
            model_type=wish.model_type,
            state=State.QUEUED,
            submitted_at=now,
            idempotency_key=wish.idempotency_key,
        )
        self._runs.put(run)
        task = asyncio.create_task(self._in_turn(run, wish))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run

    async def stop(self) -> None:
        """Leave runs as they are on disk; the next start calls them interrupted."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _in_turn(self, run: Run, wish: Wish) -> None:
        async with self._one_at_a_time:
            run = run.changed(state=State.RUNNING, started_at=self._clock())
            self._runs.note(run)
            started = time.perf_counter()
            ended = await self._carried_out(run, wish)
            self._runs.note(ended)
            self._ended(ended, time.perf_counter() - started)
        log.info("training %s %s%s", run.run_id, ended.state, f": {ended.reason}" if ended.reason else "")

    async def _carried_out(self, run: Run, wish: Wish) -> Run:
        try:
            training = self._training(run, wish, self._champions.get(wish.model_type))
            fitted = await self._worker.run(self._settings.train_timeout_seconds, tasks.train_model, training)
            if isinstance(fitted, Failed):
                return self._failed(run, fitted.reason)
            return await asyncio.to_thread(self._recorded, run, wish, training, fitted)
        except (WorkerDied, RegistryError, OSError) as error:
            return self._failed(run, str(error))
        except Exception as error:
            # The edge of a background task: nobody awaits it, and a run must not stay "running" for ever.
            log.exception("training %s failed", run.run_id)
            return self._failed(run, f"{type(error).__name__}: {error}")

    def _failed(self, run: Run, reason: str) -> Run:
        return run.changed(state=State.FAILED, finished_at=self._clock(), reason=reason)

    def _training(self, run: Run, wish: Wish, champion: Loaded | None) -> Training:
        settings = self._settings
        fixed = self._champions.summary.baseline
        order = Order(
            model_type=wish.model_type,
            window=wish.window,
            holdout_days=wish.holdout_days,
            baseline=settings.baseline or (fixed.window if fixed else None),
            test_mode=wish.test_mode,
            min_rows=settings.min_rows,
            min_train_rows=settings.min_train_rows,
            limits=Limits(settings.min_improvement, settings.baseline_tolerance),
            hyperparameters=wish.hyperparameters,
        )
        return Training(
            run_id=run.run_id,
            order=order,
            data=self._data.for_workers(),
            registry_url=settings.registry,
            champion_run_id=champion.model.run_id if champion else None,
            champion_fit=champion.model.fit.window if champion else None,
            champion_left_out=champion.model.left_out.window
            if champion and champion.model.left_out
            else None,
            stage_file=self._runs.stage_file(run.run_id),
        )

    def _recorded(self, run: Run, wish: Wish, training: Training, fitted: Fitted) -> Run:
        """Enter the model into the registry; if wished and won, make it champion in the same version."""
        now = self._clock()
        model = self._model(run, training, fitted, now)
        deploy = wish.promote_if_better and model.decision is Verdict.DEPLOY

        def change(summary: Summary) -> Summary:
            after = with_model(summary, model, keep=self._settings.keep_models)
            # The comparison was with one champion; if there is another by now, it proves
            # nothing about that one.
            if not deploy or summary.champions.get(model.model_type) != model.champion_run_id:
                return after
            return promoted(after, model.model_type, model.run_id, expected=model.champion_run_id, now=now)

        summary = self._champions.change(change, now)
        is_champion = summary.champions.get(model.model_type) == model.run_id
        return run.changed(state=State.SUCCEEDED, finished_at=now, result=model, promoted=is_champion)

    def _model(self, run: Run, training: Training, fitted: Fitted, now: datetime) -> Model:
        order = training.order
        return Model(
            run_id=run.run_id,
            model_type=run.model_type,
            test_mode=order.test_mode,
            created_at=now,
            fit=Span.of(order.fit_window),
            holdout=Span.of(order.holdout),
            rows=fitted.rows,
            fit_seconds=fitted.fit_seconds,
            hyperparameters=order.hyperparameters,
            data="files" if training.data.source.data_dir else "generated",
            challenger=Examined.of(fitted.challenger),
            champion=Examined.of(fitted.champion) if fitted.champion else None,
            champion_run_id=training.champion_run_id,
            decision=fitted.decision.verdict,
            reason=fitted.decision.reason,
            improvement=fitted.decision.improvement,
            left_out=Span.of(order.baseline) if order.baseline else None,
        )
