"""POST /predict: forecasts by the champion."""

import time

import numpy as np
from anyio import to_thread
from fastapi import APIRouter, Depends

from backend.regmodel.app.auth import KeyBeforeBody, require_api_key
from backend.regmodel.app.problems import documented, invalid
from backend.regmodel.app.schemas import ForecastRow, Prediction, PredictRequest, PredictResponse
from backend.regmodel.app.state import Context
from backend.regmodel.data.counts import Floats, Rows, hour_number, hour_start
from backend.regmodel.data.history import History
from backend.regmodel.registry.champions import LoadedModel

router = APIRouter(dependencies=[Depends(require_api_key)], route_class=KeyBeforeBody)


@router.post("/predict", responses=documented(400, 401, 413, 422, 500, 503))
async def predict(body: PredictRequest, context: Context) -> PredictResponse:
    """Forecast the count of each row. Only what is known 48 hours before a row's hour enters its forecast.

    503 while the model type has no champion.
    """
    champion = context.champion(body.model_type)
    if len(body.rows) > context.settings.max_rows:
        raise invalid("rows", f"{len(body.rows)} rows; at most {context.settings.max_rows}")
    started = time.perf_counter()
    history = context.data.history
    forecast = await to_thread.run_sync(_forecast, champion, history, body.rows)
    context.metrics.prediction_seconds.observe(time.perf_counter() - started)
    return _response(context, champion, body.rows, forecast)


def _forecast(champion: LoadedModel, history: History, rows: list[ForecastRow]) -> Floats:
    hours = np.array([hour_number(row.at) for row in rows], dtype=np.int64)
    columns = history.counts.columns_of([row.counter_id for row in rows])
    return champion.forecaster.forecast(history, Rows(hours, columns))


def _response(
    context: Context, champion: LoadedModel, rows: list[ForecastRow], forecast: Floats
) -> PredictResponse:
    known = set(champion.forecaster.profile.counters)
    unknown = [row.counter_id for row in rows if row.counter_id not in known]
    context.metrics.predictions.inc(len(rows))
    context.metrics.unknown_counters.inc(len(unknown))
    return PredictResponse(
        model_type=champion.model.model_type,
        champion_run_id=champion.model.run_id,
        predictions=[
            Prediction(counter_id=row.counter_id, at=hour_start(hour_number(row.at)), count=count)
            for row, count in zip(rows, forecast.tolist(), strict=True)
        ],
        unknown_counters=sorted(set(unknown)),
    )
