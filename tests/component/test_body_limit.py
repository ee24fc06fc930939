"""A body over the limit is answered with a problem document, like every other error."""

from collections.abc import Iterator

import pytest

from testbed.router_harness import MadeClient

LIMIT = 1_000


def chunked() -> Iterator[bytes]:
    yield b" " * LIMIT
    yield b" "


@pytest.mark.parametrize("is_chunked", [False, True], ids=["declared", "chunked"])
@pytest.mark.parametrize("path", ["/webhooks/alertmanager", "/webhooks/grafana", "/events"])
def test_too_large_body_is_a_problem_that_names_the_setting(
    make_sqlite_client: MadeClient, path: str, is_chunked: bool
) -> None:
    client = make_sqlite_client(max_body_bytes=LIMIT)

    answer = client.post(path, content=chunked() if is_chunked else b" " * (LIMIT + 1))

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert f"larger than {LIMIT} bytes (ALERT_ROUTER_MAX_BODY_BYTES)" in answer.json()["detail"]


def test_too_large_acknowledgement_does_not_name_the_setting(make_sqlite_client: MadeClient) -> None:
    client = make_sqlite_client()

    answer = client.post("/alerts/1/acknowledge", json={"by": "Ada", "note": "x" * 10_000})

    assert answer.status_code == 413
    assert answer.json()["detail"] == "the body is larger than 10000 bytes"


def test_too_large_acknowledgement_of_a_browser_is_an_error_page(make_sqlite_client: MadeClient) -> None:
    client = make_sqlite_client(accept="text/html")

    answer = client.post("/alerts/1/acknowledge", data={"by": "Ada", "note": "x" * 10_000})

    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("text/html")


def test_too_large_body_is_counted(make_sqlite_client: MadeClient) -> None:
    client = make_sqlite_client(max_body_bytes=LIMIT)

    client.post("/events", content=b" " * (LIMIT + 1))

    counter = 'alert_router_webhook_requests_total{code="413",source="events"} 1.0'
    assert counter in client.get("/metrics").text.splitlines()
