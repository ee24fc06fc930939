"""Several channels in one file: each card in its own, a worker for each, reloads while they work."""

import json
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from testbed.factories import API_DOWN, SECRET, Clock, webhook_json, wire_alert
from testbed.fakes.discord import DiscordState, faults
from testbed.router_harness import NewDatabase, open_client, until

TEAMS = {"ops": "1", "shop": "2", "data": "3", "night": "4"}
"""Channel and webhook."""
ALERTS = "/webhooks/alertmanager"


def channel(name: str, **more: str) -> str:
    entries = {"webhook_url": f"http://discord.test/api/webhooks/{TEAMS[name]}/{SECRET}", **more}
    return f"  {name}: {json.dumps(entries)}"


def routes(*teams: str) -> str:
    children = [f"""    - {{matchers: ['team="{team}"'], channel: {team}}}""" for team in teams]
    return "\n".join(
        [
            "route:",
            "  channel: ops",
            "  renotify_after: 1m",
            '  mentions: {critical: {roles: ["777"]}}',
            *(["  routes:", *children] if children else []),
        ]
    )


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["channels:", *lines]) + "\n")
    return path


@pytest.fixture
def teams(unlimited: DiscordState) -> DiscordState:
    for number, webhook_id in enumerate(TEAMS.values(), start=1):
        unlimited.webhook(webhook_id, SECRET, f"{number}00")
    return unlimited


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "router.yaml", *map(channel, TEAMS), routes("shop", "data", "night"))


def alert_of(team: str, name: str = "ApiDown", **labels: str) -> dict[str, Any]:
    return wire_alert({**API_DOWN, "alertname": name, "team": team, **labels})


def fires(client: TestClient, team: str, name: str = "ApiDown", **labels: str) -> None:
    body = webhook_json(alert_of(team, name, **labels), groupLabels={"alertname": name, "team": team})
    assert client.post(ALERTS, json=body).status_code == 200


def titles(discord: DiscordState, team: str) -> list[str]:
    return [message.embeds[0]["title"] for message in discord.messages(TEAMS[team])]


def test_each_card_is_in_its_teams_channel_with_its_mention(
    make_client: Any, teams: DiscordState, file: Path
) -> None:
    client: TestClient = make_client(config_file=file)

    for team in TEAMS:
        fires(client, team, f"{team}Down")
    until(lambda: len(teams.messages()) == len(TEAMS))

    for team, webhook_id in TEAMS.items():
        [message] = teams.messages(webhook_id)
        assert f"{team}Down" in message.embeds[0]["title"]
        assert "<@&777>" in message.content


def test_card_shows_only_the_alerts_routed_to_its_channel(
    make_client: Any, teams: DiscordState, file: Path
) -> None:
    """One incident of two teams."""
    client: TestClient = make_client(config_file=file)
    alerts = [alert_of("shop", instance="till-1"), alert_of("data", instance="lake-1")]

    client.post(ALERTS, json=webhook_json(*alerts))
    until(lambda: len(teams.messages()) == 2)

    [shop], [data] = teams.messages("2"), teams.messages("3")
    assert "till-1" in str(shop.embeds)
    assert "lake-1" not in str(shop.embeds)
    assert "lake-1" in str(data.embeds)
    assert "till-1" not in str(data.embeds)


def test_dead_channel_holds_up_no_other(make_client: Any, teams: DiscordState, file: Path) -> None:
    teams.delete_webhook(TEAMS["shop"])
    teams.faults.next(faults.hold(), operation="create", webhook_id=TEAMS["data"])
    client: TestClient = make_client(config_file=file)

    for team in ("shop", "data", "ops"):
        fires(client, team)
    until(lambda: titles(teams, "ops"))

    ready = client.get("/-/ready")
    assert ready.status_code == 200
    assert list(ready.json()["troubles"]) == ["channel shop"]
    metrics = client.get("/metrics").text
    assert 'alert_router_channel_up{channel="shop"} 0.0' in metrics
    assert 'alert_router_channel_up{channel="ops"} 1.0' in metrics
    teams.faults.release()
    until(lambda: titles(teams, "data"))


def test_webhook_that_is_not_there_is_logged_at_start(
    make_client: Any, teams: DiscordState, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    teams.delete_webhook(TEAMS["data"])

    client: TestClient = make_client(config_file=file)
    until(lambda: client.get("/-/ready").json()["troubles"])

    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors == ["channel data: accepts nothing: HTTP 404 code 10015: Unknown Webhook"]


def test_reload_adds_a_channel_and_moves_what_fires(
    make_client: Any, teams: DiscordState, tmp_path: Path
) -> None:
    file = write(tmp_path / "router.yaml", channel("ops"), routes())
    client: TestClient = make_client(config_file=file)
    fires(client, "shop")
    until(lambda: titles(teams, "ops"))

    write(file, channel("ops"), channel("shop"), routes("shop"))
    assert client.post("/-/reload").status_code == 200

    until(lambda: titles(teams, "shop"))
    assert "ApiDown" in titles(teams, "shop")[0]
    until(lambda: "No longer routed here, but to shop" in str(teams.messages("1")[0].embeds))


def test_reload_connects_a_changed_webhook_anew(
    make_client: Any, teams: DiscordState, tmp_path: Path
) -> None:
    file = write(tmp_path / "router.yaml", channel("ops"), channel("shop"), routes("shop"))
    client: TestClient = make_client(config_file=file)
    fires(client, "shop")
    until(lambda: titles(teams, "shop"))

    other = f"http://discord.test/api/webhooks/{TEAMS['night']}/{SECRET}"
    write(file, channel("ops"), channel("shop", webhook_url=other), routes("shop"))
    client.post("/-/reload")
    fires(client, "shop", "TillDown")

    until(lambda: titles(teams, "night"))
    assert len(titles(teams, "shop")) == 1


def test_removed_channels_cards_stay_and_are_reported(
    make_client: Any, teams: DiscordState, tmp_path: Path
) -> None:
    teams.delete_webhook(TEAMS["shop"])
    file = write(tmp_path / "router.yaml", channel("ops"), channel("shop"), routes("shop"))
    client: TestClient = make_client(config_file=file)
    fires(client, "shop")
    until(lambda: client.get("/-/ready").json()["troubles"])

    write(file, channel("ops"), routes())
    client.post("/-/reload")

    until(lambda: titles(teams, "ops"))
    troubles = client.get("/-/ready").json()["troubles"]
    assert troubles == {"channel shop": "is not configured; cards that wait for it: 1"}
    assert 'channel="shop"' not in client.get("/metrics").text.split("alert_router_channel_up")[-1]


def test_unchanged_worker_goes_on_through_a_reload(
    make_client: Any, teams: DiscordState, tmp_path: Path
) -> None:
    """The request under way is neither cut off nor repeated."""
    file = write(tmp_path / "router.yaml", channel("ops"), routes())
    client: TestClient = make_client(config_file=file)
    until(lambda: any(request.operation == "webhook" for request in teams.requests))
    teams.faults.next(faults.hold(), operation="create", webhook_id="1")
    fires(client, "ops")
    until(lambda: teams.faults.held)

    write(file, channel("ops"), channel("shop"), routes("shop"))
    answer = client.post("/-/reload")
    teams.faults.release()
    until(lambda: titles(teams, "ops"))

    assert answer.status_code == 200
    assert sum(request.operation == "webhook" for request in teams.requests) == 2
    assert len(teams.creates) == 1


def test_request_under_way_of_a_removed_channel_ends(
    make_client: Any, teams: DiscordState, tmp_path: Path
) -> None:
    """Cut off, it might be sent again."""
    file = write(tmp_path / "router.yaml", channel("ops"), channel("shop"), routes("shop"))
    client: TestClient = make_client(config_file=file)
    teams.faults.next(faults.hold(), operation="create", webhook_id=TEAMS["shop"])
    fires(client, "shop")
    until(lambda: teams.faults.held)

    write(file, channel("ops"), routes())
    threading.Timer(0.2, teams.faults.release).start()
    client.post("/-/reload")

    assert len(titles(teams, "shop")) == 1
    assert client.get("/-/ready").json()["troubles"] == {}


@pytest.mark.postgres
def test_two_routers_deliver_to_all_channels_once(
    new_database: NewDatabase, clock: Clock, teams: DiscordState, file: Path
) -> None:
    """On one database. The first of them stops in the middle."""
    with ExitStack() as running:
        database_url = running.enter_context(new_database("postgresql"))
        first, second = (open_client(running, database_url, clock, teams, config_file=file) for _ in range(2))
        for number in range(5):
            for team in TEAMS:
                fires((first, second)[number % 2], team, f"Down{number}")
        first.__exit__(None, None, None)
        until(lambda: len(teams.messages()) == 5 * len(TEAMS))

    assert len(teams.creates) == 5 * len(TEAMS)
    for team in TEAMS:
        assert len(titles(teams, team)) == 5
