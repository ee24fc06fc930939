"""The ingest routes: their answers, and the rows that are on the disk by then."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from alert_router.sources.event_examples import EXAMPLES
from alert_router.store import engine
from alert_router.store.engine import Store
from alert_router.store.tables import alerts, cards, quarantine, transitions
from testbed.factories import (
    API_DOWN,
    DISK_FULL,
    SECRET,
    as_bytes,
    at,
    event_json,
    grafana_json,
    webhook_json,
    wire_alert,
)
from testbed.json_strategy import JSON

WEBHOOK, GRAFANA, EVENTS = "/webhooks/alertmanager", "/webhooks/grafana", "/events"
PROBLEM = "application/problem+json"
MANY = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=max(settings.default.max_examples // 2, 10) if settings.default else 25,
)


def is_problem(response: Any, status: int) -> bool:
    body = response.json()
    return (
        response.status_code == body["status"] == status
        and response.headers["content-type"] == PROBLEM
        and {"type", "title", "detail", "errors"} <= set(body)
    )


def kept(store: Store) -> list[sa.Row[Any]]:
    with store.read() as conn:
        return list(conn.execute(sa.select(quarantine).order_by(quarantine.c.id)))


def test_webhook_answer_counts_its_signals(client: TestClient) -> None:
    body = webhook_json(wire_alert(), wire_alert(DISK_FULL), wire_alert(startsAt="soon"))

    first = client.post(WEBHOOK, json=body)
    again = client.post(WEBHOOK, json=body)

    assert (first.status_code, first.json()) == (200, {"accepted": 2, "duplicates": 0, "quarantined": 1})
    assert again.json() == {"accepted": 0, "duplicates": 2, "quarantined": 1}


def test_many_unreadable_alerts_are_counted_and_kept_together(client: TestClient, store: Store) -> None:
    answer = client.post(WEBHOOK, json=webhook_json(alerts=[wire_alert(), *[{}] * 3000]))

    assert answer.json() == {"accepted": 1, "duplicates": 0, "quarantined": 3000}
    assert len(kept(store)) < 50
    assert 'alert_router_quarantined_total{source="alertmanager"} 3000.0' in client.get("/metrics").text
    assert len(client.post(WEBHOOK, json=webhook_json(alerts=[{}] * 3000)).content) < 10_000


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_grafana_webhook_opens_and_resolves(client: TestClient, method: str) -> None:
    fires = client.request(method, GRAFANA, json=grafana_json())
    over = client.request(method, GRAFANA, json=grafana_json(wire_alert(ends_at=at(5))))

    assert fires.json() == over.json() == {"accepted": 1, "duplicates": 0, "quarantined": 0}
    [alert] = client.get("/alerts?source=grafana").json()["alerts"]
    assert (alert["alertname"], alert["status"]) == ("ApiDown", "resolved")


@pytest.mark.parametrize(
    ("route", "body", "source"),
    [(WEBHOOK, grafana_json(), "grafana"), (GRAFANA, webhook_json(), "alertmanager")],
)
def test_source_follows_from_the_body_on_either_route(
    client: TestClient, route: str, body: Any, source: str
) -> None:
    """Taken for Alertmanager's, Grafana's alert would be closed at the next comparison with Alertmanager."""
    assert client.post(route, json=body).status_code == 200
    assert [alert["source"] for alert in client.get("/alerts").json()["alerts"]] == [source]


LONG = random.Random(1).randbytes(3_000).hex()  # noqa: S311 - nothing that an index could compress


@pytest.mark.parametrize(
    ("labels", "changes"),
    [
        ({"alertname": LONG}, {}),
        ({"alertname": "Slow", "severity": LONG}, {}),
        ({"alertname": "Slow"}, {"fingerprint": LONG}),
        ({"alertname": "Slow", "query": LONG}, {}),
    ],
    ids=["alertname", "severity", "fingerprint", "group label"],
)
def test_very_long_values_are_stored_and_resolved(
    client: TestClient, labels: dict[str, str], changes: dict[str, str]
) -> None:
    """An index of PostgreSQL takes no more than 2,704 bytes."""
    for ends_at in (None, at(5)):
        alert = {**wire_alert(labels, ends_at=ends_at), **changes}
        answer = client.post(WEBHOOK, json=webhook_json(alert, receiver=LONG, groupLabels=labels))
        assert (answer.status_code, answer.json()["accepted"]) == (200, 1)

    [kept_alert] = client.get("/alerts").json()["alerts"]
    assert (kept_alert["status"], kept_alert["labels"]) == ("resolved", labels)


def test_event_with_very_long_names_is_recognized(client: TestClient) -> None:
    letters = random.Random(2)  # noqa: S311 - nothing that an index could compress
    dag, run, model = (
        "".join(chr(letters.randrange(0x10000, 0x10FFF)) for _ in range(250)) for _ in range(3)
    )
    event = event_json(dag_id=dag, run_id=run, model_type=model)

    answers = [client.post(EVENTS, json=event) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 200]


def test_alert_of_two_sources_is_one_card_naming_both(client: TestClient) -> None:
    client.post(WEBHOOK, json=webhook_json())
    client.post(GRAFANA, json=grafana_json())

    first, second = client.get("/alerts").json()["alerts"]
    assert first["incident_id"] == second["incident_id"]
    assert {first["source"], second["source"]} == {"alertmanager", "grafana"}


def test_alert_is_durable_before_200(client: TestClient, store: Store) -> None:
    answered = client.post(WEBHOOK, json=webhook_json())

    with store.read() as conn:
        counts = [
            conn.scalar(sa.select(sa.func.count()).select_from(table))
            for table in (alerts, transitions, cards)
        ]
    assert (answered.status_code, counts) == (200, [1, 1, 1])


def test_event_answer_links_to_the_alert(client: TestClient) -> None:
    first = client.post(EVENTS, json=event_json())
    again = client.post(EVENTS, json=event_json(try_number=2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["location"] == again.headers["location"] == f"/alerts/{first.json()['id']}"
    assert client.get(first.headers["location"]).json()["alertname"] == "TrainingFailure"


def test_idempotency_key_header_identifies_the_event(client: TestClient) -> None:
    headers = {"Idempotency-Key": "7f3a"}

    first = client.post(EVENTS, json=event_json(), headers=headers)
    again = client.post(EVENTS, json=event_json(run_id="other"), headers=headers)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]


def test_overlong_idempotency_key_is_refused(client: TestClient) -> None:
    answer = client.post(EVENTS, json=event_json(), headers={"Idempotency-Key": "k" * 256})

    assert is_problem(answer, 422)


@pytest.mark.parametrize(
    ("route", "body", "field"),
    [
        (WEBHOOK, b"{", ""),
        (WEBHOOK, as_bytes([wire_alert()]), ""),
        (WEBHOOK, as_bytes(webhook_json(wire_alert(startsAt="soon"))), "alerts.0.startsAt"),
        (WEBHOOK, b'{"alerts": [{"labels": {"a\\u0000b": 5}}]}', "alerts.0.status"),
        (WEBHOOK, b"\x00\xff", ""),
        (EVENTS, b"{}", "type"),
        (EVENTS, as_bytes({**event_json(), "type": "tea_time"}), "type"),
        (EVENTS, b"[]", ""),
        (EVENTS, as_bytes(event_json(dag_id="")), "dag_id"),
        (EVENTS, as_bytes(event_json(occurred_at="9999-12-31T23:00:00Z")), "occurred_at"),
    ],
)
def test_unreadable_body_is_named_and_quarantined(
    client: TestClient, store: Store, route: str, body: bytes, field: str
) -> None:
    answer = client.post(route, content=body, headers={"content-type": "application/json"})

    assert is_problem(answer, 422)
    assert answer.json()["errors"][0]["field"] == field
    assert [item.body for item in kept(store)] == [body]


def test_raw_prometheus_list_is_answered_with_the_fix(client: TestClient) -> None:
    answer = client.post(WEBHOOK, json=[wire_alert()])

    assert "alerting.alertmanagers" in answer.json()["detail"]


@pytest.mark.parametrize("route", [WEBHOOK, GRAFANA, EVENTS])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "Basic one"}, 401),
        ({"authorization": "one"}, 401),
        ({"authorization": "Bearer one two"}, 401),
        ({"authorization": "Bearer ön"}, 401),
        ({"authorization": "Bearer one"}, 200),
        ({"authorization": "bearer  two "}, 200),
    ],
)
def test_ingest_requires_a_token(
    make_client: Callable[..., TestClient], route: str, headers: dict[str, str], status: int
) -> None:
    client = make_client(ingest_tokens="one, two", sender="10.0.0.9")
    raw = {name: value.encode() for name, value in headers.items()}

    answer = client.post(route, json=event_json() if route == EVENTS else webhook_json(), headers=raw)  # type: ignore[arg-type] # bytes are sent as they are

    assert answer.status_code in (status, 201 if status == 200 else status)
    if status == 401:
        assert is_problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("sender", "status"), [("127.0.0.1", 200), ("::1", 200), ("10.0.0.9", 403), ("somewhere", 403)]
)
def test_without_tokens_only_loopback_is_accepted(
    make_client: Callable[..., TestClient], sender: str, status: int
) -> None:
    answer = make_client(sender=sender).post(WEBHOOK, json=webhook_json())

    assert answer.status_code == status


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(1000, 422), (1001, 413)])
def test_body_limit_is_inclusive(
    make_client: Callable[..., TestClient], size: int, status: int, chunked: bool
) -> None:
    client = make_client(max_body_bytes=1000)
    body = b"x" * size

    answer = client.post(
        WEBHOOK,
        content=iter([body[:600], body[600:]]) if chunked else body,
        headers={"content-type": "application/json"},
    )

    assert is_problem(answer, status)
    assert "max_alerts" not in answer.text  # what is cut would never be known to fire or to resolve


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("APPLICATION/JSON", 200),
        ("application/cloudevents+json", 200),
        (None, 200),
        ("", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
def test_only_json_is_accepted(client: TestClient, content_type: str | None, status: int) -> None:
    headers = {} if content_type is None else {"content-type": content_type}

    answer = client.post(WEBHOOK, content=as_bytes(webhook_json()), headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize(("route", "body"), [(WEBHOOK, webhook_json()), (EVENTS, event_json())])
@pytest.mark.parametrize("origin", ["https://evil.example.org", "http://127.0.0.1:8010", "null"])
def test_requests_with_an_origin_are_refused(client: TestClient, route: str, body: Any, origin: str) -> None:
    """A browser on this machine would send them for any page that it shows, without a token."""
    assert is_problem(client.post(route, json=body, headers={"origin": origin}), 403)
    assert client.get("/alerts").json()["alerts"] == []


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://alerts.example.org", 204),
        ("https://Alerts.example.org:443", 204),
        ("http://localhost:8010", 204),
        ("http://[::1]:8010", 204),
        ("http://127.0.0.1:8010", 204),
        ("http://127.0.0.1:3000", 403),
        ("http://evil.example.org:8010", 403),
        ("http://alerts.example.org:8010", 403),
        ("http://[", 403),
        ("null", 403),
    ],
)
@pytest.mark.parametrize("proxied", [False, True])
def test_actions_require_the_origin_of_the_own_pages(
    make_client: Callable[..., TestClient], origin: str, status: int, *, proxied: bool
) -> None:
    """Whatever the Host says: a proxy writes its own, and any DNS name may point here."""
    client = make_client(external_url="https://alerts.example.org")
    client.post(WEBHOOK, json=webhook_json())
    host = "127.0.0.1:8010" if proxied else origin.rpartition("/")[2]

    answer = client.post(
        "/alerts/1/acknowledge", json={"by": "Ada"}, headers={"origin": origin, "host": host}
    )

    assert answer.status_code == status


@pytest.mark.parametrize("route", [WEBHOOK, GRAFANA, EVENTS])
def test_other_methods_are_not_allowed(client: TestClient, route: str) -> None:
    assert is_problem(client.get(route), 405)


class OtherProgram:
    """Another program that has the database open."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        self._conn = self._engine.connect()
        self._sqlite = self._engine.dialect.name == "sqlite"

    def lock(self) -> None:
        """Like a router that hangs in a write transaction."""
        self.sql("BEGIN EXCLUSIVE" if self._sqlite else f"SELECT pg_advisory_lock({engine.ADVISORY_LOCK})")

    def unlock(self) -> None:
        self.sql("ROLLBACK" if self._sqlite else f"SELECT pg_advisory_unlock({engine.ADVISORY_LOCK})")

    def count(self, *tables: str) -> int:
        queries = [sa.select(sa.func.count()).select_from(sa.table(table)) for table in tables]
        return sum(self._conn.scalar(query) or 0 for query in queries)

    def sql(self, statement: str) -> None:
        self._conn.exec_driver_sql(statement)

    def close(self) -> None:
        self._conn.close()
        self._engine.dispose()


@pytest.fixture
def locked(
    database_url: str, make_client: Callable[[], TestClient], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TestClient, OtherProgram]]:
    """The application, and a other who can take hold of its database."""
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.05)
    client = make_client()
    other = OtherProgram(database_url)
    yield client, other
    other.close()


@pytest.mark.parametrize(
    ("route", "body"), [(WEBHOOK, webhook_json()), (EVENTS, event_json()), (WEBHOOK, {"alerts": 5})]
)
def test_locked_database_is_answered_503(locked: Any, route: str, body: Any) -> None:
    client, other = locked
    other.lock()

    answer = client.post(route, json=body)

    other.unlock()
    assert is_problem(answer, 503)
    assert answer.headers["retry-after"] == "1"
    assert other.count("alerts", "quarantine") == 0
    assert client.post(route, json=body).status_code in (200, 201, 422)


@pytest.mark.parametrize("table", ["transitions", "cards", "incidents"])
def test_webhook_is_stored_whole_or_not_at_all(locked: Any, table: str) -> None:
    client, other = locked
    other.sql(f"ALTER TABLE {table} RENAME TO away")

    answer = client.post(WEBHOOK, json=webhook_json())

    other.sql(f"ALTER TABLE away RENAME TO {table}")
    assert answer.status_code >= 500
    assert other.count("alerts") == 0
    assert client.post(WEBHOOK, json=webhook_json()).json()["accepted"] == 1


@pytest.mark.parametrize("route", [WEBHOOK, GRAFANA, EVENTS])
@MANY
@given(body=JSON | st.binary(max_size=40))
def test_any_body_is_accepted_or_refused(client: TestClient, route: str, body: Any) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode(errors="surrogatepass")

    answer = client.post(route, content=content, headers={"content-type": "application/json"})

    assert answer.status_code in (200, 201, 422)


@MANY
@given(
    value=JSON,
    place=st.sampled_from(
        [
            "alert",
            "labels",
            "annotations",
            "startsAt",
            "endsAt",
            "status",
            "fingerprint",
            "groupLabels",
            "truncatedAlerts",
            "version",
            "values",
            "panelURL",
        ]
    ),
    make=st.sampled_from([webhook_json, grafana_json]),
)
def test_any_value_in_a_webhook_is_accepted_or_refused(
    client: TestClient, value: Any, place: str, make: Callable[..., Any]
) -> None:
    body = make(wire_alert(), wire_alert({**API_DOWN, "n": str(value)[:40]}, ends_at=at(3)))
    if place == "alert":
        body["alerts"][0] = value
    elif place in body["alerts"][0]:
        body["alerts"][0][place] = value
    else:
        body[place] = value

    answer = client.post(
        WEBHOOK, content=json.dumps(body).encode(), headers={"content-type": "application/json"}
    )

    assert answer.status_code in (200, 422)


@MANY
@given(value=JSON, data=st.data())
def test_any_value_in_an_event_is_accepted_or_refused(
    client: TestClient, value: Any, data: st.DataObject
) -> None:
    body = dict(data.draw(st.sampled_from(sorted(EXAMPLES.items())))[1])
    body[data.draw(st.sampled_from(sorted(body)))] = value

    answer = client.post(
        EVENTS, content=json.dumps(body).encode(), headers={"content-type": "application/json"}
    )

    assert answer.status_code in (200, 201, 422)
    assert SECRET not in answer.text
