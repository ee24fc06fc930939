"""Who may what: every route with every credential, generated from the application's own table of routes."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.routing import BaseRoute
from starlette.testclient import TestClient

from alert_router.domain.access import EVERY_ROLE, Role, Roles
from testbed.factories import NOON, Clock, event_json, webhook_json
from testbed.fakes.discord import DiscordState
from testbed.router_harness import open_client

STRANGER = "203.0.113.7"
PROXY = "10.9.8.7"
PASSWORD = "correct horse"
SECRET = "signed with this"
PUBLIC = {"/-/healthy", "/-/ready", "/metrics"}
INGEST = {"/webhooks/alertmanager", "/webhooks/grafana", "/events"}
NOWHERE: Roles = frozenset()
PARAMETER = re.compile(r"{\w+(:\w+)?}")
ENDLESS = {"/live": "/live?since=never"}
"""Routes whose answer never ends, with a query that they refuse."""
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
WEB_CONFIG = f"""
basic_auth_users: {{ada: {HASH}, grafana: {HASH}}}
user_roles: {{grafana: [send]}}
tokens:
  - {{name: reader, token_file: reader, roles: [read]}}
  - {{name: actor, token_file: actor, roles: [act]}}
  - {{name: expired, token_file: expired, roles: [send, read, act], expires: "2020-01-01T00:00:00Z"}}
signatures: [{{name: signer, secret_file: secret}}]
proxy: {{addresses: [{PROXY}/32]}}
"""


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@dataclass(frozen=True)
class Credential:
    roles: Roles
    headers: Mapping[str, str]
    peer: str = STRANGER
    signed_ago_s: float | None = None
    secret: str = SECRET


CREDENTIALS = {
    "none": Credential(NOWHERE, {}),
    "none, on loopback": Credential(NOWHERE, {}, peer="127.0.0.1"),
    "ingest token": Credential(frozenset({Role.SEND, Role.ACT}), bearer("one")),
    "token that reads": Credential(frozenset({Role.READ}), bearer("reads")),
    "token that acts": Credential(frozenset({Role.ACT}), bearer("acts")),
    "expired token": Credential(NOWHERE, bearer("expires")),
    "wrong token": Credential(NOWHERE, bearer("onE")),
    "empty token": Credential(NOWHERE, {"authorization": "Bearer"}),
    "user": Credential(EVERY_ROLE, basic("ada", PASSWORD)),
    "user that sends": Credential(frozenset({Role.SEND}), basic("grafana", PASSWORD)),
    "user of the environment": Credential(EVERY_ROLE, basic("bob", "plain")),
    "wrong password": Credential(NOWHERE, basic("ada", "plain")),
    "wrong plain password": Credential(NOWHERE, basic("bob", PASSWORD)),
    "unknown user": Credential(NOWHERE, basic("eve", PASSWORD)),
    "broken basic": Credential(NOWHERE, {"authorization": "Basic !"}),
    "other scheme": Credential(NOWHERE, {"authorization": "Digest one"}),
    "proxy": Credential(frozenset({Role.READ, Role.ACT}), {"x-forwarded-user": "ada"}, peer=PROXY),
    "proxy without a user": Credential(NOWHERE, {"x-forwarded-user": " "}, peer=PROXY),
    "proxy's header of a stranger": Credential(NOWHERE, {"x-forwarded-user": "ada"}),
    "proxy's header of a stranger who claims its address": Credential(
        NOWHERE, {"x-forwarded-user": "ada", "x-forwarded-for": PROXY}
    ),
    "claimed loopback": Credential(NOWHERE, {"x-forwarded-for": "127.0.0.1"}),
    "signature": Credential(frozenset({Role.SEND}), {}, signed_ago_s=10),
    "old signature": Credential(NOWHERE, {}, signed_ago_s=301),
    "signature of the future": Credential(NOWHERE, {}, signed_ago_s=-301),
    "wrong signature": Credential(NOWHERE, {}, signed_ago_s=10, secret="another"),
}
ORIGINS = {
    "no origin": {},
    "own origin": {"origin": "https://alerts.example.org", "sec-fetch-site": "same-origin"},
    "foreign origin": {"origin": "https://evil.example.org"},
    "foreign site": {"sec-fetch-site": "cross-site"},
}


@pytest.fixture(scope="module")
def clients(
    migrated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, TestClient]]:
    """By the address of the other end: one application a peer, all alike."""
    folder = tmp_path_factory.mktemp("access")
    for name, secret in {"reader": "reads", "actor": "acts", "expired": "expires", "secret": SECRET}.items():
        (folder / name).write_text(secret)
    (folder / "web.yml").write_text(WEB_CONFIG)
    with ExitStack() as running:
        made = {}
        for peer in (STRANGER, PROXY, "127.0.0.1"):
            database = folder / f"{peer}.db"
            database.write_bytes(migrated_file.read_bytes())
            made[peer] = open_client(
                running,
                f"sqlite:///{database}",
                Clock(),
                DiscordState(clock=Clock()),
                sender=peer,
                ingest_tokens=(SecretStr("one"),),
                users="bob:plain",
                web_config=folder / "web.yml",
                external_url="https://alerts.example.org",
            )
        yield made


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every method and path that the application answers, with a number or a name for each parameter."""
    for route in _flat(app.router.routes):
        path = getattr(route, "path", "").replace("{channel}", "preview")
        for method in getattr(route, "methods", None) or ():
            yield method, ENDLESS.get(path) or PARAMETER.sub("1", path)
    yield "GET", "/static/icon.svg"
    yield "POST", "/nowhere"


SIGNED = "/act/"
"""Their signature is the proof: tests/component/test_act_links.py."""


def _flat(routes: list[BaseRoute]) -> Iterator[BaseRoute]:
    for route in routes:
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        if inner is None:
            yield route
        else:
            yield from _flat(inner)


def needed(method: str, path: str) -> Roles:
    """As SECURITY.md says it: written here once more, so that a slip in the code shows."""
    if path in PUBLIC or path.startswith("/static/"):
        return NOWHERE
    if path.removesuffix("/preview") in INGEST and path != "/preview":
        return frozenset({Role.SEND})
    if path == "/-/send-test":
        return frozenset({Role.SEND, Role.ACT})
    return frozenset({Role.READ}) if method in ("GET", "HEAD") else frozenset({Role.ACT})


def may(credential: Credential, origin: str, method: str, path: str) -> bool:
    roles = needed(method, path)
    if not roles:
        return True
    if method not in ("GET", "HEAD"):
        is_foreign = origin.startswith("foreign")
        if roles == {Role.SEND} and "origin" in ORIGINS[origin]:
            return False
        if roles != {Role.SEND} and is_foreign:
            return False
    signs = credential.signed_ago_s is not None
    return bool(credential.roles & roles) and not (signs and Role.SEND not in roles)


def ask(client: TestClient, credential: Credential, origin: str, method: str, path: str) -> Any:
    # A signature is good for one address: each has a body of its own.
    document = event_json() if path == "/events" else {**webhook_json(), "receiver": path}
    body = b"" if method == "GET" else json.dumps(document).encode()
    headers = {"content-type": "application/json", **credential.headers, **ORIGINS[origin]}
    if credential.signed_ago_s is not None:
        timestamp = str(int(NOON.timestamp() - credential.signed_ago_s))
        signed = hmac.new(credential.secret.encode(), f"{timestamp}:".encode() + body, hashlib.sha256)
        headers |= {
            "x-grafana-alerting-signature": signed.hexdigest(),
            "x-grafana-alerting-timestamp": timestamp,
        }
    return client.request(method, path, content=body, headers=headers, follow_redirects=False)


def test_table_of_routes_is_read_completely(clients: Mapping[str, TestClient]) -> None:
    app = clients[STRANGER].app
    assert isinstance(app, FastAPI)
    paths = {path for _, path in routes(app)}

    documented = {path for path in app.openapi()["paths"] if "{" not in path}
    assert documented <= paths
    assert {"/alerts/1", "/webhooks/grafana/preview", "/docs", "/"} <= paths


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("name", CREDENTIALS)
def test_every_route_lets_in_who_may_and_nobody_else(
    clients: Mapping[str, TestClient], name: str, origin: str
) -> None:
    credential = CREDENTIALS[name]
    client = clients[credential.peer]
    assert isinstance(client.app, FastAPI)

    asked = sorted({(m, p) for m, p in routes(client.app) if not p.startswith(SIGNED)})
    answers = {(m, p): ask(client, credential, origin, m, p) for m, p in asked}

    let_in = {route for route, answer in answers.items() if answer.status_code not in (401, 403)}
    assert let_in == {(m, p) for m, p in answers if may(credential, origin, m, p)}
    assert [answer for answer in answers.values() if answer.status_code >= 500] == []
    for answer in answers.values():
        if answer.status_code == 401:
            assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("ending", ["%0A", "%0a%0a", "%0D%0A", "%00"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/webhooks/alertmanager"),
        ("POST", "/events"),
        ("POST", "/alerts/1/acknowledge"),
        ("GET", "/alerts"),
    ],
)
def test_line_break_after_a_path_opens_no_route(
    clients: Mapping[str, TestClient], method: str, path: str, ending: str
) -> None:
    answer = clients[STRANGER].request(method, path + ending, content=json.dumps(webhook_json()))

    assert answer.status_code == 400
    assert "control characters" in answer.json()["detail"]


def test_signature_is_good_for_one_address(clients: Mapping[str, TestClient]) -> None:
    signed = CREDENTIALS["signature"]
    body = {**webhook_json(), "receiver": "once"}

    def send(path: str) -> int:
        timestamp = str(int(NOON.timestamp()))
        content = json.dumps(body).encode()
        mac = hmac.new(SECRET.encode(), f"{timestamp}:".encode() + content, hashlib.sha256).hexdigest()
        headers = {"x-grafana-alerting-signature": mac, "x-grafana-alerting-timestamp": timestamp}
        answer = clients[signed.peer].post(path, content=content, headers=headers)
        return answer.status_code

    assert send("/webhooks/alertmanager?source=a") == 200
    assert send("/webhooks/alertmanager?source=a") == 200
    assert send("/webhooks/alertmanager?source=b") == 401
    assert send("/webhooks/alertmanager/preview?source=a") == 401
