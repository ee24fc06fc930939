"""Acting from a card on a plain webhook, with a real Alertmanager behind it."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed import stack, webhook_alerts
from testbed.fakes.discord import RunningDiscord, only
from testbed.ports import free_port
from testbed.processes import Process, until
from testbed.running_router import RunningRouter

pytestmark = pytest.mark.e2e
PUBLIC = "https://router.example.org"
BROWSER = {"accept": "text/html"}


@pytest.fixture
def alertmanager_url() -> str:
    return stack.local(free_port())


@pytest.fixture
def router(
    tmp_path: Path,
    database_url: str,
    discord: RunningDiscord,
    start: Callable[[Process], Process],
    alertmanager_url: str,
) -> Iterator[RunningRouter]:
    port = free_port()
    program = stack.router(
        tmp_path,
        port,
        {
            "ALERT_ROUTER_DATABASE_URL": database_url,
            "DISCORD_WEBHOOK_URL": discord.webhook_url(),
            "ALERT_ROUTER_CHANNEL_PER_MINUTE": "100000",
            "ALERT_ROUTER_EXTERNAL_URL": PUBLIC,
            "ALERTMANAGER_URL": alertmanager_url,
            "ALERT_ROUTER_RECONCILE_SECONDS": "0.5",
        },
    )
    start(program)
    with closing(RunningRouter(program, stack.local(port))) as running_router:
        yield running_router


def start_alertmanager(
    start: Callable[[Process], Process], folder: Path, router: RunningRouter, url: str
) -> None:
    """Sends to the router at once."""
    webhook = {
        "url": f"{router.url}/webhooks/alertmanager",
        "http_config": {"authorization": {"credentials": stack.TOKEN}},
    }
    route = {"receiver": "router", "group_by": ["alertname"], "group_wait": "10ms", "group_interval": "500ms"}
    path = folder / "alertmanager.yml"
    path.write_text(
        json.dumps({"route": route, "receivers": [{"name": "router", "webhook_configs": [webhook]}]})
    )
    start(stack.alertmanager(folder, path, int(url.rpartition(":")[2])))


def button(discord: RunningDiscord, router: RunningRouter, label: str) -> str | None:
    """Where it leads, by way of the public address."""
    rows = only(discord.state.messages()).components
    urls = [one["url"] for row in rows for one in row["components"] if one["label"] == label]
    return str(urls[0]).replace(PUBLIC, router.url) if urls else None


def press(url: str | None, **fields: str) -> httpx.Response:
    assert url is not None
    return httpx.post(url, data=fields, headers=BROWSER)


def card(discord: RunningDiscord) -> str:
    return str(only(discord.state.messages()).embeds)


def test_card_is_acknowledged_and_its_alert_silenced_by_links(
    router: RunningRouter,
    discord: RunningDiscord,
    start: Callable[[Process], Process],
    tmp_path: Path,
    alertmanager_url: str,
) -> None:
    start_alertmanager(start, tmp_path, router, alertmanager_url)
    began = datetime.now(UTC) - timedelta(minutes=5)
    webhook_alerts.push([alertmanager_url], name="ApiDown", starts_at=began, firing=True, instance="api-1")
    until(lambda: bool(discord.state.messages()), "the card is sent", within_s=20)

    link = button(discord, router, "Acknowledge")
    assert link is not None
    assert "ApiDown" in httpx.get(link, headers=BROWSER).text
    assert press(link, by="Ada", note="on it").is_success
    until(lambda: "Ada" in card(discord), "the card names Ada", within_s=20)
    assert press(link, by="Eve").status_code == 409

    assert press(button(discord, router, "Silence"), by="Ada", until="1h", note="deploying").is_success

    [silence] = silences(alertmanager_url)
    assert (silence["createdBy"], silence["comment"]) == ("Ada", "deploying")
    assert {one["name"]: one["value"] for one in silence["matchers"]} == {
        "alertname": "ApiDown",
        "severity": "critical",
        "instance": "api-1",
    }
    until(lambda: "silenced" in card(discord), "the card says that it is silenced", within_s=20)
    [alert] = router.alerts()
    kinds = [transition["kind"] for transition in router.life(alert["id"])["transitions"]]
    assert kinds.count("acknowledged") == 1
    assert "silenced" in kinds
    assert len(discord.state.creates) == 1


def silences(url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{url}/api/v2/silences").json()
    return found
