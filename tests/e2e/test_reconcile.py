"""The comparison with a real Alertmanager: lost webhooks, a restart, a silence and an inhibition."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from testbed import stack, webhook_alerts
from testbed.fakes.discord import Message, RunningDiscord, only
from testbed.monitoring.listener import listening
from testbed.monitoring.programs import run
from testbed.ports import free_port
from testbed.processes import Process, until
from testbed.running_router import RunningRouter

pytestmark = pytest.mark.e2e
WARMUP_S = 3


@pytest.fixture
def alertmanager_port() -> int:
    return free_port()


@pytest.fixture
def router(
    tmp_path: Path,
    database_url: str,
    discord: RunningDiscord,
    start: Callable[[Process], Process],
    alertmanager_port: int,
) -> Iterator[RunningRouter]:
    port = free_port()
    program = stack.router(
        tmp_path,
        port,
        {
            "ALERT_ROUTER_DATABASE_URL": database_url,
            "DISCORD_WEBHOOK_URL": discord.webhook_url(),
            "ALERT_ROUTER_CHANNEL_PER_MINUTE": "100000",
            "ALERTMANAGER_URL": stack.local(alertmanager_port),
            "ALERT_ROUTER_RECONCILE_SECONDS": "0.5",
            "ALERT_ROUTER_GROUP_INTERVAL_SECONDS": "2",
            "ALERT_ROUTER_ALERTMANAGER_WARMUP_SECONDS": str(WARMUP_S),
        },
    )
    start(program)
    with closing(RunningRouter(program, stack.local(port))) as running_router:
        yield running_router


def configuration(folder: Path, router: RunningRouter) -> Path:
    """Sends quickly, and does not repeat."""
    path = folder / "alertmanager.yml"
    webhook = {
        "url": f"{router.url}/webhooks/alertmanager",
        "http_config": {"authorization": {"credentials": stack.TOKEN}},
    }
    path.write_text(
        json.dumps(
            {
                "route": {
                    "receiver": "router",
                    "group_by": ["alertname"],
                    "group_wait": "10ms",
                    "group_interval": "500ms",
                    "repeat_interval": "4h",
                },
                "receivers": [{"name": "router", "webhook_configs": [webhook]}],
                "inhibit_rules": [
                    {
                        "source_matchers": ['alertname="ClusterDown"'],
                        "target_matchers": ['alertname="ApiSlow"'],
                    }
                ],
            }
        )
    )
    return path


def test_sync_closes_gaps_and_silence_is_not_a_resolve(
    router: RunningRouter,
    discord: RunningDiscord,
    start: Callable[[Process], Process],
    tmp_path: Path,
    alertmanager_port: int,
) -> None:
    alertmanager = start(stack.alertmanager(tmp_path, configuration(tmp_path, router), alertmanager_port))
    here = [stack.local(alertmanager_port)]
    began = datetime.now(UTC) - timedelta(minutes=5)
    webhook_alerts.push(here, name="DiskFull", starts_at=began, firing=True)
    until(lambda: states(router) == {"DiskFull": "firing"}, "DiskFull is known", within_s=20)
    until(lambda: router.all_delivered, "DiskFull is delivered", within_s=20)

    router.program.kill()
    with listening(urlsplit(router.url).port or 0) as lost_webhooks:
        webhook_alerts.push(here, name="DiskFull", starts_at=began, firing=False)
        for name in ("ApiDown", "ApiSlow"):
            webhook_alerts.push(here, name=name, starts_at=began, firing=True)
        lost = {("DiskFull", "resolved"), ("ApiDown", "firing"), ("ApiSlow", "firing")}
        until(lambda: lost_webhooks.statuses() >= lost, "all of it is sent, and lost", within_s=20)
    start(router.program)
    missed = {"DiskFull": "resolved", "ApiDown": "firing", "ApiSlow": "firing"}
    until(lambda: states(router) == missed, "the lost alerts are known", within_s=30)
    assert kinds(router, "DiskFull") == ["opened", "reconciled"]
    assert kinds(router, "ApiDown") == ["opened", "reconciled"]

    amtool = ("amtool", f"--alertmanager.url={here[0]}")
    run(*amtool, "silence", "add", "alertname=ApiDown", "--comment=known", "--author=Ada")
    webhook_alerts.push(here, name="ClusterDown", starts_at=began, firing=True)
    until(lambda: quiet(discord, "ApiDown") == "silenced", "the card says that it is silenced", within_s=20)
    until(lambda: quiet(discord, "ApiSlow") == "inhibited", "the card says that it is inhibited", within_s=20)

    alertmanager.kill()
    shutil.rmtree(tmp_path / f"alertmanager-{alertmanager_port}")
    alertmanager.start()
    alertmanager.wait_ready()
    until(lambda: troubles(router) == {}, "the router sees Alertmanager again", within_s=20)
    for name in ("ApiDown", "ApiSlow", "ClusterDown"):  # as Prometheus repeats them
        webhook_alerts.push(here, name=name, starts_at=began, firing=True)
    until(lambda: quiet(discord, "ApiDown") is None, "the silence is gone, and its mark too", within_s=20)
    webhook_alerts.push(here, name="ApiSlow", starts_at=began, firing=False)
    until(lambda: states(router)["ApiSlow"] == "resolved", "an inhibited alert resolves", within_s=30)

    assert states(router) == {**missed, "ApiSlow": "resolved", "ClusterDown": "firing"}
    assert len(router.alerts()) == 4
    assert "resolved" not in kinds(router, "ApiDown")
    until(lambda: router.all_delivered, "all is delivered", within_s=20)
    assert "🟢" in card(discord, "DiskFull").embeds[0]["title"]
    shown = [revision.shown.embeds[0]["title"] for revision in card(discord, "ApiDown").revisions]
    assert {title[0] for title in shown} == {"🔴"}
    assert len(discord.state.creates) == 4


def states(router: RunningRouter) -> dict[str, str]:
    return {alert["alertname"]: alert["status"] for alert in router.alerts()}


def kinds(router: RunningRouter, name: str) -> list[str]:
    [alert] = router.alerts(alertname=name)
    return [transition["kind"] for transition in router.life(alert["id"])["transitions"]]


def troubles(router: RunningRouter) -> object:
    return router.client.get(f"{router.url}/-/ready").json()["troubles"]


def card(discord: RunningDiscord, name: str) -> Message:
    return only([message for message in discord.state.messages() if name in message.embeds[0]["title"]])


def quiet(discord: RunningDiscord, name: str) -> str | None:
    """What the card says about a silence or an inhibition."""
    quiet = re.search(r"🔕 (\w+) in", card(discord, name).embeds[0]["description"])
    return quiet[1] if quiet else None
