from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from dags.pipeline import forecasts, ingestion
from dags.pipeline.forecasts import Point, Source
from dags.pipeline.paris_api import Count
from dags.pipeline.tables import predictions
from testbed.pipeline.fake_router import NOON

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def counted(engine: sa.Engine, counts: Sequence[Count]) -> None:
    ingestion.ingest(engine, counts, lambda: NOON)


def forecast(engine: sa.Engine, point: Point, value: float, *, issued_at: datetime = NOON) -> None:
    with engine.begin() as conn:
        forecasts.save(conn, [point], [value], Source("rf", "champion-1", issued_at))


def pairs(engine: sa.Engine, since: datetime = NOON - 7 * DAY) -> list[tuple[float, float]]:
    with engine.begin() as conn:
        return sorted(forecasts.scored_pairs(conn, since=since))


def test_first_forecast_hour_is_the_next_full_hour() -> None:
    hours = forecasts.hours_ahead(NOON + timedelta(minutes=59))

    assert (hours[0], hours[-1], len(hours)) == (NOON + HOUR, NOON + 48 * HOUR, 48)


def test_removed_counters_are_not_forecast(engine: sa.Engine) -> None:
    counted(engine, [Count("gone", NOON - 40 * DAY, 3), Count("b", NOON - 5 * DAY, 3), Count("a", NOON, 3)])

    with engine.begin() as conn:
        assert forecasts.active_counters(conn, NOON + 300 * DAY) == ["a", "b"]


def test_future_hour_does_not_make_other_counters_inactive(engine: sa.Engine) -> None:
    counted(engine, [Count("a", NOON - 5 * DAY, 3), Count("fast", NOON + 60 * DAY, 3)])

    with engine.begin() as conn:
        assert forecasts.active_counters(conn, NOON) == ["a", "fast"]


def test_rows_without_counter_id_are_not_forecast(engine: sa.Engine) -> None:
    counted(engine, [Count("", NOON, 3), Count("a", NOON, 3)])

    with engine.begin() as conn:
        assert forecasts.active_counters(conn, NOON) == ["a"]


def test_empty_warehouse_has_no_counters(engine: sa.Engine) -> None:
    with engine.begin() as conn:
        assert forecasts.active_counters(conn, NOON) == []


def test_second_run_of_the_day_replaces_forecasts(engine: sa.Engine) -> None:
    point = Point("a", NOON + 3 * HOUR)
    forecast(engine, point, 10)

    forecast(engine, point, 12, issued_at=NOON + HOUR)

    with engine.begin() as conn:
        [row] = conn.execute(sa.select(predictions)).all()
    assert (row.predicted, row.issued_at) == (12, NOON + HOUR)


def test_next_day_adds_a_forecast_of_the_same_hour(engine: sa.Engine) -> None:
    point = Point("a", NOON + 30 * HOUR)
    forecast(engine, point, 10)
    forecast(engine, point, 12, issued_at=NOON + DAY)
    counted(engine, [Count("a", point.hour, 11)])

    assert pairs(engine) == [(10, 11), (12, 11)]


def test_forecast_is_scored_once_its_hour_is_known(engine: sa.Engine) -> None:
    point = Point("a", NOON + HOUR)
    forecast(engine, point, 10)
    before = pairs(engine)

    counted(engine, [Count("a", point.hour, 11), Count("b", point.hour, 99)])

    assert before == []
    assert pairs(engine) == [(10, 11)]


def test_forecast_issued_after_its_hour_began_is_not_scored(engine: sa.Engine) -> None:
    counted(engine, [Count("a", NOON - HOUR, 11)])
    forecast(engine, Point("a", NOON - HOUR), 11)

    assert pairs(engine) == []


def test_only_the_window_is_scored(engine: sa.Engine) -> None:
    old = Point("a", NOON - 10 * DAY)
    forecast(engine, old, 10, issued_at=NOON - 11 * DAY)
    counted(engine, [Count("a", old.hour, 11)])

    assert pairs(engine) == []
    assert pairs(engine, since=NOON - 20 * DAY) == [(10, 11)]


def test_answer_with_too_few_values_is_refused(engine: sa.Engine) -> None:
    points = forecasts.points(["a", "b"], [NOON])

    with engine.begin() as conn, pytest.raises(ValueError, match="shorter"):
        forecasts.save(conn, points, [1.0], Source("rf", None, NOON))
