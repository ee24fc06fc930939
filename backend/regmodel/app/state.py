"""Everything a handler may use, built once in the lifespan and reached through one typed dependency."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypedDict, cast

from fastapi import Depends, Request

from backend.regmodel.app.middleware.prometheus_metrics import Metrics
from backend.regmodel.app.problems import ProblemError
from backend.regmodel.jobs.data_store import DataStore
from backend.regmodel.jobs.runs import RunTable
from backend.regmodel.jobs.trainer import Trainer
from backend.regmodel.jobs.workers import Worker
from backend.regmodel.measurements import Measurements
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.registry.champions import Champions, LoadedModel
from backend.regmodel.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    settings: Settings
    data: DataStore
    champions: Champions
    runs: RunTable
    trainer: Trainer
    measurer: Worker
    measurements: Measurements
    metrics: Metrics
    clock: Callable[[], datetime]

    def type_or_default(self, model_type: ModelType | None) -> ModelType:
        return model_type or self.settings.default_model_type

    def champion(self, model_type: ModelType | None) -> LoadedModel:
        """The champion of the type, or the 503 that says how to get one."""
        wanted = self.type_or_default(model_type)
        champion = self.champions.get(wanted)
        if champion is None:
            raise ProblemError(503, "No champion", _how_to_get_one(wanted, self.champions.types()))
        return champion


def _how_to_get_one(wanted: ModelType, others: tuple[ModelType, ...]) -> str:
    there_are = f" (there are champions of type {', '.join(others)})" if others else ""
    return (
        f"no champion of type {wanted}{there_are}: POST /train with promote_if_better, "
        "or POST /promote_champion with the run_id of a finished training"
    )


class Lifespan(TypedDict):
    """The lifespan's state, as Starlette hands it to every request."""

    service: Service


async def service(request: Request) -> Service:
    state = cast("Lifespan", request.state)
    return state["service"]


Context = Annotated[Service, Depends(service)]
