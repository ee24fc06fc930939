"""Every error is a problem+json of one shape, also those of the framework."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from backend.regmodel.app.fastapi_app import MAX_BODY_BYTES, create_app
from backend.regmodel.tests.conftest import small_settings

ROW = {"counter_id": "a", "at": "2020-12-01T00:00:00Z"}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = create_app(small_settings(tmp_path_factory.mktemp("state"), api_key="s3cret"))
    with TestClient(app, raise_server_exceptions=False, headers={"X-API-Key": "s3cret"}) as client:
        yield client


@pytest.mark.parametrize(
    ("status", "method", "path", "options"),
    [
        (400, "POST", "/predict", {"content": b"\xff", "headers": {"content-type": "application/json"}}),
        (401, "GET", "/model_summary", {"headers": {"X-API-Key": "wrong"}}),
        (404, "GET", "/nowhere", {}),
        (404, "GET", "/train/rf-unknown", {}),
        (405, "GET", "/predict", {}),
        (413, "POST", "/observations", {"content": b" " * (MAX_BODY_BYTES + 1)}),
        (422, "POST", "/predict", {"content": b"{", "headers": {"content-type": "application/json"}}),
        (422, "POST", "/predict", {"json": {}}),
        (503, "POST", "/predict", {"json": {"rows": [ROW]}}),
    ],
)
def test_every_error_is_a_problem(
    keyed: TestClient, status: int, method: str, path: str, options: dict[str, Any]
) -> None:
    answer = keyed.request(method, path, **options)

    assert_problem(answer, status)


def test_chunked_body_over_the_limit_is_a_413_problem(keyed: TestClient) -> None:
    chunks = (b" " * 1024 * 1024 for _ in range(17))

    answer = keyed.post("/observations", content=chunks, headers={"content-type": "application/json"})

    assert_problem(answer, 413)


def test_unexpected_error_is_a_500_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError

    with TestClient(create_app(small_settings(tmp_path)), raise_server_exceptions=False) as client:
        service: Any = client.app_state["service"]
        monkeypatch.setattr(type(service.champions), "summary", property(fail))

        assert_problem(client.get("/model_summary"), 500)


def test_unauthorized_answer_names_the_scheme(keyed: TestClient) -> None:
    answer = keyed.get("/model_summary", headers={"X-API-Key": "wrong"})

    assert answer.headers["www-authenticate"] == "Bearer"


def assert_problem(answer: httpx2.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() == {"type", "title", "status", "detail", "errors"}
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
