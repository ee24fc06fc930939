"""POST /train and GET /train/{run_id}: order a training, and ask how it went."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from backend.regmodel.app.auth import KeyedRoute
from backend.regmodel.app.problems import Refused, documented
from backend.regmodel.app.schemas import RunResponse, TrainRequest
from backend.regmodel.app.state import Context, Service
from backend.regmodel.data.counts import Window
from backend.regmodel.jobs.runs import Run
from backend.regmodel.jobs.trainer import TooManyWaiting, Wish

router = APIRouter(route_class=KeyedRoute)

Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=250)]


@router.post("/train", status_code=202, responses=documented(401, 422, 503))
async def train(
    body: TrainRequest, context: Context, response: Response, idempotency_key: Key = None
) -> RunResponse:
    """Order a training; it runs in its own process, one at a time. `Location` is where to ask how it goes.

    The same Idempotency-Key gives the same run, unless that one failed. 503 when too many are waiting: try
    again later. A window without data or a bad hyperparameter is found by the run, which then fails, says
    why, and is counted.
    """
    try:
        run = context.trainer.submit(_wish(body, context, idempotency_key))
    except TooManyWaiting as error:
        raise Refused(503, "Too many trainings", str(error)) from error
    response.headers["Location"] = f"/train/{run.run_id}"
    return _told(context, run)


@router.get("/train/{run_id}", responses=documented(401, 404))
async def training_run(run_id: str, context: Context) -> RunResponse:
    run = context.runs.get(run_id)
    if run is None:
        raise Refused(404, "Unknown run", f"no training run {run_id}")
    return _told(context, run)


def _told(context: Service, run: Run) -> RunResponse:
    return RunResponse.of(run, context.runs.stage(run))


def _wish(body: TrainRequest, context: Service, key: str | None) -> Wish:
    """What the caller left open is taken from the data and the settings."""
    covered = context.data.history.counts.window
    return Wish(
        model_type=context.type_or_default(body.model_type),
        window=Window(body.start or covered.start, body.end or covered.end),
        test_mode=body.test_mode,
        hyperparameters=body.hyperparameters,
        holdout_days=body.holdout_days or context.settings.holdout_days,
        promote_if_better=body.promote_if_better,
        idempotency_key=key,
    )
