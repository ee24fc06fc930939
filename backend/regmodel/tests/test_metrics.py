import subprocess
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backend.regmodel.app.fastapi_app import create_app
from backend.regmodel.app.middleware.prometheus_metrics import BUCKETS, RunStatus
from backend.regmodel.settings import Settings
from backend.regmodel.tests.conftest import small_settings
from backend.regmodel.tests.service_client import sample, samples

PLANNED_METRICS = {
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
MORE_METRICS = {
    "predictions_unknown_total",
    "prediction_batch_rows",
    "prediction_bicycles",
    "observations_stored_total",
    "observations_newest_timestamp_seconds",
    "sensors_dead",
    "sensor_dead",
    "model_mae",
    "model_evaluation_timestamp_seconds",
    "drift_measurement_timestamp_seconds",
    "model_champion_trained_timestamp_seconds",
    "training_last_timestamp_seconds",
    "training_evaluation_r2",
    "training_evaluation_rmse",
    "training_improvement_r2",
    "training_decisions_total",
}
GAUGES = {
    "drift_detected",
    "drift_share",
    "drifted_features_count",
    "model_r2_score",
    "model_rmse",
    "model_mae",
}


def test_every_metric_is_declared_from_the_start(client: TestClient) -> None:
    declared = {
        line.split()[2] for line in client.get("/metrics").text.splitlines() if line.startswith("# TYPE")
    }

    assert {name for name in declared if not name.endswith("_created")} == PLANNED_METRICS | MORE_METRICS


def test_promtool_finds_no_fault_in_the_metrics(client: TestClient) -> None:
    client.get("/nowhere")

    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=client.get("/metrics").text,
        text=True,
        capture_output=True,
        check=False,
    )

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_gauges_have_no_sample_before_the_first_measurement(client: TestClient) -> None:
    assert not {name for name, _ in samples(client)} & GAUGES


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"performance": {"rf": ',
        b'{"performance": {"rf": {"r2": null, "rmse": null, "run_id": "rf-1", "at": "2021-06-01T00:00Z"}}}',
    ],
)
def test_service_starts_with_an_invalid_measurements_file(settings: Settings, content: bytes) -> None:
    (settings.state_dir / "measured.json").write_bytes(content)

    with TestClient(create_app(settings)) as client:
        assert client.get("/health").status_code == 200
        assert not {name for name, _ in samples(client)} & GAUGES


def test_counters_start_at_0_for_every_documented_status(client: TestClient) -> None:
    for model_type in ("rf", "hgb"):
        for status in RunStatus:
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
    assert sample(client, "fastapi_errors_total", **labels) is None
    assert sample(client, "fastapi_request_duration_seconds_count", method="GET", endpoint=endpoint) == 1


def test_unknown_methods_share_one_series(client: TestClient) -> None:
    client.request("BREW", "/predict")
    client.request("STEEP", "/predict")

    labels = {"method": "other", "endpoint": "/predict", "status": "405"}
    assert sample(client, "fastapi_requests_total", **labels) == 2


def test_unexpected_error_is_counted_as_500_without_details(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings)

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("the secret of the service")

    with TestClient(app, raise_server_exceptions=False) as client:
        service: Any = client.app_state["service"]
        with monkeypatch.context() as patched:
            patched.setattr(type(service.champions), "summary", property(broken))
            answer = client.get("/model_summary")

        assert answer.status_code == 500
        assert "secret" not in answer.text
        labels = {"method": "GET", "endpoint": "/model_summary", "status": "500"}
        assert sample(client, "fastapi_requests_total", **labels) == 1
        assert sample(client, "fastapi_errors_total", **labels) == 1


def test_scrapes_are_not_counted_as_requests(client: TestClient) -> None:
    client.get("/metrics")

    assert not [labels for _, labels in samples(client) if ("endpoint", "/metrics") in labels]


def test_latency_buckets_extend_beyond_the_alert_threshold() -> None:
    assert sum(bound > 5 for bound in BUCKETS) >= 4
    assert max(BUCKETS) == 60


def test_each_app_has_its_own_registry(tmp_path: Path) -> None:
    with (
        TestClient(create_app(small_settings(tmp_path / "a"))) as first,
        TestClient(create_app(small_settings(tmp_path / "b"))) as second,
    ):
        first.get("/nowhere")

        labels = {"method": "GET", "endpoint": "unmatched", "status": "404"}
        assert sample(first, "fastapi_requests_total", **labels) == 1
        assert sample(second, "fastapi_requests_total", **labels) is None
