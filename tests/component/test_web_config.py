"""--web.config.file: Prometheus's own file is accepted, what is wrong is named, a reload rotates it."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient
from typer.testing import CliRunner

from alert_router import cli
from alert_router.config import ConfigError, web_config
from alert_router.domain.access import EVERY_ROLE, Role
from alert_router.settings import Settings
from alert_router.web import credentials
from testbed.factories import webhook_json
from testbed.router_harness import MadeClient

HASH = "$2y$10$EYxs8IOG46m9CtpB/XlPxO1ei7E4BjAen0SUv6di7mD4keR/8JO6m"
PROMETHEUS = f"""
tls_server_config:
  cert_file: server.crt
  key_file: server.key
  min_version: TLS13
http_server_config:
  http2: false
basic_auth_users:
  alertmanager: {HASH}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "web.yml"


def test_file_of_prometheus_is_accepted(file: Path) -> None:
    file.write_text(PROMETHEUS)

    config = web_config.load(file)

    assert config.tls_server_config is not None
    assert config.tls_server_config.cert_file == file.parent / "server.crt"
    made = credentials.of(Settings(), config)
    assert made.users["alertmanager"].identity.roles == EVERY_ROLE
    assert made.guarded == EVERY_ROLE


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("basic_auth_users: {ada: secret}", "1:20: basic_auth_users.ada: must be a bcrypt hash"),
        ("basic_auth_user: {}", 'unknown key "basic_auth_user"; did you mean "basic_auth_users"?'),
        ("user_roles: {eve: [read]}", "user_roles.eve: is not among basic_auth_users"),
        ("tokens: [{name: a}]", 'the key "token_file" is missing'),
        ("tokens: [{name: a, token_file: x, roles: [own]}]", "roles"),
        ("proxy: {addresses: [proxy.example.org]}", "proxy.addresses[0]"),
        ("proxy: {addresses: []}", "proxy.addresses: must have at least 1"),
        (
            "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAndVerifyClientCert}",
            "client_ca_file",
        ),
        ("[]", "must be a mapping"),
        ("a: [", "is not YAML"),
    ],
)
def test_invalid_file_is_explained(file: Path, text: str, problem: str) -> None:
    file.write_text(text)

    with pytest.raises(ConfigError) as caught:
        web_config.load(file)

    assert problem in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "", b"\xff"])
def test_unusable_token_file_is_named(file: Path, content: str | bytes | None) -> None:
    file.write_text("tokens: [{name: a, token_file: token}]")
    if content is not None:
        (file.parent / "token").write_bytes(content.encode() if isinstance(content, str) else content)

    with pytest.raises(ConfigError) as caught:
        credentials.of(Settings(), web_config.load(file))

    assert str(file.parent / "token") in str(caught.value)


def send(client: TestClient, token: str) -> int:
    headers = {"authorization": f"Bearer {token}"}
    return client.post("/webhooks/alertmanager", json=webhook_json(), headers=headers).status_code


def test_reload_rotates_a_token(make_sqlite_client: MadeClient, file: Path) -> None:
    token = file.parent / "token"
    file.write_text("tokens: [{name: am, token_file: token, roles: [send, act]}]")
    token.write_text("old\n")
    client = make_sqlite_client(web_config=file)

    before = send(client, "old"), send(client, "new")
    token.write_text("new\n")
    client.post("/-/reload", headers={"authorization": "Bearer old"})

    assert before == (200, 401)
    assert (send(client, "old"), send(client, "new")) == (401, 200)


def test_bad_reload_leaves_the_credentials_as_they_were(make_sqlite_client: MadeClient, file: Path) -> None:
    (file.parent / "token").write_text("old")
    file.write_text("tokens: [{name: am, token_file: token, roles: [send, act]}]")
    client = make_sqlite_client(web_config=file)
    file.write_text("tokens: [{name: am}]")

    answer = client.post("/-/reload", headers={"authorization": "Bearer old"})

    assert answer.status_code == 422
    assert "token_file" in answer.json()["detail"]
    assert send(client, "old") == 200


def test_public_metrics_can_be_closed(make_sqlite_client: MadeClient, file: Path) -> None:
    file.write_text(f"public_metrics: false\nbasic_auth_users: {{ada: {HASH}}}")
    client = make_sqlite_client(web_config=file)

    assert client.get("/metrics").status_code == 401
    assert client.get("/-/ready").status_code == 200


@pytest.mark.parametrize(
    ("changes", "open_to"),
    [
        ({}, "send and read"),
        ({"ALERT_ROUTER_INGEST_TOKENS": "one"}, "read"),
        ({"ALERT_ROUTER_USERS": "ada:secret"}, None),
        ({"ALERT_ROUTER_INGEST_TOKENS": "one", "ALERT_ROUTER_USERS": "ada:secret"}, None),
        ({"ALERT_ROUTER_WEB_INSECURE": "true"}, None),
        ({"ALERT_ROUTER_LISTEN": "127.0.0.1:8010"}, None),
        ({"ALERT_ROUTER_LISTEN": "[::1]:8010"}, None),
    ],
)
def test_open_address_without_credentials_is_refused(changes: dict[str, str], open_to: str | None) -> None:
    environment = {"ALERT_ROUTER_LISTEN": "0.0.0.0:8010", **changes}

    result = CliRunner().invoke(cli.main, ["check-config"], env=environment)

    assert result.exit_code == (0 if open_to is None else 1)
    assert (f"where everybody could {open_to}:" in result.output) is (open_to is not None)


def test_act_is_signed_by_who_is_known(make_sqlite_client: MadeClient) -> None:
    client = make_sqlite_client(users=(SecretStr("ada:secret"),))
    client.auth = ("ada", "secret")
    client.post("/webhooks/alertmanager", json=webhook_json())

    client.post("/alerts/1/acknowledge", json={"by": "Ada"})
    client.post("/alerts/1/acknowledge", json={"by": "Bob"})

    details = [item["detail"] for item in client.get("/alerts/1").json()["transitions"]]
    assert details[-2:] == ["Ada", "Bob (ada)"]


def test_roles_are_the_three() -> None:
    assert {str(role) for role in Role} == {"send", "read", "act"}
