"""What a real Prometheus remembers from before the first start, and from an absence, becomes history."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from testbed import stack
from testbed.factories import webhook_json, wire_alert
from testbed.fakes.discord import RunningDiscord
from testbed.ports import free_port
from testbed.processes import Process, until
from testbed.running_router import AUTH, RunningRouter

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
DAYS_AGO = timedelta(days=9)
FIRES_S = 20.0
"""Longer than the steps in which Prometheus is asked."""
AWAY = timedelta(minutes=10)


def _remember(folder: Path) -> datetime:
    """Give Prometheus an alert that fired for an hour, days ago; when it began."""
    began = (datetime.now(UTC) - DAYS_AGO).replace(second=0, microsecond=0)
    labels = 'alertname="DiskFull",alertstate="firing",instance="db-1",severity="warning"'
    samples = [
        f"ALERTS{{{labels}}} 1 {(began + timedelta(minutes=minute)).timestamp():.0f}" for minute in range(60)
    ]
    file = folder / "past.txt"
    file.write_text("\n".join(("# TYPE ALERTS gauge", *samples, "# EOF", "")))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(file), str(folder / "prometheus")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return began


def _configure(folder: Path, *rules: dict[str, Any]) -> Path:
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "api", "rules": list(rules)}]}))
    config = folder / "prometheus.yml"
    config.write_text(
        yaml.safe_dump({"global": {"evaluation_interval": "1s"}, "rule_files": [str(folder / "rules.yml")]})
    )
    return config


def _fire_for_a_while(folder: Path, prometheus: Process, url: str) -> None:
    """Return when the alert is over."""
    now = time.time()
    over = now + FIRES_S
    rule = {
        "alert": "ApiDown",
        "expr": f"vector(time()) < {over:.0f}",
        "labels": {"severity": "critical"},
    }
    _configure(folder, rule)
    os.kill(prometheus.pid, signal.SIGHUP)
    until(lambda: _firing(url), "the alert fires", within_s=20)
    until(lambda: not _firing(url), "the alert is over", within_s=FIRES_S + 20)


def _firing(url: str) -> bool:
    answer = httpx.get(f"{url}/api/v1/query", params={"query": 'ALERTS{alertstate="firing"}'})
    return bool(answer.json()["data"]["result"])


def _marks(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [name for (name,) in connection.execute("SELECT source FROM heartbeats")]


def _move_back(database: Path) -> None:
    """As if the router had been away for longer."""
    before = (datetime.now(UTC) - AWAY).strftime("%Y-%m-%d %H:%M:%S.%f")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE heartbeats SET at = ?", (before,))


def test_past_alerts_are_history_and_notify_nobody(
    tmp_path: Path, discord: RunningDiscord, start: Callable[[Process], Process]
) -> None:
    began = _remember(tmp_path)
    port, prometheus_port = free_port(), free_port()
    url = stack.local(prometheus_port)
    environment = {"DISCORD_WEBHOOK_URL": discord.webhook_url(), "PROMETHEUS_URL": url}
    prometheus = start(stack.prometheus(tmp_path, _configure(tmp_path), prometheus_port))
    database = tmp_path / "alert_router.db"

    first = start(stack.router(tmp_path, port, environment))
    until(lambda: "history" in _marks(database), "the first start has filled the history", within_s=30)
    first.stop()
    _move_back(database)
    _fire_for_a_while(tmp_path, prometheus, url)
    again = start(stack.router(tmp_path, port, environment))

    with closing(RunningRouter(again, stack.local(port))) as router:
        until(lambda: len(router.alerts()) > 1, "the absence is filled", within_s=30)
        down, full = router.alerts()
        assert [full["alertname"], full["origin"], full["status"]] == ["DiskFull", "backfilled", "resolved"]
        late = datetime.fromisoformat(full["starts_at"]) - began
        assert timedelta() <= late <= timedelta(minutes=1)
        assert [down["alertname"], down["origin"], down["notified"]] == ["ApiDown", "backfilled", False]
        page = router.client.get(f"{router.url}/alerts/{down['id']}", headers={"Accept": "text/html"}).text
        assert "The router was away" in page
        assert discord.state.messages() == []
        httpx.post(f"{router.url}/webhooks/alertmanager", json=webhook_json(wire_alert()), headers=AUTH)
        until(lambda: len(discord.state.messages()) == 1, "what fires now has a message", within_s=20)
        until(lambda: router.all_delivered, "nothing else is to be sent", within_s=20)
        assert len(discord.state.messages()) == 1
