"""The work of daily_prediction: keeps forecasts of the next hours, scores those that are known by now."""

import time
from datetime import datetime, timedelta
from typing import Any

from dags.pipeline import forecasts, observation_sync, scores, upserts, warehouse
from dags.pipeline.forecasts import Source
from dags.pipeline.model_api import NO_CHAMPION, ModelApi
from dags.pipeline.settings import Settings
from dags.pipeline.thresholds import Thresholds

BATCH_ROWS = 5_000
"""Of one /predict; the service takes 20,000."""


def predict(settings: Settings, api: ModelApi, now: datetime) -> dict[str, Any]:
    """Returns what goes into XCom. Without counts or a model nothing is forecast: a state, no failure."""
    with warehouse.opened(settings.warehouse_url.get_secret_value()) as engine:
        observation_sync.publish(engine, api, settings.model_host)
        if api.champion_run_id() is None:
            return {"predictions_count": 0, "reason": NO_CHAMPION}
        with engine.begin() as conn:
            counters = forecasts.active_counters(conn, now)
        asked = forecasts.points(counters, forecasts.hours_ahead(now))
        started = time.monotonic()
        answers = [(batch, api.predict(batch)) for batch in upserts.batches(asked, BATCH_ROWS)]
        duration_s = time.monotonic() - started
        champion = answers[0][1].champion_run_id if answers else None
        with engine.begin() as conn:
            for batch, answer in answers:
                source = Source(api.model_type, answer.champion_run_id, now)
                forecasts.keep(conn, batch, answer.values, source)
    unknown = sorted({name for _, answer in answers for name in answer.unknown_counters})
    found = {
        "predictions_count": len(asked),
        "api_duration_seconds": round(duration_s, 3) if answers else None,
        "unknown_counters": len(unknown),
        "champion_run_id": champion,
    }
    return {name: value for name, value in found.items() if value is not None}


def score(settings: Settings, limits: Thresholds, now: datetime) -> dict[str, Any]:
    """Returns what goes into XCom: rmse, mae and r2 are absent while too few hours are known."""
    since = now - timedelta(days=limits.score_window_days)
    with warehouse.opened(settings.warehouse_url.get_secret_value()) as engine, engine.begin() as conn:
        pairs = forecasts.scored_pairs(conn, since=since)
    found = scores.score(pairs, min_rows=limits.score_min_rows)
    if found is None:
        return {"scored_rows": len(pairs)}
    told = {"scored_rows": found.rows, "rmse": found.rmse, "mae": found.mae, "r2": found.r2}
    return {name: value for name, value in told.items() if value is not None}
