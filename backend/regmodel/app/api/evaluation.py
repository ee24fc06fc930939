"""POST /evaluate and /monitor: measure a window in the measuring process, answer, and move the gauges."""

from fastapi import APIRouter, Depends

from backend.regmodel.app.auth import KeyBeforeBody, require_api_key
from backend.regmodel.app.problems import ProblemError, documented, invalid
from backend.regmodel.app.schemas import EvaluateRequest, EvaluateResponse, MonitorRequest, MonitorResponse
from backend.regmodel.app.state import Context, Service
from backend.regmodel.app.validation import to_observations
from backend.regmodel.data.observations import TooWide
from backend.regmodel.jobs import tasks
from backend.regmodel.jobs.tasks import Data, Failed
from backend.regmodel.jobs.workers import WorkerDied
from backend.regmodel.measurements import DriftMeasurement, Performance
from backend.regmodel.model.drift import METHOD, Drift, DriftLimits
from backend.regmodel.model.scores import NotComputed, Scores
from backend.regmodel.registry.summary import Model, Span

router = APIRouter(dependencies=[Depends(require_api_key)], route_class=KeyBeforeBody)


@router.post("/evaluate", responses=documented(400, 401, 404, 413, 422, 500, 503))
async def evaluate(body: EvaluateRequest, context: Context) -> EvaluateResponse:
    """Score the champion, or the model of `run_id`, on every recorded hour of the window.

    Rows in the body are laid over the stored counts for this call. Only a champion's score moves the gauges.
    """
    model = _model(body, context)
    data = _data(body, context)
    settings = context.settings
    arguments = (data, settings.registry, model.run_id, body.window, settings.min_rows)
    try:
        scores = await context.measurer.run(
            settings.measure_timeout_seconds, tasks.evaluate_model, *arguments
        )
    except WorkerDied as error:
        raise ProblemError(503, "Not measured", str(error)) from error
    return _score_response(body, context, model, scores)


@router.post("/monitor", responses=documented(400, 401, 413, 422, 500, 503))
async def monitor(body: MonitorRequest, context: Context) -> MonitorResponse:
    """Compare each counter's hours in the window with those the champion was fitted on (or `reference`)."""
    reference = (
        Span.of(body.reference.window) if body.reference else context.champion(body.model_type).model.fit
    )
    data = _data(body, context)
    settings = context.settings
    limits = DriftLimits(
        share=settings.drift_share_threshold,
        column=settings.drift_column_threshold,
        min_hours=settings.drift_min_hours,
    )
    arguments = (data, reference.window, body.window, limits)
    try:
        drift = await context.measurer.run(settings.measure_timeout_seconds, tasks.measure_drift, *arguments)
    except WorkerDied as error:
        raise ProblemError(503, "Not measured", str(error)) from error
    return _drift_response(body, context, reference, drift)


def _data(body: EvaluateRequest | MonitorRequest, context: Service) -> Data:
    try:
        return context.data.for_workers(to_observations(body.rows, context.clock()))
    except TooWide as error:
        raise invalid("rows", str(error)) from error


def _model(body: EvaluateRequest, context: Service) -> Model:
    if body.run_id is None:
        return context.champion(body.model_type).model
    model = context.champions.summary.model(body.run_id)
    if model is None or model.model_type != (body.model_type or model.model_type):
        raise ProblemError(404, "Unknown model", f"the registry holds no such model {body.run_id}")
    return model


def _score_response(
    body: EvaluateRequest, context: Service, model: Model, scores: Scores | NotComputed | Failed
) -> EvaluateResponse:
    subject = {"model_type": model.model_type, "run_id": model.run_id, "start": body.start, "end": body.end}
    if isinstance(scores, Failed):
        raise ProblemError(503, "Not measured", scores.reason)
    if isinstance(scores, NotComputed):
        return EvaluateResponse(status="not_computed", reason=scores.reason, **subject)
    is_champion = context.champions.summary.champions.get(model.model_type) == model.run_id
    if is_champion:
        performance = Performance(
            r2=scores.r2, rmse=scores.rmse, mae=scores.mae, run_id=model.run_id, at=context.clock()
        )
        context.measurements.record_performance(model.model_type, performance)
    return EvaluateResponse(
        status="computed",
        r2=scores.r2,
        rmse=scores.rmse,
        mae=scores.mae,
        rows=scores.rows,
        gauge_set=is_champion,
        **subject,
    )


def _drift_response(
    body: MonitorRequest, context: Service, reference: Span, drift: Drift | NotComputed | Failed
) -> MonitorResponse:
    settings = context.settings
    subject = {
        "start": body.start,
        "end": body.end,
        "reference": reference,
        "method": METHOD,
        "column_threshold": settings.drift_column_threshold,
        "share_threshold": settings.drift_share_threshold,
    }
    if isinstance(drift, Failed):
        raise ProblemError(503, "Not measured", drift.reason)
    if isinstance(drift, NotComputed):
        return MonitorResponse(status="not_computed", reason=drift.reason, **subject)
    count = len(drift.drifted)
    context.measurements.record_drift(
        DriftMeasurement(
            detected=drift.detected, share=drift.share, drifted_features=count, at=context.clock()
        )
    )
    return MonitorResponse(
        status="computed",
        drift_detected=drift.detected,
        drift_share=drift.share,
        drifted_features_count=count,
        drifted_features=list(drift.drifted),
        compared_features=drift.compared,
        not_compared=list(drift.not_compared),
        **subject,
    )
