"""POST /train and GET /train/{run_id}: start a training, and follow it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from backend.regmodel.app.auth import KeyBeforeBody, require_api_key
from backend.regmodel.app.problems import ProblemError, documented
from backend.regmodel.app.schemas import RunResponse, TrainRequest
from backend.regmodel.app.state import Context, Service
from backend.regmodel.data.counts import Window
from backend.regmodel.jobs.runs import Run
from backend.regmodel.jobs.trainer import TooManyWaiting, TrainingRequest

router = APIRouter(dependencies=[Depends(require_api_key)], route_class=KeyBeforeBody)

Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=250)]


@router.post("/train", status_code=202, responses=documented(400, 401, 413, 422, 500, 503))
async def train(
    body: TrainRequest, context: Context, response: Response, idempotency_key: Key = None
) -> RunResponse:
    """Queue a training; trainings run in their own process, one at a time. `Location` is the run's address.

    The same Idempotency-Key gives the same run, unless that one failed. 503 when too many are waiting: try
    again later. A window without data or a bad hyperparameter makes the run fail; it holds the reason.
    """
    try:
        run = context.trainer.submit(_training_request(body, context, idempotency_key))
    except TooManyWaiting as error:
        raise ProblemError(503, "Too many trainings", str(error)) from error
    response.headers["Location"] = f"/train/{run.run_id}"
    return _run_response(context, run)


@router.get("/train/{run_id}", responses=documented(401, 404, 422, 500))
async def training_run(run_id: str, context: Context) -> RunResponse:
    run = context.runs.get(run_id)
    if run is None:
        raise ProblemError(404, "Unknown run", f"no training run {run_id}")
    return _run_response(context, run)


def _run_response(context: Service, run: Run) -> RunResponse:
    return RunResponse.of(run, context.runs.stage(run))


def _training_request(body: TrainRequest, context: Service, key: str | None) -> TrainingRequest:
    """Fill in from the data and the settings what the caller left out."""
    covered = context.data.history.counts.window
    return TrainingRequest(
        model_type=context.type_or_default(body.model_type),
        window=Window(body.start or covered.start, body.end or covered.end),
        test_mode=body.test_mode,
        hyperparameters=dict(body.hyperparameters),
        holdout_days=body.holdout_days or context.settings.holdout_days,
        promote_if_better=body.promote_if_better,
        idempotency_key=key,
    )
