"""What HTTP expects: HEAD, Allow, gzip, headers that keep browsers from guessing, own redirects."""

import gzip
import json
import zlib

import pytest
from starlette.testclient import TestClient

from testbed.factories import webhook_json
from testbed.router_harness import MadeClient

WEBHOOK = "/webhooks/alertmanager"
BODY = json.dumps(webhook_json()).encode()


@pytest.fixture
def client(make_sqlite_client: MadeClient) -> TestClient:
    return make_sqlite_client(max_body_bytes=20_000)


def send(client: TestClient, body: bytes, encoding: str = "gzip") -> tuple[int, str]:
    headers = {"content-type": "application/json", "content-encoding": encoding}
    answer = client.post(WEBHOOK, content=body, headers=headers)
    return answer.status_code, answer.text


@pytest.mark.parametrize("path", ["/alerts", "/", "/-/ready", "/metrics"])
def test_head_is_answered_like_get(client: TestClient, path: str) -> None:
    got, head = client.get(path), client.head(path)

    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", WEBHOOK, "POST"),
        ("GET", "/webhooks/grafana", "POST, PUT"),
        ("DELETE", "/alerts", "GET, HEAD"),
        ("GET", "/dead-letters/replay", "POST"),
    ],
)
def test_wrong_method_is_answered_with_the_right_ones(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_gzipped_body_is_read(client: TestClient) -> None:
    status, text = send(client, gzip.compress(BODY))

    assert (status, json.loads(text)["accepted"]) == (200, 1)


def test_gzipped_body_is_limited_by_what_comes_out(client: TestClient) -> None:
    status, text = send(client, gzip.compress(b" " * 20_001))

    assert status == 413
    assert "20000 bytes" in text


@pytest.mark.parametrize("body", [BODY, gzip.compress(BODY)[:-9], zlib.compress(BODY)])
def test_body_that_is_no_gzip_is_refused(client: TestClient, body: bytes) -> None:
    assert send(client, body)[0] == 400


def test_other_encodings_are_refused(client: TestClient) -> None:
    assert send(client, BODY, "br")[0] == 415


def test_json_is_neither_sniffed_nor_kept(client: TestClient) -> None:
    for path in ("/alerts", "/-/ready", "/nowhere"):
        headers = client.get(path).headers
        assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


def test_redirect_names_no_host(client: TestClient) -> None:
    answer = client.get("/alerts/?q=a", headers={"host": "localhost:8010"}, follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (307, "/alerts?q=a")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8010", 200),
        ("[::1]:8010", 200),
        ("localhost", 200),
        ("alert-router:8010", 200),
        ("alerts.example.org", 200),
        ("evil.example.org:8010", 421),
        ("127.0.0.1.evil.example.org", 421),
        ("[", 421),
    ],
)
def test_strangers_name_of_the_router_is_refused(
    make_sqlite_client: MadeClient, host: str, status: int
) -> None:
    client = make_sqlite_client(external_url="https://alerts.example.org")

    assert client.get("/alerts", headers={"host": host}).status_code == status
    assert client.get("/-/ready", headers={"host": host}).status_code == 200


def test_names_of_hosts_are_not_shown_to_strangers(make_sqlite_client: MadeClient) -> None:
    client = make_sqlite_client(
        alertmanager_urls=("http://127.0.0.1:9",), users="ada:secret", sender="203.0.113.7"
    )

    assert client.get("/-/ready").json()["troubles"] == {}
