"""The same storm through Alertmanager's own Discord receiver, against the same fake Discord."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import yaml

from testbed import stack
from testbed.fakes.discord import DiscordState, RunningDiscord, running
from testbed.ports import free_port
from testbed.storm import notifications
from testbed.storm.alerts import StormAlert, storm

GROUPINGS: Mapping[str, Sequence[str]] = {
    "a message each": ("alertname", "instance"),
    "ten to a message": ("service",),
}
GROUP_WAIT, GROUP_INTERVAL = "1s", "1m"
"""In its favour: it retries refused messages at the next interval, by default after five minutes."""


@dataclass(frozen=True, slots=True)
class AlertmanagerReceiver:
    """One Alertmanager, how it groups, and the channel it writes to."""

    grouping: str
    url: str
    discord: RunningDiscord

    def line(self, size: int) -> str:
        state = self.discord.state
        shown = len(notifications.named(state))
        statuses = dict(state.counters()["statuses"])
        return f"{self.grouping:22}{shown} of {size} notified ({shown / size:.0%}), answers {statuses}"


def report(folder: Path, *, size: int, over_s: float, minutes: float) -> Iterator[str]:
    """Both groupings at once. An alert counts as notified when an accepted message ever named it."""
    with ExitStack() as running_parts:
        receivers = [_start(folder, name, running_parts) for name in GROUPINGS]
        with ThreadPoolExecutor(len(receivers)) as pool:
            list(pool.map(lambda receiver: _send(receiver.url, storm(size), over_s), receivers))
        threading.Event().wait(minutes * 60 - over_s)
        for receiver in receivers:
            yield receiver.line(size)
        yield f"after {minutes:g} minutes, group_interval {GROUP_INTERVAL}"


def _start(folder: Path, grouping: str, parts: ExitStack) -> AlertmanagerReceiver:
    discord = parts.enter_context(running(DiscordState(auto_register=True, keep_files=False)))
    port = free_port()
    config = folder / f"alertmanager-{port}.yml"
    config.write_text(yaml.safe_dump(_config(discord.webhook_url(), GROUPINGS[grouping])))
    program = stack.alertmanager(folder, config, port)
    parts.callback(program.stop)
    program.start()
    program.wait_ready()
    return AlertmanagerReceiver(grouping, stack.local(port), discord)


def _config(webhook_url: str, group_by: Sequence[str]) -> dict[str, object]:
    return {
        "route": {
            "receiver": "discord",
            "group_by": list(group_by),
            "group_wait": GROUP_WAIT,
            "group_interval": GROUP_INTERVAL,
            "repeat_interval": "4h",
        },
        "receivers": [{"name": "discord", "discord_configs": [{"webhook_url": webhook_url}]}],
    }


def _send(url: str, alerts: Sequence[StormAlert], over_s: float) -> None:
    """As Prometheus sends: all alerts of one evaluation together."""
    pause = threading.Event()
    batches = max(int(over_s), 1)
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        for second in range(batches):
            body = [
                {
                    "labels": alert.labels,
                    "annotations": alert.annotations,
                    "startsAt": alert.began.isoformat(),
                    "endsAt": ends,
                    "generatorURL": "http://127.0.0.1:9090/graph?g0.expr=up",
                }
                for alert in alerts[second::batches]
            ]
            client.post("/api/v2/alerts", json=body).raise_for_status()
            pause.wait(1.0)
