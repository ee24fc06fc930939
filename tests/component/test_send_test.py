"""A test alert: from a program, from the page, and what becomes of it."""

from collections.abc import Callable

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from testbed.commands import command
from testbed.factories import Clock
from testbed.ports import free_port
from testbed.router_harness import WEBHOOK, until

MadeClient = Callable[..., TestClient]
PAGE = {"origin": "http://127.0.0.1:8010", "accept": "text/html"}


def test_test_fires_marked_as_such_and_ends_by_itself(client: TestClient, clock: Clock) -> None:
    answer = client.post("/-/send-test", json={"severity": "warning", "labels": {"team": "shop"}})

    assert answer.status_code == 201
    assert answer.json()["channels"] == ["preview"]
    alert = client.get(answer.json()["url"]).json()
    assert (alert["alertname"], alert["severity"], alert["status"]) == ("[TEST]", "warning", "firing")
    assert alert["labels"]["team"] == "shop"
    assert alert["annotations"]["summary"].startswith("[TEST]")
    clock.move(121)
    until(lambda: client.get(answer.json()["url"]).json()["status"] == "resolved")


def test_second_test_is_an_incident_of_its_own(client: TestClient, clock: Clock) -> None:
    first = client.post("/-/send-test")
    clock.move(1)
    second = client.post("/-/send-test")

    incidents = [client.get(answer.json()["url"]).json()["incident_id"] for answer in (first, second)]
    assert len(set(incidents)) == 2


def test_channel_is_named_instead_of_the_routes_choice(make_client: MadeClient) -> None:
    client = make_client(discord_webhook_url=WEBHOOK)

    by_routes = client.post("/-/send-test").json()["channels"]
    by_name = client.post("/-/send-test", json={"channel": "preview"}).json()["channels"]

    assert (by_routes, by_name) == (["discord"], ["preview"])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"channel": "preveiw"}, 'unknown channel "preveiw"; did you mean "preview"?'),
        ({"severity": "bad"}, 'unknown severity "bad"'),
        ({"chanel": "preview"}, "chanel"),
    ],
)
def test_wrong_test_is_explained(client: TestClient, body: dict[str, str], reason: str) -> None:
    answer = client.post("/-/send-test", json=body)

    assert answer.status_code == 422
    assert reason in answer.json()["detail"]


def test_button_on_the_page_sends_a_test(client: TestClient) -> None:
    page = client.get("/", headers=PAGE).text
    assert 'action="/-/send-test"' in page
    assert "<option>preview</option>" in page

    answer = client.post(
        "/-/send-test", data={"channel": "", "severity": "info"}, headers=PAGE, follow_redirects=False
    )

    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts/1")


def test_other_website_cannot_send_a_test(client: TestClient) -> None:
    answer = client.post("/-/send-test", headers={"origin": "https://evil.example"})

    assert answer.status_code == 403


def test_test_from_another_machine_needs_a_token(make_client: MadeClient) -> None:
    client = make_client(ingest_tokens=(SecretStr("one"),), sender="10.0.0.9")

    statuses = [
        client.post("/-/send-test", headers=headers).status_code
        for headers in ({}, {"authorization": "Bearer one"})
    ]

    assert statuses == [403, 201]


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_command_says_when_no_router_runs() -> None:
    listen = f"127.0.0.1:{free_port()}"

    status, output = command("sqlite://", "send-test", ALERT_ROUTER_LISTEN=listen)

    assert status == 1
    assert f"no router answers at http://{listen}" in output
    assert "alert-router serve" in output
