"""The two channels of the campaign, and the router's configuration that routes each team to its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from alert_router.domain import notify_timing
from testbed.fakes.discord import DiscordState, RunningDiscord

RENOTIFY_AFTER_S: Mapping[str, float] = {"critical": 0.5, "warning": 1.0}
"""Short enough that the wait of an alert that joins ends within the campaign. Info gets no new message."""
LONGEST_WAIT_S = max(RENOTIFY_AFTER_S.values()) * notify_timing.FACTORS[-1]


@dataclass(frozen=True, slots=True)
class Channel:
    name: str
    team: str
    webhook_id: str
    token: str
    channel_id: str


CHANNELS = (
    Channel("ops", "a", "1", "w3bh00k-t0ken_of-the-campaign", "100"),
    Channel("shop", "b", "2", "0ther-w3bh00k-t0ken_of-the-campaign", "200"),
)
BY_TEAM = {channel.team: channel for channel in CHANNELS}


def register(discord: DiscordState) -> None:
    for channel in CHANNELS:
        discord.webhook(channel.webhook_id, channel.token, channel.channel_id)


def write_configuration(folder: Path, discord: RunningDiscord) -> Path:
    """JSON is YAML."""
    root, other = CHANNELS
    path = folder / "router.yaml"
    configuration = {
        "channels": {
            channel.name: {"webhook_url": discord.webhook_url(channel.webhook_id, channel.token)}
            for channel in CHANNELS
        },
        "route": {
            "channel": root.name,
            "renotify": "warning",
            "renotify_after": {name: f"{wait_s * 1000:.0f}ms" for name, wait_s in RENOTIFY_AFTER_S.items()},
            "routes": [{"matchers": [f'team="{other.team}"'], "channel": other.name}],
        },
    }
    path.write_text(json.dumps(configuration, indent=2))
    return path


def wait_s(severity: str, creates: int) -> float:
    """Since the last message, after so many creates within the flap window."""
    base = timedelta(seconds=RENOTIFY_AFTER_S[severity])
    return notify_timing.renotify_wait(base, creates, acknowledged=False).total_seconds()
