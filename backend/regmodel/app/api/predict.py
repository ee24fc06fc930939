"""POST /predict: forecasts by the champion."""

import time
from datetime import timedelta

import numpy as np
from anyio import to_thread
from fastapi import APIRouter, Depends

from backend.regmodel.app.auth import KeyBeforeBody, require_api_key
from backend.regmodel.app.problems import MAX_ERRORS, FieldError, ProblemError, documented, invalid
from backend.regmodel.app.schemas import ForecastRow, Prediction, PredictRequest, PredictResponse
from backend.regmodel.app.state import Context, Service
from backend.regmodel.data.counts import HOUR, Floats, Rows, hour_number, hour_start
from backend.regmodel.data.history import History
from backend.regmodel.registry.champions import LoadedModel

router = APIRouter(dependencies=[Depends(require_api_key)], route_class=KeyBeforeBody)


@router.post("/predict", responses=documented(400, 401, 409, 413, 422, 500, 503))
async def predict(body: PredictRequest, context: Context) -> PredictResponse:
    """Forecast the count of each row. Only what is known 48 hours before a row's hour enters its forecast.

    503 while the model type has no champion. 409 for rows too far ahead of the newest count, unless
    `allow_stale` is set: their forecasts rest on no recent count.
    """
    champion = context.champion(body.model_type)
    if len(body.rows) > context.settings.max_rows:
        raise invalid("rows", f"{len(body.rows)} rows; at most {context.settings.max_rows}")
    history = context.data.history
    if not body.allow_stale:
        _check_age(body.rows, history, context.settings.max_days_ahead)
    started = time.perf_counter()
    forecast = await to_thread.run_sync(_forecast, champion, history, body.rows)
    context.metrics.prediction_seconds.observe(time.perf_counter() - started)
    return _response(context, champion, history, body.rows, forecast)


def _check_age(rows: list[ForecastRow], history: History, max_days: float) -> None:
    if history.newest_hour is None:
        raise ProblemError(409, "No counts", "send counts to /observations, or set allow_stale")
    newest = hour_start(history.newest_hour)
    latest = newest + timedelta(days=max_days)
    ahead = [number for number, row in enumerate(rows) if row.at > latest]
    if not ahead:
        return
    message = (
        f"more than {max_days:g} days after the newest count, of {newest:%Y-%m-%dT%H:%MZ}; "
        "send newer counts to /observations, or set allow_stale"
    )
    errors = [FieldError(field=f"rows.{number}.at", message=message) for number in ahead[:MAX_ERRORS]]
    raise ProblemError(409, "Counts too old", f"{len(ahead)} of {len(rows)} rows are {message}", errors)


def _forecast(champion: LoadedModel, history: History, rows: list[ForecastRow]) -> Floats:
    hours = np.array([hour_number(row.at) for row in rows], dtype=np.int64)
    columns = history.counts.columns_of([row.counter_id for row in rows])
    return champion.forecaster.forecast(history, Rows(hours, columns))


def _response(
    context: Service, champion: LoadedModel, history: History, rows: list[ForecastRow], forecast: Floats
) -> PredictResponse:
    known = set(champion.forecaster.profile.counters)
    unknown = [row.counter_id for row in rows if row.counter_id not in known]
    context.metrics.predicted(forecast, unknown=len(unknown))
    newest = None if history.newest_hour is None else hour_start(history.newest_hour)
    return PredictResponse(
        model_type=champion.model.model_type,
        champion_run_id=champion.model.run_id,
        newest_observation=newest,
        data_age_hours=None if newest is None else round((context.clock() - newest - HOUR) / HOUR, 2),
        predictions=[
            Prediction(counter_id=row.counter_id, at=hour_start(hour_number(row.at)), count=count)
            for row, count in zip(rows, forecast.tolist(), strict=True)
        ],
        unknown_counters=sorted(set(unknown)),
    )
