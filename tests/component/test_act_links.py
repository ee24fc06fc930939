"""Acting from a card on a plain webhook: signed links, the page with one button, the history of acts."""

import json
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from threading import Barrier
from typing import Any

import httpx
import httpx2
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from alert_router.app import create_app
from alert_router.delivery import Clocks
from alert_router.settings import Settings
from alert_router.store import acts
from alert_router.store.engine import Store
from testbed.factories import API_DOWN, DISK_FULL, SECRET, Clock, webhook_json, wire_alert
from testbed.fakes.discord import DiscordState, transport
from testbed.router_harness import open_client, until

WEBHOOK = "/webhooks/alertmanager"
EXTERNAL = "https://router.example.org"
FORM = {"accept": "text/html", "content-type": "application/x-www-form-urlencoded"}
DAY_S = 86_400


@dataclass(slots=True)
class FakeAlertmanager:
    silences: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.silences.append(json.loads(request.content))
        return httpx.Response(self.status, json={"silenceID": "5c1e"} if self.status == 200 else "no")


@pytest.fixture
def alertmanager() -> FakeAlertmanager:
    return FakeAlertmanager()


@pytest.fixture
def client(database_url: str, clock: Clock, discord: DiscordState, alertmanager: FakeAlertmanager) -> Any:
    """The router with one firing alert, whose card is sent."""
    settings = Settings(
        database_url=database_url,
        discord_webhook_url=f"http://discord.test/api/webhooks/1/{SECRET}",
        external_url=EXTERNAL,
        alertmanager_urls=("http://alertmanager.test",),
        reconcile_seconds=100_000,
    )
    app = create_app(
        settings,
        clocks=Clocks(now=clock.time, steady=clock),
        transport=Split(transport(discord), httpx.MockTransport(alertmanager)),
    )
    with TestClient(app, base_url=EXTERNAL, client=("127.0.0.1", 5)) as client:
        client.post(WEBHOOK, json=webhook_json(wire_alert(API_DOWN)))
        until(discord.messages)
        client.headers["accept"] = "text/html"
        yield client


class Split(httpx.AsyncBaseTransport):
    """To Discord or to Alertmanager, by the host."""

    def __init__(self, discord: httpx.AsyncBaseTransport, alertmanager: httpx.AsyncBaseTransport) -> None:
        self._discord, self._alertmanager = discord, alertmanager

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        chosen = self._alertmanager if request.url.host == "alertmanager.test" else self._discord
        return await chosen.handle_async_request(request)


def link(discord: DiscordState, label: str = "Acknowledge") -> str:
    """The path of the button of the newest card."""
    buttons = [button for row in discord.messages()[-1].components for button in row["components"]]
    [url] = [button["url"] for button in buttons if button["label"] == label]
    return str(url).removeprefix(EXTERNAL)


def press(client: TestClient, path: str, **fields: str) -> httpx2.Response:
    return client.post(path, data={"by": "Ada", **fields})


def buttons_show(discord: DiscordState, label: str) -> Callable[[], bool]:
    return lambda: label in str(discord.messages()[-1].components)


def delivered(client: TestClient) -> bool:
    """Of the first card, the outcome is stored."""
    return bool(client.get("/alerts/1", headers={"accept": "application/json"}).json()["deliveries"])


def kept(store: Store) -> list[tuple[str, str, str, str]]:
    with store.read() as conn:
        return [(act.kind, act.by, act.note, act.via) for act in acts.of_incident(conn, 1)]


def test_opening_a_link_changes_nothing(client: TestClient, discord: DiscordState, store: Store) -> None:
    """As the scanners of links do, and previews."""
    until(lambda: delivered(client))
    before = client.get("/alerts/1", headers={"accept": "application/json"}).json()

    for label in ("Acknowledge", "Silence"):
        page = client.get(link(discord, label))
        assert page.status_code == 200
        assert "ApiDown" in page.text
        assert client.head(link(discord, label)).status_code in (200, 405)

    assert client.get("/alerts/1", headers={"accept": "application/json"}).json() == before
    assert kept(store) == []


@pytest.mark.parametrize("page", ["/preview", "/alerts/1", "/incidents/1"])
def test_pages_lead_to_the_incident_and_show_no_signature(
    client: TestClient, discord: DiscordState, page: str
) -> None:
    """Who may read pages may not act by a link that was signed for the channel."""
    until(lambda: delivered(client))

    text = client.get(page).text

    assert link(discord).startswith("/act/")
    assert "/act/" not in text
    assert f'href="{EXTERNAL}/incidents/1"' in text


def test_button_acknowledges_and_the_card_says_so(
    client: TestClient, discord: DiscordState, store: Store
) -> None:
    answer = press(client, link(discord), note="on it")

    assert "Acknowledged" in answer.text
    assert kept(store) == [("acknowledged", "Ada", "on it", "card")]
    until(lambda: "Ada" in str(discord.messages()[-1].embeds))
    timeline = client.get("/alerts/1", headers={"accept": "application/json"}).json()["transitions"]
    assert ("acknowledged", "Ada: on it") in [(entry["kind"], entry["detail"]) for entry in timeline]


def test_name_is_remembered_on_the_device(client: TestClient, discord: DiscordState) -> None:
    path = link(discord, "Silence")

    client.post(link(discord), data={"by": "Ada <Lovelace>; née"})

    assert 'value="Ada &lt;Lovelace&gt;; née"' in client.get(path).text


def test_acknowledgement_is_taken_back_by_a_link_of_its_own(
    client: TestClient, discord: DiscordState, store: Store
) -> None:
    page = press(client, link(discord)).text
    undo = re.search(r'href="(/act/u[^"]+)"', page)
    assert undo is not None

    answer = press(client, undo[1], note="wrong one")

    assert "No longer acknowledged" in answer.text
    assert [kind for kind, *_ in kept(store)] == ["acknowledged", "unacknowledged"]
    until(lambda: "Ada" not in str(discord.messages()[-1].embeds))
    assert press(client, link(discord)).is_success


def test_replayed_link_is_refused_with_who_used_it(
    client: TestClient, discord: DiscordState, store: Store
) -> None:
    path = link(discord)
    press(client, path)

    replayed, opened = press(client, path, by="Eve"), client.get(path)

    assert (replayed.status_code, opened.status_code) == (409, 409)
    assert "This link was used: Ada acknowledged it just now." in replayed.text
    assert len(kept(store)) == 1


def test_expired_link_is_refused(
    client: TestClient, discord: DiscordState, clock: Clock, store: Store
) -> None:
    path = link(discord)
    clock.move(7 * DAY_S + 60)

    answers = [client.get(path), press(client, path)]

    assert [answer.status_code for answer in answers] == [410, 410]
    assert "good for 7 days" in answers[0].text
    assert kept(store) == []


def test_altered_link_is_refused(client: TestClient, discord: DiscordState, store: Store) -> None:
    path = link(discord)
    other_incident = path.replace("/act/a1.", "/act/a2.")
    other_act = path.replace("/act/a", "/act/s")
    assert path not in (other_incident, other_act)

    answers = [press(client, altered) for altered in (other_incident, other_act, path[:-1], "/act/x")]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert "not made by this router" in answers[0].text
    assert kept(store) == []


def test_link_of_an_incident_that_is_over_is_refused(client: TestClient, discord: DiscordState) -> None:
    path = link(discord)
    client.post(
        WEBHOOK, json=webhook_json(wire_alert(API_DOWN, ends_at=datetime.fromisoformat("2026-09-24T12:01Z")))
    )

    answer = press(client, path)

    assert answer.status_code == 409
    assert "no longer fires" in answer.text
    until(lambda: not buttons_show(discord, "Acknowledge")())


def test_name_is_required(client: TestClient, discord: DiscordState, store: Store) -> None:
    assert press(client, link(discord), by=" ").status_code == 422
    assert kept(store) == []


def test_act_needs_no_token_and_no_origin(client: TestClient, discord: DiscordState) -> None:
    """The signature is the right; a page without a referrer has the Origin null."""
    answer = client.post(link(discord), data={"by": "Ada"}, headers={"origin": "null"})

    assert answer.is_success


def test_address_of_a_link_is_not_spread(
    client: TestClient, discord: DiscordState, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = link(discord)

    answers = [client.get(path), client.get(f"{path[:-1]}"), press(client, path), press(client, path)]

    for answer in answers:
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.headers["x-robots-tag"]
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("alert_router")]
    assert path.rpartition(".")[2] not in "\n".join(ours)


def test_silence_is_written_through_the_api(
    client: TestClient, discord: DiscordState, alertmanager: FakeAlertmanager, store: Store
) -> None:
    path = link(discord, "Silence")
    assert "instance=&#34;api-1&#34;" in client.get(path).text

    answer = press(client, path, until="4h", note="deploying")

    assert "Silenced" in answer.text
    [silence] = alertmanager.silences
    assert (silence["createdBy"], silence["comment"]) == ("Ada", "deploying")
    assert silence["endsAt"] == "2026-09-24T16:00:00+00:00"
    assert {one["name"]: one["value"] for one in silence["matchers"]} == API_DOWN
    assert kept(store) == [("silenced", "Ada", "deploying", "card")]
    assert press(client, path).status_code == 409
    until(lambda: link(discord, "Silence") != path)


def test_button_pressed_by_many_at_once_is_one_silence(
    client: TestClient, discord: DiscordState, alertmanager: FakeAlertmanager, store: Store
) -> None:
    path, barrier = link(discord, "Silence"), Barrier(8)

    def press_together(number: int) -> int:
        barrier.wait()
        return press(client, path, by=f"person {number}").status_code

    with ThreadPoolExecutor(8) as people:
        statuses = list(people.map(press_together, range(8)))

    assert sorted(statuses) == [200] + [409] * 7
    assert len(alertmanager.silences) == len(kept(store)) == 1


def test_silence_that_alertmanager_refuses_can_be_tried_again(
    client: TestClient, discord: DiscordState, alertmanager: FakeAlertmanager, store: Store
) -> None:
    path = link(discord, "Silence")
    alertmanager.status = 400

    refused = press(client, path)

    assert refused.status_code == 502
    assert "Nothing is silenced: Alertmanager answered 400" in refused.text
    assert kept(store) == []
    alertmanager.status = 200
    assert press(client, path).is_success


def test_event_has_no_silence_link(client: TestClient, discord: DiscordState) -> None:
    client.post(
        "/events",
        json={"type": "event", "status": "firing", "name": "BackupFailed"},
        headers={"accept": "*/*"},
    )

    until(lambda: len(discord.messages()) == 2)
    assert "Silence" not in str(discord.messages()[-1].components)


def test_silence_of_a_group_matches_what_its_alerts_share(
    client: TestClient, discord: DiscordState, alertmanager: FakeAlertmanager
) -> None:
    alerts = [wire_alert({**DISK_FULL, "instance": name}) for name in ("db-1", "db-2")]
    client.post(WEBHOOK, json=webhook_json(*alerts))
    until(lambda: len(discord.messages()) == 2)

    press(client, link(discord, "Silence all"))

    assert {one["name"] for one in alertmanager.silences[0]["matchers"]} == {
        "alertname",
        "severity",
        "device",
    }


def test_programs_get_json(client: TestClient, discord: DiscordState) -> None:
    body = {"by": "bot", "until": "1h"}

    answer = client.post(link(discord), json=body, headers={"accept": "application/json"})

    assert answer.json() == {"done": "acknowledged", "by": "bot", "until": "2026-09-24T13:00:00Z"}


@pytest.mark.usefixtures("client")
def test_key_is_made_once_and_shared(discord: DiscordState, clock: Clock, database_url: str) -> None:
    path = link(discord)

    with ExitStack() as running:
        another = open_client(running, database_url, clock, discord, external_url=EXTERNAL)
        assert another.get(path).is_success


def test_acknowledgement_lapses_at_its_end(client: TestClient, clock: Clock, store: Store) -> None:
    headers = {"accept": "application/json"}
    body = {"by": "Ada", "note": "lunch", "until": "2026-09-24T13:00:00Z"}
    assert client.post("/alerts/1/acknowledge", json=body, headers=headers).status_code == 204

    clock.move(3601)

    until(lambda: len(kept(store)) == 2)
    assert kept(store) == [
        ("acknowledged", "Ada", "lunch", "api"),
        ("unacknowledged", "Ada", "the time is over", "time"),
    ]
    with store.read() as conn:
        assert conn.scalar(sa.text("SELECT acknowledged_by FROM incidents")) is None


def test_acknowledgement_cannot_end_in_the_past(client: TestClient) -> None:
    body = {"by": "Ada", "until": "2026-09-24T11:00:00Z"}

    answer = client.post("/alerts/1/acknowledge", json=body, headers={"accept": "application/json"})

    assert [error["field"] for error in answer.json()["errors"]] == ["until"]


@pytest.mark.parametrize("body", [None, {"by": "Eve", "note": "not her"}])
def test_acknowledgement_is_deleted(client: TestClient, store: Store, body: dict[str, str] | None) -> None:
    headers = {"accept": "application/json"}
    client.post("/alerts/1/acknowledge", json={"by": "Ada"}, headers=headers)

    deleted = [
        client.request("DELETE", "/alerts/1/acknowledge", json=body, headers=headers) for _ in range(2)
    ]

    assert [answer.status_code for answer in deleted] == [204, 409]
    by, note = (body["by"], body["note"]) if body else ("somebody", "")
    assert kept(store)[-1] == ("unacknowledged", by, note, "api")


def test_form_takes_an_acknowledgement_back(client: TestClient, store: Store) -> None:
    origin = {"origin": EXTERNAL}
    client.post("/alerts/1/acknowledge", data={"by": "Ada"}, headers=origin, follow_redirects=False)

    answer = client.post(
        "/alerts/1/unacknowledge", data={"by": "Ada"}, headers=origin, follow_redirects=False
    )

    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts/1")
    assert [via for *_, via in kept(store)] == ["page", "page"]
