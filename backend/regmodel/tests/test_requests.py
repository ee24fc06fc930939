"""Invalid and unauthenticated requests, and their problems."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from backend.regmodel.app.fastapi_app import create_app
from backend.regmodel.data.files import DataFolderError
from backend.regmodel.registry.registry import Registry
from backend.regmodel.registry.storage import Storage
from backend.regmodel.tests.conftest import at, small_settings
from backend.regmodel.tests.factories import add, promote
from backend.regmodel.tests.service_client import sample

WINDOW = {"start": "2020-12-01T00:00:00Z", "end": "2020-12-15T00:00:00Z"}
ROW = {"counter_id": "a", "at": "2020-12-01T00:00:00Z"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = create_app(small_settings(tmp_path_factory.mktemp("client"), max_rows=5))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/predict", {}, "rows"),
        ("/predict", {"rows": []}, "rows"),
        ("/predict", {"rows": [{"counter_id": "a"}]}, "rows.0.at"),
        ("/predict", {"rows": [ROW, {**ROW, "at": "2020-12-01T00:00:00"}]}, "rows.1.at"),
        ("/predict", {"rows": [{**ROW, "at": "9999-01-01T00:00:00Z"}]}, "rows.0.at"),
        ("/predict", {"rows": [ROW], "modeltype": "rf"}, "modeltype"),
        ("/predict", {"rows": [ROW], "model_type": "gpt"}, "model_type"),
        ("/train", {"start": WINDOW["end"], "end": WINDOW["start"]}, "body"),
        ("/train", {"holdout_days": 0}, "holdout_days"),
        ("/train", {"hyperparameters": {"n_estimators": 2_001}}, "hyperparameters"),
        ("/train", {"hyperparameters": {"max_depth": 1e9}}, "hyperparameters"),
        ("/train", {"hyperparameters": {"n_jobs": -1}}, "hyperparameters"),
        ("/evaluate", {"start": WINDOW["start"]}, "end"),
        ("/evaluate", {**WINDOW, "rows": [{**ROW, "count": -1}]}, "rows.0.count"),
        ("/evaluate", {**WINDOW, "rows": [{**ROW, "count": 1e200}]}, "rows.0.count"),
        ("/monitor", {**WINDOW, "reference": {"start": "yesterday"}}, "reference.start"),
        ("/promote_champion", {"model_type": "rf"}, "run_id"),
        ("/observations", {"rows": [{**ROW, "count": "NaN"}]}, "rows.0.count"),
    ],
)
def test_invalid_field_is_named_in_the_problem(
    client: TestClient, path: str, body: dict[str, Any], field: str
) -> None:
    answer = client.post(path, json=body)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in [error["field"] for error in answer.json()["errors"]]


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
bodies = anything | st.fixed_dictionaries(
    {},
    optional={
        "model_type": anything | st.just("rf"),
        "start": anything | st.just(WINDOW["start"]),
        "end": anything | st.just(WINDOW["end"]),
        "rows": anything | st.lists(st.fixed_dictionaries({"counter_id": anything, "at": anything})),
        "run_id": anything,
    },
)


@given(path=st.sampled_from(["/predict", "/evaluate", "/monitor", "/promote_champion"]), body=bodies)
def test_arbitrary_json_is_never_a_500(client: TestClient, path: str, body: object) -> None:
    assert client.post(path, json=body).status_code in (200, 404, 422, 503)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"rows": [{"counter_id": "a", "at": Infinity}]}',
        b'{"rows": [{"counter_id": "\\ud800", "at": "2020-12-01T00:00:00Z"}]}',
        b'{"rows": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"rows": [{"counter_id": "a", "at": 1' + b"0" * 5_000 + b"}]}",
    ],
)
def test_arbitrary_bytes_are_never_a_500(client: TestClient, raw: bytes) -> None:
    answer = client.post("/predict", content=raw, headers={"content-type": "application/json"})

    assert answer.status_code in (400, 422, 503)


def test_too_many_observations_are_422(tmp_path: Path) -> None:
    settings = small_settings(tmp_path, max_rows=5)
    with TestClient(create_app(settings)) as client:
        answer = client.post("/observations", json={"rows": [{**ROW, "count": 1}] * 50_001})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "rows"


@pytest.mark.parametrize(
    ("path", "rest"), [("/observations", {}), ("/monitor", {**WINDOW, "reference": WINDOW})]
)
@pytest.mark.parametrize("away", [timedelta(days=1, minutes=1), timedelta(days=-7_301)])
def test_counts_dated_out_of_range_are_422(
    tmp_path: Path, path: str, rest: dict[str, Any], away: timedelta
) -> None:
    now = at("2021-10-01")
    rows = [{**ROW, "count": 1}, {**ROW, "at": (now + away).isoformat(), "count": 1}]
    settings = small_settings(tmp_path)
    with TestClient(create_app(settings, clock=lambda: now)) as client:
        before = client.get("/health").json()["data"]
        answer = client.post(path, json={**rest, "rows": rows})
        after = client.get("/health").json()["data"]

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["rows.1.at"]
    assert after == before


def test_counts_dated_up_to_a_day_ahead_are_accepted(tmp_path: Path) -> None:
    now = at("2021-10-01")
    rows = [{**ROW, "at": (now + timedelta(hours=23)).isoformat(), "count": 1}]
    with TestClient(create_app(small_settings(tmp_path), clock=lambda: now)) as client:
        assert client.post("/observations", json={"rows": rows}).status_code == 200


@pytest.mark.parametrize(
    ("path", "rest"), [("/observations", {}), ("/monitor", {**WINDOW, "reference": WINDOW})]
)
def test_too_many_counters_are_422(tmp_path: Path, path: str, rest: dict[str, Any]) -> None:
    rows = [
        {**ROW, "counter_id": f"c{number}", "at": f"20{9 + number % 11:02d}-12-01T00:00:00Z", "count": 1}
        for number in range(5_001)
    ]
    settings = small_settings(tmp_path)
    with TestClient(create_app(settings, clock=lambda: at("2021-10-01"))) as client:
        answer = client.post(path, json={**rest, "rows": rows})

    assert answer.status_code == 422
    assert "5,001 counters" in answer.json()["detail"]
    assert not (tmp_path / "observations.db").exists()


def test_too_many_rows_to_predict_are_422(client: TestClient) -> None:
    answer = client.post("/predict", json={"rows": [ROW] * 50_001})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "rows"


def test_unknown_runs_and_models_are_404(client: TestClient) -> None:
    promotion = {"model_type": "rf", "run_id": "rf-unknown"}

    assert client.get("/train/rf-unknown").status_code == 404
    assert client.post("/promote_champion", json=promotion).status_code == 404
    assert client.post("/evaluate", json={**WINDOW, "run_id": "rf-unknown"}).status_code == 404


@pytest.mark.parametrize(
    ("guard", "status"),
    [({}, 200), ({"expected_champion": "rf-1"}, 200), ({"expected_champion": None}, 409)],
)
def test_null_expected_champion_differs_from_an_absent_one(
    tmp_path: Path, guard: dict[str, Any], status: int
) -> None:
    settings = small_settings(tmp_path)
    registry = Registry(Storage.at(settings.registry))
    for run_id in ("rf-1", "rf-2"):
        add(registry, run_id)
    promote(registry, "rf-1")

    with TestClient(create_app(settings)) as client:
        answer = client.post("/promote_champion", json={"model_type": "rf", "run_id": "rf-2", **guard})

    assert answer.status_code == status


def test_api_key_is_required_except_for_health_and_metrics(tmp_path: Path) -> None:
    with TestClient(create_app(small_settings(tmp_path, api_key="s3cret"))) as client:
        answers = {
            "none": client.get("/model_summary"),
            "wrong": client.get("/model_summary", headers={"X-API-Key": "s3cre"}),
            "right": client.get("/model_summary", headers={"X-API-Key": "s3cret"}),
            "bearer": client.get("/model_summary", headers={"Authorization": "Bearer s3cret"}),
            "train": client.post("/train", json={}),
            "health": client.get("/health"),
            "metrics": client.get("/metrics"),
        }

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "none": 401,
        "wrong": 401,
        "right": 200,
        "bearer": 200,
        "train": 401,
        "health": 200,
        "metrics": 200,
    }


@pytest.mark.parametrize("path", ["/predict", "/train", "/evaluate", "/observations"])
def test_body_is_not_read_without_the_api_key(tmp_path: Path, path: str) -> None:
    with TestClient(create_app(small_settings(tmp_path, api_key="s3cret"))) as client:
        answer = client.post(path, content=b"{", headers={"content-type": "application/json"})
        counted = sample(client, "fastapi_requests_total", method="POST", endpoint=path, status="401")

    assert answer.status_code == 401
    assert counted == 1


def test_start_fails_for_a_data_folder_without_counts(tmp_path: Path) -> None:
    with (
        pytest.raises(DataFolderError, match="holds no file named like"),
        TestClient(create_app(small_settings(tmp_path / "state", data_dir=tmp_path))),
    ):
        pass
