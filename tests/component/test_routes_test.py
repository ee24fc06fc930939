"""alert-router routes test: one alert, or those of the past, under a configuration."""

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from alert_router import config
from alert_router.delivery import DeliveryWorker
from alert_router.discord.client import DiscordChannel
from alert_router.domain.model import ChannelName, Signal
from alert_router.services.replay import replay
from alert_router.store import past
from alert_router.store.engine import open_store
from alert_router.store.tables import cards, deliveries
from testbed import past_alerts
from testbed.commands import command
from testbed.factories import NOON, SECRET, Clock, make_signal
from testbed.fakes.discord import DiscordState
from testbed.router_harness import RouterHarness

FILE = """\
channels:
  ops: {webhook_url: "http://discord.test/api/webhooks/1/TOKEN"}
  shop: {webhook_url: "http://discord.test/api/webhooks/2/TOKEN"}
  night: {webhook_url: "http://discord.test/api/webhooks/3/TOKEN"}
route:
  channel: ops
  mentions: {critical: {roles: ["777"]}}
  remind_every: {critical: 4h}
  quiet_hours: {zone: Europe/Paris, from: "22:00", to: "07:00", pass: critical}
  routes:
    - matchers: ['team="shop"']
      channel: shop
      quiet_hours: null
      notify_resolved: true
      mentions: {critical: {roles: ["888"]}}
      escalate_after: 15m
      escalate_to: {channel: night, mentions: {roles: ["999"]}}
"""
CHANNELS = ("ops", "shop", "night")
HOURS = 16


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "routes.yaml"
    path.write_text(FILE.replace("TOKEN", SECRET))
    return path


@pytest.fixture
def routed(
    sqlite_url: str, clock: Clock, discord: DiscordState, file: Path
) -> Iterator[tuple[RouterHarness, list[DeliveryWorker]]]:
    """A router with the file's channels, and a worker for each."""
    configuration = config.load(file)
    with ExitStack() as running:
        harness = running.enter_context(RouterHarness.opened(sqlite_url, clock, discord, configuration))
        workers = []
        for number, name in enumerate(CHANNELS, start=1):
            discord.webhook(str(number), SECRET, str(number * 100))
            url = SecretStr(f"http://discord.test/api/webhooks/{number}/{SECRET}")
            channel = DiscordChannel(harness.http, url)
            workers.append(
                harness.another_delivery(channel, name=ChannelName(name), rate_limiter=harness.rate_limiter)
            )
        yield harness, workers


def test_alert_is_explained_with_its_channel_mentions_and_trace(file: Path) -> None:
    status, output = command(
        "sqlite://", "routes", "test", "severity=page", "team=shop", "--config", str(file)
    )

    assert status == 0
    assert "severity  critical" in output
    assert "channel   shop  (route.routes[0])" in output
    assert "mentions    role:888" in output
    assert "escalation  to night after 15m unacknowledged, mentioning role:999" in output
    assert SECRET not in output


def test_alert_is_explained_for_programs(file: Path) -> None:
    status, output = command("sqlite://", "routes", "test", "team=data", "--json", "--config", str(file))

    answer = json.loads(output)
    [channel] = answer["channels"]
    assert (status, channel["channel"], channel["route"]) == (0, "ops", "route")
    assert channel["renotify_after_seconds"] == [1800]
    assert answer["trace"][1] == {"route": "route.routes[0]", "result": "mismatch", "mismatch": 'team="shop"'}


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ((), "pass labels such as severity=critical team=shop, or --since 30d"),
        (("team",), "'team' is not a label; write it like severity=critical"),
        (("--since", "30"), '--since: "30" is not a duration'),
        (("team=a", "--channel", "dicsord"), 'unknown channel "dicsord"; did you mean "discord"?'),
    ],
)
def test_wrong_arguments_are_explained(args: tuple[str, ...], reason: str) -> None:
    status, output = command("sqlite://", "routes", "test", *args)

    assert status == 1
    assert reason in output


@pytest.mark.parametrize("seed", range(3))
def test_replay_agrees_with_what_the_router_sent(
    routed: tuple[RouterHarness, list[DeliveryWorker]], seed: int
) -> None:
    harness, workers = routed
    since = harness.clock.time()

    run_story(harness, workers, random.Random(seed))  # noqa: S311 - the same story for the same seed

    until = harness.clock.time()
    with harness.store.read() as conn:
        alerts = past.alerts_since(conn, since)
        result = replay(
            alerts, past.transitions_since(conn, since), harness.configuration.current, until=until
        )
    counts = {name: sum(message.channel == name for message in result.messages) for name in CHANNELS}
    assert counts == created(harness)
    assert all(counts.values())


def run_story(harness: RouterHarness, workers: list[DeliveryWorker], dice: random.Random) -> None:
    """Alerts of two teams fire, resolve and are acknowledged, into the night; then everything ends."""
    firing: dict[tuple[str, str], Signal] = {}
    names = [("ApiDown", "critical", "shop"), ("DiskFull", "warning", "data"), ("Slow", "error", "data")]
    moments = sorted(dice.uniform(0, HOURS * 3600) for _ in range(70))
    for moment in moments:
        pass_time(harness, workers, until=NOON + timedelta(seconds=moment))
        name, severity, team = dice.choice(names)
        key = name, dice.choice("abc")
        now = harness.clock.time()
        if key in firing:
            signal = firing.pop(key)
            harness.accept(make_signal(signal.labels, starts_at=signal.starts_at, ends_at=now))
        else:
            labels = {"alertname": name, "severity": severity, "team": team, "instance": key[1]}
            firing[key] = make_signal(labels, starts_at=now)
            harness.accept(firing[key])
        if firing and dice.random() < 0.1:
            harness.acknowledge(dice.choice([alert.id for alert in harness.alerts() if alert.firing]))
        deliver(harness, workers)
    pass_time(harness, workers, until=NOON + timedelta(hours=HOURS))


def pass_time(harness: RouterHarness, workers: list[DeliveryWorker], until: datetime) -> None:
    """From one moment at which the notify rule is due to the next."""
    while True:
        due = harness.ask(lambda conn: conn.scalar(sa.select(sa.func.min(cards.c.decide_at))))
        if due is None or due > until:
            break
        harness.clock.move(max((due - harness.clock.time()).total_seconds(), 0.001))
        harness.pass_time()
        deliver(harness, workers)
    harness.clock.move((until - harness.clock.time()).total_seconds())


def deliver(harness: RouterHarness, workers: list[DeliveryWorker]) -> None:
    for worker in workers:
        harness.deliver(worker)


def created(harness: RouterHarness) -> dict[str, int]:
    query = (
        sa.select(deliveries.c.channel, sa.func.count())
        .where(deliveries.c.action == "create", deliveries.c.outcome == "sent")
        .group_by(deliveries.c.channel)
    )
    return {row[0]: row[1] for row in harness.ask(lambda conn: list(conn.execute(query)))}


def test_past_alerts_are_replayed_by_the_command(tmp_path: Path, file: Path) -> None:
    url = f"sqlite:///{tmp_path / 'past.db'}"
    store = open_store(url)
    now = past_alerts.now()
    past_alerts.write(store, count=300, since=now - timedelta(days=20), until=now - timedelta(hours=1))
    store.close()

    args = ("routes", "test", "--since", "30d", "--config", str(file))
    status, output = command(url, *args, "--json")
    _, text = command(url, *args)

    report = json.loads(output)
    by_channel = {channel["channel"]: channel for channel in report["channels"]}
    assert (status, report["alerts"]) == (0, 300)
    assert by_channel["shop"]["by_mention"]["role:888"] > 0
    assert by_channel["preview"]["messages"] == 0
    assert f"{by_channel['shop']['messages']:>8}" in text
    assert SECRET not in output + text
