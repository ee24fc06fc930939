"""The doors for senders: what they answer, and what is on the disk when they do."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

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


# --- taken


def test_a_webhook_is_answered_with_what_became_of_it(client: TestClient) -> None:
    body = webhook_json(wire_alert(), wire_alert(DISK_FULL), wire_alert(startsAt="soon"))

    first = client.post(WEBHOOK, json=body)
    again = client.post(WEBHOOK, json=body)

    assert (first.status_code, first.json()) == (200, {"accepted": 2, "duplicates": 0, "quarantined": 1})
    assert again.json() == {"accepted": 0, "duplicates": 2, "quarantined": 1}


def test_very_many_bad_alerts_are_counted_one_by_one_and_kept_together(
    client: TestClient, store: Store
) -> None:
    answer = client.post(WEBHOOK, json=webhook_json(alerts=[wire_alert(), *[{}] * 3000]))

    assert answer.json() == {"accepted": 1, "duplicates": 0, "quarantined": 3000}
    assert len(kept(store)) < 50
    assert 'alert_router_quarantined_total{source="alertmanager"} 3000.0' in client.get("/metrics").text
    assert len(client.post(WEBHOOK, json=webhook_json(alerts=[{}] * 3000)).content) < 10_000


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_webhook_of_grafana_is_taken_and_ends_as_it_says(client: TestClient, method: str) -> None:
    fires = client.request(method, GRAFANA, json=grafana_json())
    over = client.request(method, GRAFANA, json=grafana_json(wire_alert(ends_at=at(5))))

    assert fires.json() == over.json() == {"accepted": 1, "duplicates": 0, "quarantined": 0}
    [alert] = client.get("/alerts?source=grafana").json()["alerts"]
    assert (alert["alertname"], alert["status"]) == ("ApiDown", "resolved")


@pytest.mark.parametrize(
    ("door", "body", "source"),
    [(WEBHOOK, grafana_json(), "grafana"), (GRAFANA, webhook_json(), "alertmanager")],
)
def test_who_comes_to_the_others_door_is_known_by_the_body(
    client: TestClient, door: str, body: Any, source: str
) -> None:
    """Taken for Alertmanager's, an alert of Grafana would be over as soon as Alertmanager is asked for it."""
    assert client.post(door, json=body).status_code == 200
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
def test_nothing_is_too_long_to_be_kept_and_ended(
    client: TestClient, labels: dict[str, str], changes: dict[str, str]
) -> None:
    """An index of PostgreSQL takes no more than 2,704 bytes."""
    for ends_at in (None, at(5)):
        alert = {**wire_alert(labels, ends_at=ends_at), **changes}
        answer = client.post(WEBHOOK, json=webhook_json(alert, receiver=LONG, groupLabels=labels))
        assert (answer.status_code, answer.json()["accepted"]) == (200, 1)

    [kept_alert] = client.get("/alerts").json()["alerts"]
    assert (kept_alert["status"], kept_alert["labels"]) == ("resolved", labels)


def test_no_name_in_an_event_is_too_long_for_it_to_be_known_again(client: TestClient) -> None:
    letters = random.Random(2)  # noqa: S311 - nothing that an index could compress
    dag, run, model = (
        "".join(chr(letters.randrange(0x10000, 0x10FFF)) for _ in range(250)) for _ in range(3)
    )
    event = event_json(dag_id=dag, run_id=run, model_type=model)

    answers = [client.post(EVENTS, json=event) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 200]


def test_the_same_alert_from_both_is_one_card_that_names_both(client: TestClient) -> None:
    client.post(WEBHOOK, json=webhook_json())
    client.post(GRAFANA, json=grafana_json())

    first, second = client.get("/alerts").json()["alerts"]
    assert first["incident_id"] == second["incident_id"]
    assert {first["source"], second["source"]} == {"alertmanager", "grafana"}


def test_what_was_answered_200_is_on_the_disk(client: TestClient, store: Store) -> None:
    answered = client.post(WEBHOOK, json=webhook_json())

    with store.read() as conn:
        counts = [
            conn.scalar(sa.select(sa.func.count()).select_from(table))
            for table in (alerts, transitions, cards)
        ]
    assert (answered.status_code, counts) == (200, [1, 1, 1])


def test_an_event_is_answered_with_where_it_can_be_seen(client: TestClient) -> None:
    first = client.post(EVENTS, json=event_json())
    again = client.post(EVENTS, json=event_json(try_number=2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["location"] == again.headers["location"] == f"/alerts/{first.json()['id']}"
    assert client.get(first.headers["location"]).json()["alertname"] == "TrainingFailure"


def test_an_idempotency_key_decides_what_is_the_same_event(client: TestClient) -> None:
    headers = {"Idempotency-Key": "7f3a"}

    first = client.post(EVENTS, json=event_json(), headers=headers)
    again = client.post(EVENTS, json=event_json(run_id="other"), headers=headers)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]


def test_an_idempotency_key_too_long_to_keep_is_refused(client: TestClient) -> None:
    answer = client.post(EVENTS, json=event_json(), headers={"Idempotency-Key": "k" * 256})

    assert is_problem(answer, 422)


# --- refused


@pytest.mark.parametrize(
    ("door", "body", "field"),
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
def test_what_cannot_be_read_is_named_and_kept_as_it_came(
    client: TestClient, store: Store, door: str, body: bytes, field: str
) -> None:
    answer = client.post(door, content=body, headers={"content-type": "application/json"})

    assert is_problem(answer, 422)
    assert answer.json()["errors"][0]["field"] == field
    assert [one.body for one in kept(store)] == [body]


def test_the_list_of_prometheus_gets_the_line_of_configuration_that_is_wrong(client: TestClient) -> None:
    answer = client.post(WEBHOOK, json=[wire_alert()])

    assert "alerting.alertmanagers" in answer.json()["detail"]


@pytest.mark.parametrize("door", [WEBHOOK, GRAFANA, EVENTS])
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
def test_only_who_shows_a_token_is_heard(
    make_client: Callable[..., TestClient], door: str, headers: dict[str, str], status: int
) -> None:
    client = make_client(ingest_tokens="one, two", sender="10.0.0.9")
    raw = {name: value.encode() for name, value in headers.items()}

    answer = client.post(door, json=event_json() if door == EVENTS else webhook_json(), headers=raw)  # type: ignore[arg-type] # bytes are sent as they are

    assert answer.status_code in (status, 201 if status == 200 else status)
    if status == 401:
        assert is_problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("sender", "status"), [("127.0.0.1", 200), ("::1", 200), ("10.0.0.9", 403), ("somewhere", 403)]
)
def test_without_tokens_only_this_machine_is_heard(
    make_client: Callable[..., TestClient], sender: str, status: int
) -> None:
    answer = make_client(sender=sender).post(WEBHOOK, json=webhook_json())

    assert answer.status_code == status


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(1000, 422), (1001, 413)])
def test_a_body_may_be_as_large_as_the_limit(
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
def test_only_json_is_taken(client: TestClient, content_type: str | None, status: int) -> None:
    headers = {} if content_type is None else {"content-type": content_type}

    answer = client.post(WEBHOOK, content=as_bytes(webhook_json()), headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize(("door", "body"), [(WEBHOOK, webhook_json()), (EVENTS, event_json())])
@pytest.mark.parametrize("origin", ["https://evil.example.org", "http://127.0.0.1:8010", "null"])
def test_no_page_in_a_browser_tells_alerts(client: TestClient, door: str, body: Any, origin: str) -> None:
    """A browser on this machine would send them for any page that it shows, without a token."""
    assert is_problem(client.post(door, json=body, headers={"origin": origin}), 403)
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
def test_only_our_own_pages_act_for_people(
    make_client: Callable[..., TestClient], origin: str, status: int, *, proxied: bool
) -> None:
    """Whatever the Host says: a proxy writes its own, and a stranger's name may be made to lead here."""
    client = make_client(external_url="https://alerts.example.org")
    client.post(WEBHOOK, json=webhook_json())
    host = "127.0.0.1:8010" if proxied else origin.rpartition("/")[2]

    answer = client.post(
        "/alerts/1/acknowledge", json={"by": "Ada"}, headers={"origin": origin, "host": host}
    )

    assert answer.status_code == status


@pytest.mark.parametrize("door", [WEBHOOK, GRAFANA, EVENTS])
def test_another_method_is_told_so(client: TestClient, door: str) -> None:
    assert is_problem(client.get(door), 405)


# --- the database is away


class Stranger:
    """Another program that has the database open."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        self._conn = self._engine.connect()
        self._sqlite = self._engine.dialect.name == "sqlite"

    def lock(self) -> None:
        """As a router that hangs in the midst of writing."""
        self.sql("BEGIN EXCLUSIVE" if self._sqlite else f"SELECT pg_advisory_lock({engine.ADVISORY_LOCK})")

    def unlock(self) -> None:
        self.sql("ROLLBACK" if self._sqlite else f"SELECT pg_advisory_unlock({engine.ADVISORY_LOCK})")

    def count(self, *tables: str) -> int:
        return sum(self._conn.exec_driver_sql(f"SELECT count(*) FROM {one}").scalar() or 0 for one in tables)  # noqa: S608

    def sql(self, statement: str) -> None:
        self._conn.exec_driver_sql(statement)

    def close(self) -> None:
        self._conn.close()
        self._engine.dispose()


@pytest.fixture
def locked(
    database_url: str, make_client: Callable[[], TestClient], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TestClient, Stranger]]:
    """The application, and a stranger who can take hold of its database."""
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.05)
    client = make_client()
    stranger = Stranger(database_url)
    yield client, stranger
    stranger.close()


@pytest.mark.parametrize(
    ("door", "body"), [(WEBHOOK, webhook_json()), (EVENTS, event_json()), (WEBHOOK, {"alerts": 5})]
)
def test_while_the_database_is_locked_the_sender_must_send_again(locked: Any, door: str, body: Any) -> None:
    client, stranger = locked
    stranger.lock()

    answer = client.post(door, json=body)

    stranger.unlock()
    assert is_problem(answer, 503)
    assert answer.headers["retry-after"] == "1"
    assert stranger.count("alerts", "quarantine") == 0
    assert client.post(door, json=body).status_code in (200, 201, 422)


@pytest.mark.parametrize("table", ["transitions", "cards", "incidents"])
def test_when_a_part_cannot_be_stored_nothing_is(locked: Any, table: str) -> None:
    client, stranger = locked
    stranger.sql(f"ALTER TABLE {table} RENAME TO away")

    answer = client.post(WEBHOOK, json=webhook_json())

    stranger.sql(f"ALTER TABLE away RENAME TO {table}")
    assert answer.status_code >= 500
    assert stranger.count("alerts") == 0
    assert client.post(WEBHOOK, json=webhook_json()).json()["accepted"] == 1


# --- anything at all


@pytest.mark.parametrize("door", [WEBHOOK, GRAFANA, EVENTS])
@MANY
@given(body=JSON | st.binary(max_size=40))
def test_no_body_makes_an_error_of_ours(client: TestClient, door: str, body: Any) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode(errors="surrogatepass")

    answer = client.post(door, content=content, headers={"content-type": "application/json"})

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
def test_no_value_in_a_webhook_makes_an_error_of_ours(
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
def test_no_value_in_an_event_makes_an_error_of_ours(
    client: TestClient, value: Any, data: st.DataObject
) -> None:
    types = ("training_success", "training_failure", "drift_alert", "performance_alert", "api_error")
    body = event_json(data.draw(st.sampled_from(types)))
    body[data.draw(st.sampled_from(sorted(body)))] = value

    answer = client.post(
        EVENTS, content=json.dumps(body).encode(), headers={"content-type": "application/json"}
    )

    assert answer.status_code in (200, 201, 422)
    assert SECRET not in answer.text
