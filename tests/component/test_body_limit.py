"""A body over the limit is answered with a problem document, like every other error."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from testbed.factories import Clock
from testbed.router_harness import MadeClient, until

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


def refusals(client: TestClient) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get("/alerts?alertname=WebhookRefused").json()["alerts"]
    return rows


def test_too_large_webhook_of_a_sender_is_an_alert(make_sqlite_client: MadeClient, clock: Clock) -> None:
    client = make_sqlite_client(max_body_bytes=LIMIT)

    for _ in range(3):
        client.post("/webhooks/alertmanager", content=b" " * (LIMIT + 1))
        clock.move(60)

    [alert] = refusals(client)
    assert (alert["severity"], alert["status"], alert["source"]) == ("warning", "firing", "alert_router")
    summary = "A webhook of 1001 bytes from 127.0.0.1 was refused, and its alerts are not known here"
    assert alert["annotations"]["summary"] == summary
    assert "ALERT_ROUTER_MAX_BODY_BYTES" in alert["annotations"]["description"]
    clock.move(3600)
    until(lambda: refusals(client)[0]["status"] == "resolved")


def test_too_large_webhook_of_undeclared_size_is_an_alert(make_sqlite_client: MadeClient) -> None:
    client = make_sqlite_client(max_body_bytes=LIMIT)

    client.post("/webhooks/alertmanager/ops", content=chunked())

    assert "more than 1000 bytes" in refusals(client)[0]["annotations"]["summary"]


@pytest.mark.parametrize(
    ("headers", "status", "count"),
    [
        ({}, 401, 0),
        ({"authorization": "Bearer wrong"}, 401, 0),
        ({"authorization": "Bearer one"}, 413, 1),
    ],
    ids=["anonymous", "wrong token", "token"],
)
def test_too_large_webhook_of_a_stranger_notifies_nobody(
    make_sqlite_client: MadeClient, headers: dict[str, str], status: int, count: int
) -> None:
    client = make_sqlite_client(max_body_bytes=LIMIT, ingest_tokens="one", sender="10.0.0.9")

    answer = client.post("/webhooks/alertmanager", content=b" " * (LIMIT + 1), headers=headers)

    assert answer.status_code == status
    assert len(refusals(client)) == count


def test_refused_senders_are_shown(make_sqlite_client: MadeClient) -> None:
    client = make_sqlite_client(max_body_bytes=LIMIT, ingest_tokens="one", sender="10.0.0.9")
    for _ in range(2):
        client.post("/webhooks/alertmanager", json={})
    sender = {"authorization": "Bearer one"}
    client.post("/events", content=b" " * (LIMIT + 1), headers=sender)

    readiness = client.get("/-/ready")

    words = "3 refused in the last hour: 401 from 10.0.0.9 (2), 413 from 10.0.0.9 (1)"
    assert (readiness.status_code, readiness.json()["ready"]) == (200, True)
    assert readiness.json()["troubles"]["senders"] == words
    assert words in client.get("/", headers={"accept": "text/html"}).text
