"""Real Alertmanagers: repeats, retries while the router is down, and a pair that contradicts itself."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from monitoring.scaled import write_scaled
from testbed import stack, webhook_alerts
from testbed.fakes.discord import RunningDiscord
from testbed.monitoring.listener import listening
from testbed.ports import free_port
from testbed.processes import Process, until
from testbed.running_router import RunningRouter

pytestmark = pytest.mark.e2e
EPISODES = 3


def _config(folder: Path, router: RunningRouter) -> Path:
    return write_scaled(
        folder / "config",
        factor=3600,
        targets={},
        alertmanagers=[],
        router_url=router.url,
        token=stack.TOKEN,
        group_interval_s=0.5,
    ).alertmanager


def test_alerts_during_downtime_arrive_after_restart(
    router: RunningRouter, discord: RunningDiscord, start: Callable[[Process], Process], tmp_path: Path
) -> None:
    port = free_port()
    start(stack.alertmanager(tmp_path, _config(tmp_path, router), port))
    here = [stack.local(port)]
    began = datetime.now(UTC)
    webhook_alerts.push(here, name="DiskFull", starts_at=began, firing=True)
    until(
        lambda: _statuses(router) == ["firing"] and router.all_delivered, "DiskFull is delivered", within_s=20
    )
    router.program.kill()

    # Alertmanager sends the end of an alert only when it has tried to send its start.
    with listening(urlsplit(router.url).port or 0, status=503) as unavailable:
        webhook_alerts.push(here, name="DiskFull", starts_at=began, firing=False)
        for name in ("ApiDown", "ShortLived"):
            webhook_alerts.push(here, name=name, starts_at=began, firing=True)
        tried = {("DiskFull", "resolved"), ("ApiDown", "firing"), ("ShortLived", "firing")}
        until(lambda: unavailable.statuses() >= tried, "Alertmanager has tried each", within_s=30)
    webhook_alerts.push(here, name="ShortLived", starts_at=began, firing=False)
    start(router.program)

    wanted = {"ApiDown": "firing", "DiskFull": "resolved", "ShortLived": "resolved"}
    until(lambda: _by_name(router) == wanted, f"the history is {wanted}", within_s=60)
    until(lambda: router.all_delivered, "all is delivered", within_s=30)
    assert len(router.alerts()) == len(wanted)
    assert len(discord.state.messages()) == len(wanted)


def test_alertmanager_pair_with_duplicates_creates_one_card(
    router: RunningRouter, discord: RunningDiscord, start: Callable[[Process], Process], tmp_path: Path
) -> None:
    """group_interval is below the peer timeout: duplicates in every cycle, "firing" after "resolved"."""
    config = _config(tmp_path, router)
    gossip = (free_port(), free_port())
    ports = (free_port(), free_port())
    for own, other in ((0, 1), (1, 0)):
        start(
            stack.alertmanager(
                tmp_path, config, ports[own], cluster_port=gossip[own], peer_port=gossip[other]
            )
        )
    pair = [stack.local(port) for port in ports]

    for _ in range(EPISODES):
        began = datetime.now(UTC)
        webhook_alerts.push(pair, name="ApiDown", starts_at=began, firing=True)
        until(lambda: _statuses(router)[:1] == ["firing"], "the alert fires", within_s=20)
        webhook_alerts.push(pair, name="ApiDown", starts_at=began, firing=False)
        until(lambda: _statuses(router)[:1] == ["resolved"], "the alert resolves", within_s=20)
        # A pair interrupted in its gossip may never send the next resolve (reconcile closes it).
        until(lambda: _quiet(router), "the pair sends nothing more", within_s=40)

    assert _statuses(router) == ["resolved"] * EPISODES
    lives = [router.life(alert["id"]) for alert in router.alerts()]
    kinds = [transition["kind"] for life in lives for transition in life["transitions"]]
    assert "reopened" not in kinds
    assert router.metric('alert_router_signals_total{outcome="duplicate",source="alertmanager"}') > 0, (
        "the pair sent no duplicates, so the test did not test them"
    )
    assert len(discord.state.creates) == 1, json.dumps(lives, indent=1)
    assert "resolved" in discord.state.messages()[0].embeds[0]["title"]


def _by_name(router: RunningRouter) -> dict[str, str]:
    return {alert["alertname"]: alert["status"] for alert in router.alerts()}


def _statuses(router: RunningRouter) -> list[str]:
    """Newest first."""
    return [alert["status"] for alert in router.alerts()]


def _quiet(router: RunningRouter) -> bool:
    """Nothing arrived for longer than the hold, and no card is pending."""
    last_seen = max(datetime.fromisoformat(alert["last_seen_at"]) for alert in router.alerts())
    return (datetime.now(UTC) - last_seen).total_seconds() > 6 and router.all_delivered
