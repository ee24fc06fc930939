"""Health, readiness and metrics; settings; the webhook's token leaks nowhere."""

import logging
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from starlette.testclient import TestClient
from typer.testing import CliRunner

from alert_router import cli
from alert_router.app import create_app
from alert_router.delivery import Clocks
from alert_router.settings import Settings, SettingsError, from_environment
from alert_router.store import engine
from alert_router.store.engine import open_store
from alert_router.store.tables import metadata
from testbed import real_parts
from testbed.factories import SECRET, Clock, event_json, webhook_json, wire_alert
from testbed.fakes.discord import DiscordState, Fault, faults, running

MadeClient = Callable[..., TestClient]
WEBHOOK = f"https://discord.com/api/webhooks/1/{SECRET}"


def samples(client: TestClient) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")
    }


def test_running_router_is_healthy_and_ready(client: TestClient) -> None:
    assert client.get("/-/healthy").text == "ok\n"
    ready = client.get("/-/ready")
    assert (ready.status_code, ready.json()["ready"], ready.json()["not_ready"]) == (200, True, {})


def test_every_counter_starts_at_zero(client: TestClient) -> None:
    values = samples(client)

    for source in ("alertmanager", "grafana", "events"):
        for outcome in ("accepted", "duplicate"):
            assert values[f'alert_router_signals_total{{outcome="{outcome}",source="{source}"}}'] == 0
        for code in (200, 401, 413, 422, 503):
            assert values[f'alert_router_webhook_requests_total{{code="{code}",source="{source}"}}'] == 0
    for outcome in ("sent", "retry", "degraded", "rejected", "gone", "stopped"):
        assert (
            values[f'alert_router_deliveries_total{{action="create",channel="preview",outcome="{outcome}"}}']
            == 0
        )
    for state in ("pending", "delivered", "dead"):
        assert values[f'alert_router_cards{{state="{state}"}}'] == 0
    assert values["alert_router_store_up"] == 1


def test_requests_and_signals_are_counted(client: TestClient) -> None:
    client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(), wire_alert(), truncatedAlerts=3))
    client.post("/webhooks/alertmanager", json={})
    client.post("/events", json=event_json())

    values = samples(client)
    assert values['alert_router_signals_total{outcome="accepted",source="alertmanager"}'] == 1
    assert values['alert_router_signals_total{outcome="duplicate",source="alertmanager"}'] == 1
    assert values['alert_router_signals_total{outcome="accepted",source="events"}'] == 1
    assert values['alert_router_webhook_requests_total{code="422",source="alertmanager"}'] == 1
    assert values["alert_router_truncated_alerts_total"] == 3
    assert values["alert_router_quarantine_size"] == 1
    assert values["alert_router_alerts_firing"] == 2


def test_post_to_an_unknown_address_is_counted(client: TestClient) -> None:
    name = 'alert_router_webhook_requests_total{code="404",source="unknown"}'
    before = samples(client)[name]

    for path in ("/webhook", "/webhooks/foo", "/webhooks", "/nowhere"):
        client.post(path, json=webhook_json())
    client.post("/webhooks/alertmanager/", json=webhook_json())  # redirected
    client.get("/webhook")

    values = samples(client)
    assert (before, values[name]) == (0, 3)
    assert [line for line in values if 'source="unknown"' in line] == [name]


def test_promtool_accepts_the_metrics(client: TestClient) -> None:
    promtool = real_parts.program("promtool", package="prometheus")
    client.post("/webhooks/alertmanager", json=webhook_json())

    result = subprocess.run(
        [promtool, "check", "metrics"],
        input=client.get("/metrics").text,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (result.returncode, result.stdout + result.stderr) == (0, "")


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    for name in ("httpcore", "alert_router", "asyncio", "uvicorn"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def everything_stored(url: str) -> str:
    store = open_store(url)
    with store.read() as conn:
        rows = [tuple(row) for table in metadata.sorted_tables for row in conn.execute(sa.select(table))]
    store.close()
    return str(rows)


FAULTS: dict[str, Fault | None] = {
    "success": None,
    "400": faults.status(400),
    "401": faults.status(401),
    "404": faults.status(404),
    "429": faults.limited("user", seconds=1),
    "500": faults.status(500),
    "502 page": faults.status(502),
    "timeout": faults.timeout(seconds=0.05),
    "reset": faults.reset(),
    "broken answer": faults.invalid_body("broken_json"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_webhook_token_never_leaks_whatever_discord_answers(
    fault: str, database_url: str, clock: Clock, logged: pytest.LogCaptureFixture
) -> None:
    state = DiscordState()
    state.webhook("1", SECRET, "100")
    with running(state) as discord:
        injected = FAULTS[fault]
        if injected is not None:
            state.faults.next(injected, operation="create")
        shown = _run_router(_settings(database_url, discord.webhook_url(token=SECRET)), clock)

    assert len([request for request in state.requests if request.operation == "create"]) >= 1
    assert "httpcore" in {record.name.partition(".")[0] for record in logged.records}
    assert SECRET not in logged.text
    assert SECRET not in shown
    assert SECRET not in everything_stored(database_url)


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_webhook_token_does_not_leak_when_discord_is_unreachable(
    database_url: str, clock: Clock, logged: pytest.LogCaptureFixture
) -> None:
    with running() as discord:
        closed = discord.webhook_url(token=SECRET)
    settings = _settings(database_url, closed)

    shown = _run_router(settings, clock)

    assert "not reached" in logged.text
    assert SECRET not in logged.text + shown + everything_stored(database_url) + repr(settings)


def _settings(database_url: str, webhook_url: str) -> Settings:
    return from_environment({"ALERT_ROUTER_DATABASE_URL": database_url, "DISCORD_WEBHOOK_URL": webhook_url})


def _run_router(settings: Settings, clock: Clock) -> str:
    """Everything that the real application shows after its first delivery, or attempt."""
    app = create_app(settings, clocks=Clocks(now=clock.time, steady=clock))
    with TestClient(app, raise_server_exceptions=False, client=("127.0.0.1", 1)) as client:
        client.post("/webhooks/alertmanager", json=webhook_json())
        _until(
            lambda: (
                sum(
                    value
                    for name, value in samples(client).items()
                    if name.startswith("alert_router_deliveries_total")
                )
                >= 1
            )
        )
        paths = [
            "/",
            "/alerts",
            "/alerts/1",
            "/preview",
            "/dead-letters",
            "/metrics",
            "/-/ready",
            "/docs",
            "/openapi.json",
            "/nowhere",
        ]
        return "".join(
            client.get(path, headers={"accept": accept}).text
            for path in paths
            for accept in ("text/html", "*/*")
        )


def _until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met"
        threading.Event().wait(0.02)


@pytest.mark.parametrize(
    "url",
    [
        f"https://discord.com/{SECRET}",
        f"ftp://discord.com/api/webhooks/1/{SECRET}",
        f"https://discord.com/api/webhooks/1/2/{SECRET}",
    ],
)
def test_invalid_webhook_url_is_reported_without_its_token(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment({"DISCORD_WEBHOOK_URL": url})

    assert SECRET not in str(caught.value)
    assert "DISCORD_WEBHOOK_URL" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgres://u:{SECRET}@db/alerts",
        f"postgresql+psycopg2://u:{SECRET}@db/alerts",
        f"postgresql+asyncpg://u:{SECRET}@db/alerts",
        f"postgresql+psycopg://u@db:{SECRET}/alerts",
        f"mysql://u:{SECRET}@db/alerts",
        SECRET,
    ],
)
def test_unsupported_database_is_reported_without_its_password(url: str) -> None:
    result = CliRunner().invoke(cli.main, ["check-config"], env={"ALERT_ROUTER_DATABASE_URL": url})

    assert result.exit_code == 1
    assert "ALERT_ROUTER_DATABASE_URL" in result.output
    assert "postgresql+psycopg://" in result.output
    assert SECRET not in result.output


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:////var/lib/alert_router.db",
        "postgresql://u:p@db/alerts",
        "postgresql+psycopg://u:p@/alerts?host=/run/postgresql",
    ],
)
def test_supported_database_url_is_accepted(url: str) -> None:
    assert from_environment({"ALERT_ROUTER_DATABASE_URL": url}).database_url.get_secret_value() == url


@pytest.mark.parametrize("name", ["ALERTMANAGER_URL", "PROMETHEUS_URL", "ALERT_ROUTER_EXTERNAL_URL"])
@pytest.mark.parametrize(
    "url", ["http://am:9O93", "http://am:99999", "http://am:0", f"http://u:{SECRET}/@am"]
)
def test_url_with_an_invalid_port_is_rejected(name: str, url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment({name: url})

    assert str(caught.value) == f"{name}: Value error, must have a port from 1 to 65535, or none"


def test_discord_is_called_at_api_v10(make_client: MadeClient, unlimited: DiscordState) -> None:
    client = make_client(discord_webhook_url=SecretStr(WEBHOOK))

    client.post("/webhooks/alertmanager", json=webhook_json())
    _until(lambda: client.get("/-/healthy").text and unlimited.creates)

    assert unlimited.creates[0].path.startswith("/api/v10/webhooks/1/")
    assert unlimited.creates[0].headers["user-agent"].startswith("DiscordBot (")


def test_start_waits_for_a_locked_database(
    sqlite_url: str,
    make_sqlite_client: MadeClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.05)
    other = open_store(sqlite_url)
    locked, waiting = threading.Event(), threading.Event()

    def listen(record: logging.LogRecord) -> bool:
        if "not started yet" in record.msg:
            waiting.set()
        return True

    def hold_until_waiting() -> None:
        with other.write():
            locked.set()
            waiting.wait(20)

    caplog.handler.addFilter(listen)
    holder = threading.Thread(target=hold_until_waiting)
    holder.start()
    locked.wait(20)

    client = make_sqlite_client()

    holder.join()
    other.close()
    assert waiting.is_set()
    assert client.get("/-/ready").status_code == 200
