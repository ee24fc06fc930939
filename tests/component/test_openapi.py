"""The OpenAPI document: agreed as a golden file, complete for every route."""

import json
import os
from pathlib import Path

from starlette.testclient import TestClient

from testbed.router_harness import MadeClient

GOLDEN = Path(__file__).parent.parent / "golden" / "openapi.json"
SEND_ROUTES = {
    *("/webhooks/alertmanager", "/webhooks/alertmanager/{channel}"),
    *("/webhooks/grafana", "/webhooks/grafana/{channel}"),
    "/events",
}
PUBLIC_ROUTES = {"/-/healthy", "/-/ready", "/metrics", "/act/{token}"}


def document(client: TestClient) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    return dict(client.get("/openapi.json").json())


def test_openapi_document_is_the_agreed_one(make_sqlite_client: MadeClient) -> None:
    text = json.dumps(document(make_sqlite_client()), indent=2, ensure_ascii=False) + "\n"

    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text(), "UPDATE_GOLDEN=1 rewrites it"


def test_openapi_names_the_credentials_of_every_route(make_sqlite_client: MadeClient) -> None:
    api = document(make_sqlite_client())

    schemes = {
        path: {name for scheme in operation.get("security", ()) for name in scheme}  # type: ignore[attr-defined]
        for path, operations in api["paths"].items()
        for operation in operations.values()
    }
    assert {path for path, names in schemes.items() if not names} == PUBLIC_ROUTES
    assert {path for path, names in schemes.items() if "signature" in names} == {*SEND_ROUTES, "/-/send-test"}
    assert set(api["components"]["securitySchemes"]) == {"bearer", "basic", "signature"}


def test_openapi_references_resolve(make_sqlite_client: MadeClient) -> None:
    api = document(make_sqlite_client())

    text = json.dumps(api)
    names = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert names <= set(api["components"]["schemas"])
