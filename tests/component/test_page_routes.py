"""The pages of the running application: what a person does on them, as HTTP."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from testbed.factories import API_DOWN, DISK_FULL, NOON
from testbed.parsed_page import ParsedPage

PAGE = {"accept": "text/html"}
BROKEN = {"alerts": [{"status": "firing", "labels": "none", "startsAt": NOON.isoformat()}]}


def look(client: TestClient, url: str, status: int = 200) -> ParsedPage:
    answer = client.get(url, headers=PAGE)
    assert answer.status_code == status
    return ParsedPage(answer.text)


def send(client: TestClient, *labels: dict[str, str]) -> None:
    alerts = [{"status": "firing", "labels": one, "startsAt": NOON.isoformat()} for one in labels]
    body = {"version": "4", "groupLabels": {"alertname": labels[0]["alertname"]}, "alerts": alerts}
    client.post("/webhooks/alertmanager", json=body).raise_for_status()


def quarantine(client: TestClient, body: Any = BROKEN) -> None:
    assert client.post("/webhooks/alertmanager", json=body).status_code == 422


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "/alerts",
        "/alerts?group=incident",
        "/insights?since=7d",
        "/operations",
        "/quarantine",
        "/preview",
    ],
)
def test_every_page_is_there_before_the_first_alert(client: TestClient, url: str) -> None:
    assert look(client, url).attributes("main", "id") == ["main"]


def test_pages_show_what_was_sent(client: TestClient) -> None:
    send(client, API_DOWN, {**API_DOWN, "instance": "api-2"})

    assert "2 firing" in look(client, "/").text
    assert "api-2" in look(client, "/alerts").text
    assert "2 of 2 alerts firing" in look(client, "/incidents/1").text
    assert "Same incident" in look(client, "/alerts/1").text


def test_unknown_incident_is_not_found(client: TestClient) -> None:
    assert "there is no incident 7" in look(client, "/incidents/7", 404).text


def test_wrong_filter_keeps_the_form_and_lists_nothing(client: TestClient) -> None:
    send(client, API_DOWN)

    page = look(client, "/alerts?since=soon&severity=critical&group=none", 400)

    assert "must be a time such as" in page.text
    assert "group: must be incident" in page.text
    assert "soon" in page.attributes("input", "value")
    assert "critical" in page.attributes("input", "value")
    assert "alert-1" not in page.attributes("li", "id")


def test_list_by_incident_has_a_row_for_each(client: TestClient) -> None:
    send(client, API_DOWN, {**API_DOWN, "instance": "api-2"})
    send(client, DISK_FULL)

    page = look(client, "/alerts?group=incident")

    rows = [link for link in page.links if link.startswith("/incidents/")]
    assert rows == ["/incidents/1", "/incidents/2"]


def test_acknowledgement_is_taken_back_on_the_page_and_recorded(client: TestClient) -> None:
    send(client, API_DOWN)
    client.post("/alerts/1/acknowledge", data={"by": "Ada", "note": "on it"}).raise_for_status()
    (undo,) = [url for url in look(client, "/incidents/1").attributes("form", "action") if "unack" in url]

    client.post(undo, headers=PAGE).raise_for_status()

    assert "Nobody has it" in look(client, "/incidents/1").text
    assert "took back the acknowledgement of ApiDown" in look(client, "/acts").text
    assert "Ada acknowledged ApiDown on it" in look(client, "/acts").text


# The quarantine


def test_mended_body_is_accepted_and_leaves_the_quarantine(client: TestClient) -> None:
    quarantine(client)
    assert "1 message could not be read" in look(client, "/").text
    alert = {"status": "firing", "labels": API_DOWN, "startsAt": NOON.isoformat()}

    answer = client.post(
        "/quarantine/1/replay", data={"body": json.dumps({"alerts": [alert]})}, follow_redirects=False
    )

    assert (answer.status_code, answer.headers["location"]) == (303, "/quarantine")
    assert "Empty" in look(client, "/quarantine").text
    assert [one["alertname"] for one in client.get("/alerts").json()["alerts"]] == ["ApiDown"]


def test_single_alert_is_mended_without_its_message(client: TestClient) -> None:
    quarantine(client)
    alert = {"status": "firing", "labels": DISK_FULL, "startsAt": NOON.isoformat()}

    client.post("/quarantine/1/replay", data={"body": json.dumps(alert)}).raise_for_status()

    assert [one["alertname"] for one in client.get("/alerts").json()["alerts"]] == ["DiskFull"]


@pytest.mark.parametrize("text", ["{", json.dumps(BROKEN), ""])
def test_body_that_is_still_wrong_stays_with_the_reason(client: TestClient, text: str) -> None:
    quarantine(client)

    answer = client.post("/quarantine/1/replay", data={"body": text}, headers=PAGE)

    page = ParsedPage(answer.text)
    assert answer.status_code == 422
    assert page.attributes("textarea", "aria-describedby") == (["error-1"] if text else [])
    assert "could not be read" in look(client, "/quarantine").text


def test_mended_event_is_reported(client: TestClient) -> None:
    assert client.post("/events", json={"type": "training_failure"}).status_code == 422
    event = {
        "type": "training_failure",
        "dag_id": "train",
        "run_id": "1",
        "occurred_at": NOON.isoformat(),
        "model_type": "rf",
        "error_message": "no rows",
    }

    client.post("/quarantine/1/replay", data={"body": json.dumps(event)}).raise_for_status()

    assert [one["alertname"] for one in client.get("/alerts").json()["alerts"]] == ["TrainingFailure"]


def test_items_are_marked_as_done_one_by_one_or_all(client: TestClient) -> None:
    for _ in range(3):
        quarantine(client)

    client.post("/quarantine/2/done").raise_for_status()
    left = look(client, "/quarantine").attributes("li", "id")
    client.post("/quarantine/done").raise_for_status()

    assert left == ["kept-1", "kept-3"]
    assert "Empty" in look(client, "/quarantine").text


def test_item_that_does_not_wait_cannot_be_replayed(client: TestClient) -> None:
    assert client.post("/quarantine/9/replay", data={"body": "{}"}).status_code == 404


@pytest.mark.parametrize("url", ["/quarantine/done", "/quarantine/1/done", "/quarantine/1/replay"])
def test_other_website_cannot_touch_the_quarantine(client: TestClient, url: str) -> None:
    assert client.post(url, headers={"origin": "https://evil.example"}).status_code == 403


# Operations


def test_operations_show_who_was_refused(client: TestClient) -> None:
    client.post("/webhooks/alertmanager", content="x", headers={"content-type": "text/plain"})

    page = look(client, "/operations")

    assert "415 the body is not JSON 1" in page.text
    assert "The router needs attention" in page.text
