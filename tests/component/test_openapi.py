"""The OpenAPI document: agreed as a golden file, complete for every route."""

import json
import os
from pathlib import Path

from starlette.testclient import TestClient

from testbed.router_harness import MadeClient

GOLDEN = Path(__file__).parent.parent / "golden" / "openapi.json"
TOKEN_ROUTES = {
    *("/webhooks/alertmanager", "/webhooks/alertmanager/{channel}"),
    *("/webhooks/grafana", "/webhooks/grafana/{channel}"),
    "/events",
}
UI_ROUTES = {
    *("/alerts/{alert_id}/acknowledge", "/alerts/{alert_id}/unacknowledge"),
    *("/dead-letters/replay", "/dead-letters/{card_id}/replay"),
    *("/-/reload", "/-/send-test"),
}


def document(client: TestClient) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    return dict(client.get("/openapi.json").json())


def test_openapi_document_is_the_agreed_one(make_sqlite_client: MadeClient) -> None:
    text = json.dumps(document(make_sqlite_client()), indent=2, ensure_ascii=False) + "\n"

    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text(), "UPDATE_GOLDEN=1 rewrites it"


def test_openapi_names_the_bearer_scheme_where_a_token_is_checked(make_sqlite_client: MadeClient) -> None:
    api = document(make_sqlite_client())

    secured = {path for path, methods in api["paths"].items() for m in methods.values() if "security" in m}
    assert api["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert secured == TOKEN_ROUTES | UI_ROUTES


def test_openapi_references_resolve(make_sqlite_client: MadeClient) -> None:
    api = document(make_sqlite_client())

    text = json.dumps(api)
    names = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert names <= set(api["components"]["schemas"])
