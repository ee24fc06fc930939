"""A real Alertmanager, a router with routes: who is notified by a new message, where, and of what."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed import stack, webhook_alerts
from testbed.fakes.discord import DiscordState, Message, RateLimits, RunningDiscord, running
from testbed.ports import free_port
from testbed.processes import Process, until
from testbed.running_router import AUTH, RunningRouter

pytestmark = pytest.mark.e2e
ROLE, SHOP_ROLE = "7770000000000000", "8880000000000000"
TEAMS = ("ops", "shop", "data", "web")
WITHIN_S = 20
RENOTIFY_S = 2
GROUP_INTERVAL = timedelta(milliseconds=500)

Start = Callable[[Process], Process]


@pytest.fixture
def discord() -> Iterator[RunningDiscord]:
    state = DiscordState(limits=RateLimits(enabled=False))
    for number, _team in enumerate(TEAMS, start=1):
        state.webhook(str(number), channel_id=str(100 * number))
    with running(state) as server:
        yield server


@dataclass(frozen=True, slots=True)
class World:
    discord: RunningDiscord
    router: RunningRouter
    alertmanager: str

    def push(self, name: str, *, began: datetime, firing: bool = True, **labels: str) -> None:
        webhook_alerts.push([self.alertmanager], name=name, starts_at=began, firing=firing, **labels)

    def messages(self, team: str = "ops") -> list[Message]:
        return self.discord.state.messages(str(TEAMS.index(team) + 1))

    def wait_for_messages(self, count: int, team: str = "ops") -> list[Message]:
        until(lambda: len(self.messages(team)) >= count, f"{count} messages for {team}", within_s=WITHIN_S)
        return self.messages(team)

    def wait_for_status(self, *statuses: str) -> None:
        """Of the alerts, newest first."""

        def reached() -> bool:
            return [alert["status"] for alert in self.router.alerts()] == list(statuses)

        until(lambda: reached() and self.router.all_delivered, f"statuses {statuses}", within_s=WITHIN_S)


def routes(discord: RunningDiscord, **root: Any) -> dict[str, Any]:
    """Four teams; ops takes what no other route takes."""
    channels = {
        team: {"webhook_url": discord.webhook_url(str(number))} for number, team in enumerate(TEAMS, start=1)
    }
    children: list[dict[str, Any]] = [{"matchers": [f'team="{team}"'], "channel": team} for team in TEAMS[1:]]
    children[0]["mentions"] = {"critical": {"roles": [SHOP_ROLE]}}
    route = {
        "channel": "ops",
        "renotify_after": {"critical": f"{RENOTIFY_S}s"},
        "mentions": {"critical": {"roles": [ROLE]}},
        "routes": children,
    }
    return {"channels": channels, "route": {**route, **root}}


def alertmanager_config(router_url: str, *, group_by: list[str], send_resolved: bool) -> dict[str, Any]:
    webhook = {
        "url": f"{router_url}/webhooks/alertmanager",
        "send_resolved": send_resolved,
        "http_config": {"authorization": {"credentials": stack.TOKEN}},
    }
    route: dict[str, Any] = {
        "receiver": "router",
        "group_wait": "0s",
        "group_interval": f"{GROUP_INTERVAL.total_seconds() * 1000:.0f}ms",
        "repeat_interval": "1h",
    }
    if group_by:
        route["group_by"] = group_by
    return {"route": route, "receivers": [{"name": "router", "webhook_configs": [webhook]}]}


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(
    tmp_path: Path, database_url: str, discord: RunningDiscord, start: Start
) -> Iterator[MakeWorld]:
    opened: list[RunningRouter] = []

    def make(*, group_by: tuple[str, ...] = ("alertname",), send_resolved: bool = True, **root: Any) -> World:
        port, alertmanager_port = free_port(), free_port()
        file = tmp_path / "routes.yaml"
        file.write_text(yaml.safe_dump(routes(discord, **root)))
        program = stack.router(
            tmp_path,
            port,
            {
                "ALERT_ROUTER_DATABASE_URL": database_url,
                "ALERT_ROUTER_CONFIG": str(file),
                "ALERT_ROUTER_CHANNEL_PER_MINUTE": "100000",
                "ALERT_ROUTER_HOLD_SECONDS": "4",
            },
        )
        start(program)
        config = tmp_path / "alertmanager.yml"
        wanted = alertmanager_config(stack.local(port), group_by=list(group_by), send_resolved=send_resolved)
        config.write_text(yaml.safe_dump(wanted))
        start(stack.alertmanager(tmp_path, config, alertmanager_port))
        router = RunningRouter(program, stack.local(port))
        opened.append(router)
        return World(discord, router, stack.local(alertmanager_port))

    yield make
    for router in opened:
        with closing(router):
            pass


def test_second_critical_instance_is_announced_by_a_new_message(make_world: MakeWorld) -> None:
    world = make_world()
    began = datetime.now(UTC)
    world.push("KafkaLag", began=began, instance="pg-1")
    first = world.wait_for_messages(1)[0]

    world.push("KafkaLag", began=datetime.now(UTC), instance="pg-2", cluster="eu")

    second = world.wait_for_messages(2)[1]
    assert first.notified.roles == second.notified.roles == (ROLE,)
    assert "pg-2" in (second.content or "")
    until(lambda: len(json.dumps(first.embeds)) < 1500, "the old card shrinks", within_s=WITHIN_S)
    assert len(world.messages()) == 2


def test_critical_that_fires_again_is_announced_by_a_new_message(make_world: MakeWorld) -> None:
    world = make_world()
    world.push("ApiDown", began=datetime.now(UTC), instance="api-1")
    world.wait_for_messages(1)
    world.push("ApiDown", began=datetime.now(UTC), instance="api-1", firing=False)
    world.wait_for_status("resolved")

    world.push("ApiDown", began=datetime.now(UTC) + timedelta(seconds=1), instance="api-1")

    again = world.wait_for_messages(2)[1]
    assert again.notified.roles == (ROLE,)


def test_other_alertname_in_one_group_is_announced_by_a_new_message(make_world: MakeWorld) -> None:
    world = make_world(group_by=())
    world.push("DiskFull", began=datetime.now(UTC), instance="db-1")
    world.wait_for_messages(1)

    world.push("PaymentsDown", began=datetime.now(UTC))

    assert "PaymentsDown" in (world.wait_for_messages(2)[1].content or "")


def test_episode_after_a_missed_resolve_is_announced_by_a_new_message(make_world: MakeWorld) -> None:
    world = make_world(send_resolved=False)
    world.push("BackupFailed", began=datetime.now(UTC), instance="a")
    world.wait_for_messages(1)
    world.push("BackupFailed", began=datetime.now(UTC), instance="a", firing=False)

    # Before, Alertmanager takes the next episode for the one that it has notified of. It shows nowhere when
    # it has flushed a group with nothing but resolved alerts.
    flushed_at = datetime.now(UTC) + 3 * GROUP_INTERVAL
    until(lambda: datetime.now(UTC) >= flushed_at, "the end is flushed", within_s=WITHIN_S)

    world.push("BackupFailed", began=datetime.now(UTC), instance="a")

    world.wait_for_messages(2)
    [newest, missed] = world.router.alerts()
    assert (newest["status"], missed["status"]) == ("firing", "resolved")


def test_each_team_gets_its_messages_with_its_mention(make_world: MakeWorld) -> None:
    world = make_world()
    began = datetime.now(UTC)
    for team in TEAMS:
        world.push(f"Down{team}", began=began, team=team, note=f"<@&{ROLE}> <@&{SHOP_ROLE}> @everyone")

    found = {team: world.wait_for_messages(1, team) for team in TEAMS}

    assert {team: len(messages) for team, messages in found.items()} == dict.fromkeys(TEAMS, 1)
    pinged = {team: messages[0].notified for team, messages in found.items()}
    assert pinged["shop"].roles == (SHOP_ROLE,)
    assert all(pinged[team].roles == (ROLE,) for team in ("ops", "data", "web"))
    assert not any(each.everyone or each.users for each in pinged.values())
    for team, messages in found.items():
        assert f"Down{team}" in json.dumps(messages[0].embeds)


def test_reload_takes_a_new_route_and_refuses_a_bad_file(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world()
    file = tmp_path / "routes.yaml"
    good = yaml.safe_load(file.read_text())
    file.write_text("route: {chanel: ops}\n")
    refused = world.router.client.post(f"{world.router.url}/-/reload", headers=AUTH)
    world.push("DownOne", began=datetime.now(UTC), team="shop")
    world.wait_for_messages(1, "shop")

    good["route"]["routes"][0]["channel"] = "web"
    file.write_text(yaml.safe_dump(good))
    taken = world.router.client.post(f"{world.router.url}/-/reload", headers=AUTH)
    world.push("DownTwo", began=datetime.now(UTC), team="shop")

    assert (refused.status_code // 100, taken.status_code) == (4, 200)
    assert "chanel" in refused.text
    until(
        lambda: any("DownTwo" in json.dumps(message.embeds) for message in world.messages("web")),
        "the new route takes the alert",
        within_s=WITHIN_S,
    )
    assert not any("DownTwo" in json.dumps(message.embeds) for message in world.messages("shop"))
