"""The OpenAPI document: its snapshot, security schemes and answers. UPDATE_GOLDEN=1 rewrites the snapshot."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

SNAPSHOT = Path(__file__).with_name("openapi.json")
OPEN = {"/health", "/metrics"}
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    content: dict[str, Any] = client.get("/openapi.json").json()
    return content


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_openapi_matches_its_snapshot(document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        SNAPSHOT.write_text(text)

    assert text == SNAPSHOT.read_text()


def test_openapi_names_the_security_schemes(document: dict[str, Any]) -> None:
    secured = {
        name: operation.get("security", [])
        for name, operation in operations(document).items()
        if name.split()[1] not in OPEN
    }

    assert set(document["components"]["securitySchemes"]) == {"APIKeyHeader", "HTTPBearer"}
    assert set(map(json.dumps, secured.values())) == {'[{"APIKeyHeader": []}, {"HTTPBearer": []}]'}
    assert all("security" not in op for name, op in operations(document).items() if name not in secured)


def test_every_operation_documents_its_problems(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        method, path = name.split()
        expected = {"500"} | (set() if path in OPEN else {"401"})
        expected |= {"400", "413", "422"} if method == "POST" else set()

        assert expected <= set(operation["responses"]), name
        for status in expected:
            assert operation["responses"][status]["content"] == PROBLEM, (name, status)
