"""The configuration is loaded anew while the router runs; a bad one leaves the old one in effect."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from alert_router import config
from alert_router.config import Configuration, ConfigurationHolder
from alert_router.services.reload import Listener, Reload, Reloaded
from alert_router.store.engine import Unavailable
from testbed.factories import NOON, webhook_json

MadeClient = Callable[..., TestClient]
GOOD = "route: {channel: preview}\n"
BAD = "route: {chanel: preview}\n"
SUCCESSFUL = "alert_router_config_last_reload_successful"
TIMESTAMP = "alert_router_config_last_reload_success_timestamp_seconds"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def client(make_client: MadeClient, file: Path) -> TestClient:
    return make_client(config_file=file)


def metric(client: TestClient, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    [value] = [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]
    return float(value)


def test_bad_file_keeps_the_old_configuration_and_says_so(
    client: TestClient, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(BAD)

    answer = client.post("/-/reload")

    problem = f'{file}:1:9: route.chanel: unknown key "chanel"; did you mean "channel"?'
    assert answer.status_code == 422
    assert problem in answer.json()["detail"]
    assert problem in caplog.text
    assert metric(client, SUCCESSFUL) == 0
    assert metric(client, TIMESTAMP) == NOON.timestamp()
    ready = client.get("/-/ready").json()
    assert ready["ready"]
    assert problem in ready["troubles"]["configuration"]
    assert client.post("/webhooks/alertmanager", json=webhook_json()).json()["accepted"] == 1


def test_good_file_is_in_effect_at_once(client: TestClient, file: Path) -> None:
    file.write_text(BAD)
    client.post("/-/reload")
    file.write_text(GOOD.replace("}", ", routes: [{matchers: [a=b]}]}"))

    answer = client.post("/-/reload")

    assert answer.json() == {"changes": "routes: 2, were 1", "warnings": []}
    assert metric(client, SUCCESSFUL) == 1
    assert client.get("/-/ready").json()["troubles"] == {}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"origin": "http://127.0.0.1:8010"}, 403),
        ({"authorization": "Bearer one"}, 200),
        ({"authorization": "Bearer one", "origin": "https://evil.example"}, 403),
    ],
)
def test_reload_from_another_machine_needs_a_token(
    make_client: MadeClient, file: Path, headers: dict[str, str], status: int
) -> None:
    client = make_client(config_file=file, ingest_tokens=("one",), sender="10.0.0.9")

    assert client.post("/-/reload", headers=headers).status_code == status


def reload_of(load: Callable[[], Configuration], *listeners: Listener) -> Reload:
    return Reload(ConfigurationHolder(config.single()), load, lambda: NOON, listeners=list(listeners))


def test_listeners_are_called_at_each_good_reload_in_their_order() -> None:
    order: list[int] = []

    def listener(number: int) -> Listener:
        async def hear(_before: Configuration, _new: Configuration) -> None:
            order.append(number)

        return hear

    reload = reload_of(config.single, listener(1), listener(2))

    results = [asyncio.run(reload.run_once()) for _ in range(2)]

    assert results == [Reloaded("nothing changed", ())] * 2
    assert order == [1, 2, 1, 2]


def test_listener_that_fails_is_named_until_the_next_reload() -> None:
    down = True

    async def hear(_before: Configuration, _new: Configuration) -> None:
        if down:
            raise Unavailable("locked")

    reload = reload_of(config.single, hear)

    with pytest.raises(Unavailable):
        asyncio.run(reload.run_once())
    troubles = reload.troubles()
    down = False
    asyncio.run(reload.run_once())

    assert "not in effect everywhere" in troubles["configuration"]
    assert reload.troubles() == {}


def test_signal_before_the_start_is_not_lost(file: Path) -> None:
    loads = 0

    def load() -> Configuration:
        nonlocal loads
        loads += 1
        return config.load(file)

    reload = reload_of(load)
    reload.request()

    async def serve() -> None:
        serving = asyncio.create_task(reload.serve_requests())
        while not loads:  # noqa: ASYNC110 - a test waits for a condition, with a deadline around
            await asyncio.sleep(0)
        serving.cancel()

    asyncio.run(serve())

    assert loads == 1
