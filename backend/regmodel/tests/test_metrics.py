from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backend.regmodel.app.fastapi_app import create_app
from backend.regmodel.app.middleware.prometheus_metrics import BUCKETS
from backend.regmodel.settings import Settings
from backend.regmodel.tests.conftest import small_settings
from backend.regmodel.tests.test_api import sample, samples

TWELVE = {
    "fastapi_requests_total",
    "fastapi_request_duration_seconds",
    "fastapi_errors_total",
    "training_runs_total",
    "training_duration_seconds",
    "predictions_total",
    "prediction_latency_seconds",
    "drift_detected",
    "drift_share",
    "drifted_features_count",
    "model_r2_score",
    "model_rmse",
}
GAUGES = {"drift_detected", "drift_share", "drifted_features_count", "model_r2_score", "model_rmse"}


def test_the_twelve_metrics_are_declared_from_the_start(client: TestClient) -> None:
    declared = {
        line.split()[2] for line in client.get("/metrics").text.splitlines() if line.startswith("# TYPE")
    }

    assert declared >= TWELVE


def test_no_gauge_has_a_value_before_the_first_measurement(client: TestClient) -> None:
    assert not {name for name, _ in samples(client)} & GAUGES


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"performance": {"rf": ',
        b'{"performance": {"rf": {"r2": null, "rmse": null, "run_id": "rf-1", "at": "2021-06-01T00:00Z"}}}',
    ],
)
def test_measurements_that_cannot_be_read_are_none_and_the_service_starts(
    settings: Settings, content: bytes
) -> None:
    (settings.state_dir / "measured.json").write_bytes(content)

    with TestClient(create_app(settings)) as client:
        assert client.get("/health").status_code == 200
        assert not {name for name, _ in samples(client)} & GAUGES


def test_a_first_failure_is_an_increase_because_nought_was_there_before(client: TestClient) -> None:
    for model_type in ("rf", "hgb"):
        for status in ("success", "failed"):
            assert sample(client, "training_runs_total", status=status, model_type=model_type) == 0
    for endpoint, method in (("/predict", "POST"), ("/train", "POST"), ("/model_summary", "GET")):
        labels = {"method": method, "endpoint": endpoint, "status": "500"}
        assert sample(client, "fastapi_requests_total", **labels) == 0
        assert sample(client, "fastapi_errors_total", **labels) == 0
    assert sample(client, "predictions_total") == 0


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/train/rf-20210101T000000-abcdef", "/train/{run_id}"),
        ("/train/some-other", "/train/{run_id}"),
        ("/wp-login.php", "unmatched"),
        ("/%2e%2e/secret", "unmatched"),
    ],
)
def test_requests_are_counted_by_route_template(client: TestClient, path: str, endpoint: str) -> None:
    client.get(path)

    labels = {"method": "GET", "endpoint": endpoint, "status": "404"}
    assert sample(client, "fastapi_requests_total", **labels) == 1
    assert sample(client, "fastapi_errors_total", **labels) == 1
    assert sample(client, "fastapi_request_duration_seconds_count", method="GET", endpoint=endpoint) == 1


def test_no_caller_can_grow_the_series_with_methods_of_his_own(client: TestClient) -> None:
    client.request("BREW", "/predict")
    client.request("STEEP", "/predict")

    labels = {"method": "other", "endpoint": "/predict", "status": "405"}
    assert sample(client, "fastapi_requests_total", **labels) == 2


def test_an_unexpected_error_is_counted_as_500_and_tells_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings)

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("the secret of the service")

    with TestClient(app, raise_server_exceptions=False) as client:
        service: Any = client.app_state["service"]
        monkeypatch.setattr(type(service.champions), "summary", property(broken))
        answer = client.get("/model_summary")

        assert answer.status_code == 500
        assert "secret" not in answer.text
        labels = {"method": "GET", "endpoint": "/model_summary", "status": "500"}
        assert sample(client, "fastapi_requests_total", **labels) == 1
        assert sample(client, "fastapi_errors_total", **labels) == 1


def test_scrapes_are_not_requests(client: TestClient) -> None:
    client.get("/metrics")

    assert not [labels for _, labels in samples(client) if ("endpoint", "/metrics") in labels]


def test_buckets_reach_well_beyond_the_latency_that_alerts() -> None:
    assert sum(bound > 5 for bound in BUCKETS) >= 4
    assert max(BUCKETS) == 60


def test_each_app_counts_for_itself(tmp_path: Path) -> None:
    with (
        TestClient(create_app(small_settings(tmp_path / "a"))) as one,
        TestClient(create_app(small_settings(tmp_path / "b"))) as two,
    ):
        one.get("/nowhere")

        labels = {"method": "GET", "endpoint": "unmatched", "status": "404"}
        assert sample(one, "fastapi_requests_total", **labels) == 1
        assert sample(two, "fastapi_requests_total", **labels) is None
