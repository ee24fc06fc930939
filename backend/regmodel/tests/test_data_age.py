"""How old the counts are: in the answer of /predict, in its refusal, and in the metrics."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backend.regmodel.app.fastapi_app import create_app
from backend.regmodel.data.history import History
from backend.regmodel.model import forecaster
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.registry.registry import Registry
from backend.regmodel.registry.storage import Storage
from backend.regmodel.tests.conftest import at, small_settings
from backend.regmodel.tests.factories import SPAN, add, promote
from backend.regmodel.tests.service_client import sample

NOW = at("2021-10-01T06")
NEWEST = at("2021-10-01T03")


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory, year: History) -> Iterator[TestClient]:
    """A service with a champion and counts up to NEWEST."""
    settings = small_settings(tmp_path_factory.mktemp("state"))
    registry = Registry(Storage.at(settings.registry))
    rows = year.counts.recorded(SPAN.window)
    registry.save("rf-1", forecaster.fit(year, rows, ModelType.HGB, test_mode=True, settings={}))
    add(registry, "rf-1")
    promote(registry, "rf-1")
    with TestClient(create_app(settings, clock=lambda: NOW)) as client:
        client.post("/observations", json={"rows": [row(NEWEST) | {"count": 5}]})
        yield client


def row(when: datetime) -> dict[str, Any]:
    return {"counter_id": "a", "at": when.isoformat()}


def test_predict_answers_with_the_age_of_the_counts(observed: TestClient) -> None:
    answer = observed.post("/predict", json={"rows": [row(NOW)]}).json()

    assert datetime.fromisoformat(answer["newest_observation"]) == NEWEST
    assert answer["data_age_hours"] == 2


def test_forecast_up_to_14_days_ahead_of_the_counts_is_answered(observed: TestClient) -> None:
    answer = observed.post("/predict", json={"rows": [row(NEWEST + timedelta(days=14))]})

    assert answer.status_code == 200


def test_forecast_beyond_14_days_ahead_is_a_problem_naming_the_rows(observed: TestClient) -> None:
    rows = [row(NOW), row(NEWEST + timedelta(days=14, hours=1))]
    before = sample(observed, "predictions_total")

    answer = observed.post("/predict", json={"rows": rows})

    assert answer.status_code == 409
    problem = answer.json()
    assert problem["title"] == "Counts too old"
    assert problem["detail"].startswith(
        "1 of 2 rows are more than 14 days after the newest count, of 2021-10-01"
    )
    assert "allow_stale" in problem["detail"]
    assert [error["field"] for error in problem["errors"]] == ["rows.1.at"]
    assert sample(observed, "predictions_total") == before


def test_stale_forecast_is_answered_when_asked_for(observed: TestClient) -> None:
    rows = [row(NEWEST + timedelta(days=300))]

    answer = observed.post("/predict", json={"rows": rows, "allow_stale": True})

    assert answer.status_code == 200
    assert answer.json()["predictions"][0]["count"] >= 0


def test_newest_count_is_a_timestamp_metric(observed: TestClient) -> None:
    assert sample(observed, "observations_newest_timestamp_seconds") == NEWEST.timestamp()


def test_generated_year_has_no_newest_count(tmp_path: Path) -> None:
    with TestClient(create_app(small_settings(tmp_path))) as client:
        assert sample(client, "observations_newest_timestamp_seconds") is None


def test_forecasts_are_counted_by_batch_and_value(observed: TestClient) -> None:
    def read() -> list[float]:
        return [
            sample(observed, "prediction_batch_rows_bucket", le="1.0") or 0,
            sample(observed, "prediction_batch_rows_bucket", le="10.0") or 0,
            sample(observed, "prediction_bicycles_bucket", le="+Inf") or 0,
            sample(observed, "prediction_bicycles_sum") or 0,
        ]

    before = read()
    answer = observed.post("/predict", json={"rows": [row(NOW)] * 7}).json()
    increase = [after - earlier for earlier, after in zip(before, read(), strict=True)]

    bicycles = sum(prediction["count"] for prediction in answer["predictions"])
    assert increase == pytest.approx([0, 1, 7, bicycles])


def test_dead_sensor_is_named_by_metric_and_endpoint(tmp_path: Path) -> None:
    def counts(hours: range, count: int) -> list[dict[str, Any]]:
        return [row(NEWEST - timedelta(hours=hour)) | {"count": count} for hour in hours]

    with TestClient(create_app(small_settings(tmp_path), clock=lambda: NOW)) as client:
        client.post("/observations", json={"rows": counts(range(24, 24 * 30), 40)})
        alive = sample(client, "sensors_dead"), sample(client, "sensor_dead", counter="a")
        client.post("/observations", json={"rows": counts(range(24), 0)})
        dead = sample(client, "sensors_dead"), sample(client, "sensor_dead", counter="a")
        answer = client.get("/sensors").json()

    assert alive == (0, None)
    assert dead == (1, 1)
    since = (NEWEST - timedelta(hours=23)).isoformat().replace("+00:00", "Z")
    assert answer == {"counters": 1, "dead": [{"counter_id": "a", "since": since, "usual": 40}]}
