"""POST /evaluate and /monitor: measure a window in the measuring process, answer, and move the gauges."""

from fastapi import APIRouter

from backend.regmodel.app.auth import KeyedRoute
from backend.regmodel.app.problems import Refused, documented
from backend.regmodel.app.schemas import EvaluateRequest, EvaluateResponse, MonitorRequest, MonitorResponse
from backend.regmodel.app.state import Context, Service
from backend.regmodel.app.validation import observed, too_wide
from backend.regmodel.data.observations import TooWide
from backend.regmodel.jobs import tasks
from backend.regmodel.jobs.tasks import Data, Failed
from backend.regmodel.jobs.workers import WorkerDied
from backend.regmodel.measurements import DriftSeen, Performance
from backend.regmodel.model.drift import METHOD, Drift, DriftLimits
from backend.regmodel.model.scores import NotComputed, Scores
from backend.regmodel.registry.summary import Model, Span

router = APIRouter(route_class=KeyedRoute)


@router.post("/evaluate", responses=documented(401, 404, 422, 503))
async def evaluate(body: EvaluateRequest, context: Context) -> EvaluateResponse:
    """Score the champion, or the model of `run_id`, on every recorded hour of the window.

    Rows in the body are laid over the stored counts for this call. Only a champion's score moves the gauges.
    """
    model = _model(body, context)
    data = _data(body, context)
    settings = context.settings
    arguments = (data, settings.registry, model.run_id, body.window, settings.min_rows)
    try:
        found = await context.measurer.run(settings.measure_timeout_seconds, tasks.evaluate_model, *arguments)
    except WorkerDied as error:
        raise Refused(503, "Not measured", str(error)) from error
    return _scored(body, context, model, found)


@router.post("/monitor", responses=documented(401, 422, 503))
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
        found = await context.measurer.run(settings.measure_timeout_seconds, tasks.measure_drift, *arguments)
    except WorkerDied as error:
        raise Refused(503, "Not measured", str(error)) from error
    return _drift_told(body, context, reference, found)


def _data(body: EvaluateRequest | MonitorRequest, context: Service) -> Data:
    try:
        return context.data.for_workers(observed(body.rows, context.clock()))
    except TooWide as error:
        raise too_wide(error) from error


def _model(body: EvaluateRequest, context: Service) -> Model:
    if body.run_id is None:
        return context.champion(body.model_type).model
    model = context.champions.summary.model(body.run_id)
    if model is None or model.model_type != (body.model_type or model.model_type):
        raise Refused(404, "Unknown model", f"the registry holds no such model {body.run_id}")
    return model


def _scored(
    body: EvaluateRequest, context: Service, model: Model, found: Scores | NotComputed | Failed
) -> EvaluateResponse:
    told = {"model_type": model.model_type, "run_id": model.run_id, "start": body.start, "end": body.end}
    if isinstance(found, Failed):
        raise Refused(503, "Not measured", found.reason)
    if isinstance(found, NotComputed):
        return EvaluateResponse(status="not_computed", reason=found.reason, **told)
    is_champion = context.champions.summary.champions.get(model.model_type) == model.run_id
    if is_champion:
        seen = Performance(r2=found.r2, rmse=found.rmse, run_id=model.run_id, at=context.clock())
        context.measurements.saw_performance(model.model_type, seen)
    return EvaluateResponse(
        status="computed",
        r2=found.r2,
        rmse=found.rmse,
        mae=found.mae,
        rows=found.rows,
        gauge_set=is_champion,
        **told,
    )


def _drift_told(
    body: MonitorRequest, context: Service, reference: Span, found: Drift | NotComputed | Failed
) -> MonitorResponse:
    settings = context.settings
    told = {
        "start": body.start,
        "end": body.end,
        "reference": reference,
        "method": METHOD,
        "column_threshold": settings.drift_column_threshold,
        "share_threshold": settings.drift_share_threshold,
    }
    if isinstance(found, Failed):
        raise Refused(503, "Not measured", found.reason)
    if isinstance(found, NotComputed):
        return MonitorResponse(status="not_computed", reason=found.reason, **told)
    count = len(found.drifted)
    seen = DriftSeen(detected=found.detected, share=found.share, drifted_features=count, at=context.clock())
    context.measurements.saw_drift(seen)
    return MonitorResponse(
        status="computed",
        drift_detected=found.detected,
        drift_share=found.share,
        drifted_features_count=count,
        drifted_features=list(found.drifted),
        compared_features=found.compared,
        not_compared=list(found.not_compared),
        **told,
    )
