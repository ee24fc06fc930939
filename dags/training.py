"""fine_tune_model: orders a training and waits for its end in the triggerer, without a worker."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from dags.airflow_edge import as_of, current_settings, model
from dags.pipeline import model_api, model_monitoring
from dags.pipeline.model_api import Refused, Training
from dags.pipeline.model_monitoring import TrainingFailed, TrainingInterrupted
from dags.pipeline.retry import Unavailable
from dags.pipeline.settings import Settings

LIMIT = timedelta(minutes=45)
"""The service itself ends a training after half an hour."""
POLL_S = 5.0
ORDERS = 3


class TrainingOver(BaseTrigger):
    """Fires when the training has ended, or its time has. Address and key are read here, never stored."""

    def __init__(self, run_id: str, started: str, number: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.run_id = run_id
        self.started = started
        self.number = number

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "dags.training.TrainingOver", self._fields()

    async def run(self) -> AsyncIterator[TriggerEvent]:
        # Through asgiref: a connection is read over the triggerer's own loop.
        settings = await sync_to_async(current_settings)()
        until = datetime.fromisoformat(self.started) + LIMIT
        while datetime.now(UTC) < until:
            if await asyncio.to_thread(_is_over, settings, self.run_id):
                break
            await asyncio.sleep(POLL_S)
        yield TriggerEvent(self._fields())  # type: ignore[no-untyped-call]

    def _fields(self) -> dict[str, Any]:
        return {"run_id": self.run_id, "started": self.started, "number": self.number}


class FineTuneModel(BaseOperator):
    """Orders a training that a restart of the service interrupted again, ORDERS times at most."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(multiple_outputs=True, **kwargs)

    def execute(self, context: Any) -> dict[str, Any]:
        unfinished = model_monitoring.unfinished_training(test_mode=_test_mode(context))
        for key, value in unfinished.items():
            context["ti"].xcom_push(key, value)
        return self._order(context, number=1)

    def resume(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        with model() as api, _final_refusals():
            training = api.training(event["run_id"])
        try:
            return _result(training, context, datetime.fromisoformat(event["started"]))
        except TrainingInterrupted as error:
            if event["number"] == ORDERS:
                raise
            self.log.warning("%s; it is ordered again", error)
            return self._order(context, number=event["number"] + 1)

    def _order(self, context: Any, *, number: int) -> dict[str, Any]:
        started = datetime.now(UTC)
        # The same key: it finds a training that is still running, and no failed one.
        with model() as api, _final_refusals():
            training = api.train(as_of(context), test_mode=_test_mode(context), key=context["run_id"])
        if not training.is_over:
            trigger = TrainingOver(training.run_id, started.isoformat(), number)
            self.defer(trigger=trigger, method_name="resume")
        return _result(training, context, started)


@contextmanager
def _final_refusals() -> Iterator[None]:
    """A refusal fails the task for good: repeated, the request would be refused again."""
    try:
        yield
    except Refused as error:
        raise AirflowFailException(str(error)) from error


def _result(training: Training, context: Any, started: datetime) -> dict[str, Any]:
    try:
        if not training.is_over:
            raise model_monitoring.overdue(training, LIMIT.total_seconds())
        waited_s = (datetime.now(UTC) - started).total_seconds()
        return model_monitoring.training_result(training, test_mode=_test_mode(context), waited_s=waited_s)
    except TrainingFailed as error:
        # Repeated on the same data it would fail again.
        raise AirflowFailException(str(error)) from error


def _test_mode(context: Any) -> bool:
    return bool(context["params"]["test_mode"])


def _is_over(settings: Settings, run_id: str) -> bool:
    with model_api.connected(settings) as api:
        try:
            return api.training(run_id).is_over
        except Unavailable:
            # A restart: what became of the training is known when the service is back.
            return False
        except Refused:
            # The task asks again, and fails with the reason.
            return True
