"""GET /alerts: filters, paging, content negotiation and the API description."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from testbed.factories import (
    API_DOWN,
    DISK_FULL,
    DRIFT_HIGH,
    Clock,
    at,
    event_json,
    grafana_json,
    webhook_json,
    wire_alert,
)
from testbed.fakes.discord import DiscordState
from testbed.router_harness import DATABASES, open_client, until

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
FIELDS = {
    "id", "source", "fingerprint", "alertname", "severity", "status", "labels", "annotations", "starts_at",
    "ends_at", "received_at", "last_seen_at", "repeats", "flaps", "incident_id", "generator_url",
    "acknowledged_at", "acknowledged_by", "acknowledgement_note", "suppressed", "silence", "notified",
    "origin", "episodes_30d",
}  # fmt: skip
MANY = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=max(settings.default.max_examples // 2, 10) if settings.default else 25,
)


def send(client: TestClient, *alerts: dict[str, Any]) -> None:
    assert client.post("/webhooks/alertmanager", json=webhook_json(*alerts)).status_code == 200


def alertnames(client: TestClient, **query: Any) -> list[str]:
    """The alertnames of a page, newest first."""
    answer = client.get("/alerts", params=query)
    assert answer.status_code == 200, answer.text
    return [alert["alertname"] for alert in answer.json()["alerts"]]


@pytest.fixture(scope="module", params=DATABASES)
def cast(
    request: pytest.FixtureRequest, new_database: Callable[[str], AbstractContextManager[str]]
) -> Iterator[TestClient]:
    """ApiDown fires since noon, DriftHigh since ten past, DiskFull is resolved. Tests only read it."""
    clock = Clock()
    with new_database(request.param) as url, ExitStack() as running:
        client = open_client(running, url, clock, DiscordState(clock=clock))
        _send_alerts(client)
        yield client


def _send_alerts(client: TestClient) -> None:
    send(client, wire_alert(annotations={"summary": "100% of_requests fail"}))
    send(client, wire_alert(DRIFT_HIGH, starts_at=at(10)))
    send(client, wire_alert(DISK_FULL, starts_at=at(20), ends_at=at(30)))
    client.post("/events", json=event_json())


def test_alert_json_has_the_documented_fields(cast: TestClient) -> None:
    page = cast.get("/alerts").json()

    assert set(page) == {"alerts", "next"}
    assert all(set(alert) == FIELDS for alert in page["alerts"])
    assert page["alerts"][-1]["starts_at"] == "2026-09-24T12:00:00Z"


def test_alert_detail_has_transitions_and_deliveries(cast: TestClient) -> None:
    detail = cast.get("/alerts/3").json()

    assert set(detail) >= FIELDS | {"transitions", "deliveries"}
    assert [entry["kind"] for entry in detail["transitions"]] == ["opened", "resolved"]
    assert all(set(entry) == {"at", "kind", "source", "detail"} for entry in detail["transitions"])


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["TrainingFailure", "DiskFull", "DriftHigh", "ApiDown"]),
        ({"status": "firing"}, ["TrainingFailure", "DriftHigh", "ApiDown"]),
        ({"status": "resolved"}, ["DiskFull"]),
        ({"severity": "warning"}, ["DiskFull", "DriftHigh"]),
        ({"alertname": "ApiDown"}, ["ApiDown"]),
        ({"alertname": "apidown"}, []),
        ({"source": "events"}, ["TrainingFailure"]),
        ({"status": ""}, ["TrainingFailure", "DiskFull", "DriftHigh", "ApiDown"]),
        ({"since": "2026-09-24T12:10:00Z"}, ["DiskFull", "DriftHigh"]),
        ({"since": "2026-09-24T14:10:00+02:00", "until": "2026-09-24T12:20:00Z"}, ["DriftHigh"]),
        ({"until": "2026-09-24T12:00:00.000001Z"}, ["TrainingFailure", "ApiDown"]),
        ({"since": "0m"}, ["TrainingFailure", "DiskFull", "DriftHigh", "ApiDown"]),
        ({"since": "1h", "until": "0m"}, []),
        ({"q": "SDA1"}, ["DiskFull"]),
        ({"q": "100%"}, ["ApiDown"]),
        ({"q": "of_req"}, ["ApiDown"]),
        ({"q": "of-req"}, []),
        ({"q": "\x00"}, []),
        ({"severity": "\x00"}, []),
        ({"match": "instance=\x00"}, []),
        ({"q": "%" * 1000}, []),
        ({"match": ["severity=warning"] * 50}, ["DiskFull", "DriftHigh"]),
        ({"status": "firing", "severity": "critical", "source": "alertmanager"}, ["ApiDown"]),
        ({"match": 'instance="api-1"'}, ["ApiDown"]),
        ({"match": 'instance!="api-1"'}, ["TrainingFailure", "DiskFull", "DriftHigh"]),
        ({"match": 'instance=~"api-.*|db-.*"'}, ["DiskFull", "ApiDown"]),
        ({"match": 'instance=~"api"'}, []),
        ({"match": 'instance!~"api"'}, ["TrainingFailure", "DiskFull", "DriftHigh", "ApiDown"]),
        ({"match": 'instance!~"api-.*"'}, ["TrainingFailure", "DiskFull", "DriftHigh"]),
        ({"match": 'instance=""'}, ["TrainingFailure", "DriftHigh"]),
        ({"match": 'instance!=""'}, ["DiskFull", "ApiDown"]),
        ({"match": 'instance=~""'}, ["TrainingFailure", "DriftHigh"]),
        ({"match": 'instance=~".+"'}, ["DiskFull", "ApiDown"]),
        ({"match": 'instance=~"a|"'}, ["TrainingFailure", "DriftHigh"]),
        ({"match": ['severity="warning"', 'device="sda1"']}, ["DiskFull"]),
        ({"match": "severity=critical"}, ["TrainingFailure", "ApiDown"]),
    ],
    ids=str,
)
def test_filter_selects_matching_alerts(cast: TestClient, query: dict[str, Any], names: list[str]) -> None:
    assert alertnames(cast, **query) == names


@pytest.mark.parametrize(
    "text", [r"C:\temp", 'said "no"', r"mp\"", "line\nline", "tab\t", "\x00b", "é", "a/b"]
)
@pytest.mark.parametrize("place", ["labels", "annotations"])
def test_text_search_finds_special_characters(client: TestClient, text: str, place: str) -> None:
    alert = {**wire_alert(API_DOWN), "annotations": {}}
    send(client, {**alert, place: {**alert[place], "n": f"before {text} after"}})
    send(client, wire_alert(DISK_FULL))

    assert alertnames(client, q=text) == ["ApiDown"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"status": "open"}, ["status"]),
        ({"match": "instance"}, ["match"]),
        ({"match": 'instance=~"("'}, ["match"]),
        ({"since": "yesterday"}, ["since"]),
        ({"since": "2026-09-24T12:00:00"}, ["since"]),
        ({"until": "9999-12-31T23:59:59-10:00"}, ["until"]),
        ({"limit": "0"}, ["limit"]),
        ({"limit": "501"}, ["limit"]),
        ({"limit": "ten"}, ["limit"]),
        ({"limit": "٣"}, ["limit"]),
        ({"limit": "0" * 17 + "12345"}, ["limit"]),
        ({"limit": "0" * 19 + "1" + "9" * 30}, ["limit"]),
        ({"q": "x" * 1001}, ["q"]),
        ({"match": ["instance=a"] * 51}, ["match"]),
        ({"cursor": "0" * 19 + "1" + "9" * 30}, ["cursor"]),
        ({"cursor": "-1"}, ["cursor"]),
        ({"cursor": "9" * 5000}, ["cursor"]),
        ({"severty": "critical"}, ["severty"]),
        ({"status": ["firing", "resolved"]}, ["status"]),
        ({"status": "open", "limit": "x", "foo": "1"}, ["foo", "status", "limit"]),
    ],
    ids=str,
)
def test_invalid_filter_is_rejected_by_name(
    client: TestClient, query: dict[str, Any], names: list[str]
) -> None:
    answer = client.get("/alerts", params=query)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == names


@pytest.mark.parametrize("limit", [1, 3, 7, 8])
def test_paging_is_complete_while_new_alerts_arrive(client: TestClient, limit: int) -> None:
    send(client, *[wire_alert({**DISK_FULL, "n": str(n)}) for n in range(7)])
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get("/alerts", params={"limit": limit, "cursor": cursor}).json()
        seen += [alert["id"] for alert in page["alerts"]]
        cursor = page["next"]
        send(client, wire_alert({**API_DOWN, "n": str(len(seen))}))

    assert seen == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("path", ["/alerts", "/alerts/1", "/"])
@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("application/json", "application/json"),
        (HTML["accept"], "text/html; charset=utf-8"),
        ("application/json, text/html", "application/json"),
    ],
)
def test_accept_header_selects_html_or_json(
    cast: TestClient, path: str, accept: str, media_type: str
) -> None:
    answer = cast.get(path, headers={"accept": accept})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/alerts/99", 404),
        ("/alerts/0", 422),
        ("/alerts/x", 422),
        (f"/alerts/{2**62}", 422),
        ("/alerts?limit=x", 400),
        ("/nowhere", 404),
    ],
)
def test_errors_are_html_for_browsers_and_problem_json_otherwise(
    client: TestClient, path: str, status: int
) -> None:
    page, problem = client.get(path, headers=HTML), client.get(path)

    assert page.status_code == problem.status_code == problem.json()["status"] == status
    assert page.headers["content-type"].startswith("text/html")
    assert problem.headers["content-type"] == "application/problem+json"


NAMES = (
    "status",
    "severity",
    "alertname",
    "source",
    "match",
    "since",
    "until",
    "q",
    "limit",
    "cursor",
    "other",
)
REGEX = st.text(st.sampled_from("a1.*+?|()[]{}^$\\dpPLQEswWb<>:=!-,(?i)"), max_size=12)


@MANY
@given(pairs=st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=20)), max_size=4))
@example(pairs=[("q", "\x00%_\\\"'")])
@example(pairs=[("since", "99999w")])
@example(pairs=[("until", "0001-01-01T00:00:00+05:00")])
def test_any_query_is_answered_200_or_400(cast: TestClient, pairs: list[tuple[str, Any]]) -> None:
    for headers in (HTML, {}):
        assert cast.get("/alerts", params=pairs, headers=headers).status_code in (200, 400)


@MANY
@given(name=st.sampled_from(["instance", "a:b", "_"]), operator=st.sampled_from(["=~", "!~"]), pattern=REGEX)
@example(name="instance", operator="=~", pattern="(?P<name>api).*")
@example(name="instance", operator="=~", pattern="(?i)API-1")
@example(name="instance", operator="=~", pattern=r"\pL+-\d")
@example(name="instance", operator="=~", pattern=r"\Qapi-1\E")
def test_regex_matcher_behaves_the_same_on_every_database(
    cast: TestClient, name: str, operator: str, pattern: str
) -> None:
    answer = cast.get("/alerts", params={"match": f"{name}{operator}{pattern}"})

    assert answer.status_code in (200, 400)
    if pattern in ("(?P<name>api).*", "(?i)API-1", r"\pL+-\d", r"\Qapi-1\E"):
        assert [
            alert["alertname"]
            for alert in answer.json()["alerts"]
            if alert["labels"].get("instance") == "api-1"
        ] == ["ApiDown"]


def test_api_docs_page_lists_every_operation_without_scripts(cast: TestClient) -> None:
    page = cast.get("/docs", headers={"accept": "text/html"})

    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    described = cast.get("/openapi.json").json()["paths"]
    for path, operations in described.items():
        for method in operations:
            assert f"{method.upper()} {path}</code>" in page.text
    assert "training_failure" in page.text, "an example to send"
    sources = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert [source for source in sources if not source.startswith(("/", "#"))] == []


def test_api_docs_name_every_source(make_client: Callable[..., TestClient], clock: Clock) -> None:
    client = make_client(watchdog_seconds=60)
    send(client, wire_alert(), wire_alert({"alertname": "Watchdog", "severity": "none"}))
    client.post("/webhooks/grafana", json=grafana_json())
    client.post("/events", json=event_json())
    clock.move(61)
    until(lambda: "MonitoringBlind" in alertnames(client))

    sources = {alert["source"] for alert in client.get("/alerts").json()["alerts"]}

    described = client.get("/openapi.json").json()["paths"]["/alerts"]["get"]["parameters"]
    [text] = [parameter["description"] for parameter in described if parameter["name"] == "source"]
    assert sources == {"alertmanager", "grafana", "events", "alert_router"}
    assert [source for source in sources if source not in text] == []
