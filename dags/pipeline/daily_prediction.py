"""The work of daily_prediction: stores forecasts of the next hours and scores those whose hours are known."""

import time
from datetime import datetime, timedelta

from dags.pipeline import forecasts, observation_sync, scores, upserts, warehouse
from dags.pipeline.forecasts import Source
from dags.pipeline.model_api import NO_CHAMPION, ModelApi
from dags.pipeline.settings import Settings
from dags.pipeline.thresholds import Thresholds
from dags.pipeline.xcom import XCom, without_none

BATCH_ROWS = 5_000
"""Of one /predict; the service takes 20,000."""


def predict(settings: Settings, api: ModelApi, now: datetime) -> XCom:
    """Without counts or a model nothing is forecast, which is a state and not a failure."""
    with warehouse.opened(settings.warehouse_url.get_secret_value()) as engine:
        observation_sync.publish(engine, api, settings.model_host)
        with engine.begin() as conn:
            counters = forecasts.active_counters(conn, now)
        if api.champion_run_id() is None:
            return {"predictions_count": 0, "reason": NO_CHAMPION, "first_model_due": bool(counters)}
        points = forecasts.points(counters, forecasts.hours_ahead(now))
        started = time.monotonic()
        answers = [(batch, api.predict(batch)) for batch in upserts.batches(points, BATCH_ROWS)]
        duration_s = time.monotonic() - started
        with engine.begin() as conn:
            for batch, answer in answers:
                source = Source(api.model_type, answer.champion_run_id, now)
                forecasts.save(conn, batch, answer.values, source)
    unknown = {name for _, answer in answers for name in answer.unknown_counters}
    return without_none(
        {
            "predictions_count": len(points),
            "api_duration_seconds": round(duration_s, 3) if answers else None,
            "unknown_counters": len(unknown),
            "champion_run_id": answers[0][1].champion_run_id if answers else None,
            "data_age_hours": answers[0][1].data_age_hours if answers else None,
        }
    )


def score(settings: Settings, limits: Thresholds, now: datetime) -> XCom:
    """rmse, mae and r2 are absent while too few hours are known."""
    since = now - timedelta(days=limits.score_window_days)
    with warehouse.opened(settings.warehouse_url.get_secret_value()) as engine, engine.begin() as conn:
        pairs = forecasts.scored_pairs(conn, since=since)
    score = scores.score(pairs, min_rows=limits.score_min_rows)
    if score is None:
        return {"scored_rows": len(pairs)}
    return without_none({"scored_rows": score.rows, "rmse": score.rmse, "mae": score.mae, "r2": score.r2})
