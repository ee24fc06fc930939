"""Whatever a client sends, with a credential or without: no 5xx, and no answer that the document lacks."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from starlette.testclient import TestClient

from testbed.factories import SECRET, Clock, webhook_json
from testbed.fakes.discord import DiscordState
from testbed.router_harness import open_client

DOCUMENT = json.loads((Path(__file__).parent.parent / "golden" / "openapi.json").read_text())
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {
    f"{operation.method.upper()} {operation.path}": operation
    for operation in (result.ok() for result in SCHEMA.get_all_operations())  # type: ignore[union-attr] # all are
}
EXAMPLES = 10
"""Of each operation and credential: some hundred requests a second."""
CREDENTIALS = {"no credential": None, "user": ("ada", SECRET)}
NO_BODY = type(schemathesis.core.NOT_SET)


@pytest.fixture(scope="module")
def client(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    database = tmp_path_factory.mktemp("fuzz") / "router.db"
    database.write_bytes(migrated_file.read_bytes())
    clock = Clock()
    with ExitStack() as running:
        client = open_client(
            running,
            f"sqlite:///{database}",
            clock,
            DiscordState(clock=clock),
            users=f"ada:{SECRET}",
            sender="203.0.113.7",
        )
        client.post("/webhooks/alertmanager", json=webhook_json(), auth=("ada", SECRET))
        yield client


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_documented(client: TestClient, name: str, credential: str) -> None:
    operation = OPERATIONS[name]

    @hypothesis(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=operation.as_strategy())
    def check(case: schemathesis.Case[Any]) -> None:
        answer = send(client, case, CREDENTIALS[credential])
        documented = DOCUMENT["paths"][operation.path][operation.method]["responses"]
        assert answer.status_code < 500
        assert str(answer.status_code) in documented, answer.text
        if (
            credential == "no credential"
            and "security" in DOCUMENT["paths"][operation.path][operation.method]
        ):
            assert answer.status_code in (401, 403) or "control characters" in answer.text

    check()


def send(client: TestClient, case: schemathesis.Case[Any], auth: Any) -> Any:
    drawn = {name: str(value) for name, value in dict(case.headers or {}).items()}
    headers = {name: value.encode("latin-1", "replace") for name, value in drawn.items()}
    headers.pop("Authorization", None)
    return client.request(
        case.method,
        case.formatted_path,
        params={name: value for name, value in (case.query or {}).items() if value is not None},
        content=b"" if isinstance(case.body, NO_BODY) else json.dumps(case.body, default=str).encode(),
        headers={"content-type": b"application/json"} | headers,  # type: ignore[arg-type] # sent as they are
        auth=auth,
        follow_redirects=False,
    )
