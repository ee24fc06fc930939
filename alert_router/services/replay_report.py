"""What a replay comes down to: how many messages, where, for whom, and what reached nobody. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from alert_router.config import Configuration
from alert_router.domain import routes
from alert_router.domain.model import ChannelName, Mentions
from alert_router.services.replay_values import Message, Replay
from alert_router.store.past import PastAlert

NIGHT_BEGINS, NIGHT_ENDS = 22, 7
"""Hours of the local time."""


@dataclass(frozen=True, slots=True)
class ChannelReport:
    channel: ChannelName
    messages: int
    at_night: int
    by_reason: Mapping[str, int]
    by_mention: Mapping[str, int]
    """How many mention whom; "" is nobody."""


@dataclass(frozen=True, slots=True)
class Unheard:
    """Alerts of one name that no message in Discord has shown."""

    alertname: str
    severity: str
    alerts: int
    channels: tuple[ChannelName, ...]
    """Where they are shown."""


@dataclass(frozen=True, slots=True)
class ReplayReport:
    since: datetime
    until: datetime
    zone: str
    """In which the night is."""
    alerts: int
    channels: tuple[ChannelReport, ...]
    """Every channel, the busiest first."""
    unheard: tuple[Unheard, ...]
    """The most frequent first."""


def report(
    replay: Replay,
    alerts: Mapping[int, PastAlert],
    configuration: Configuration,
    *,
    since: datetime,
    until: datetime,
) -> ReplayReport:
    messages = [message for message in replay.messages if since <= message.at <= until]
    zone = _zone(configuration)
    channels = [
        _channel(name, [message for message in messages if message.channel == name], zone)
        for name in configuration.channels
    ]
    return ReplayReport(
        since,
        until,
        str(zone),
        len(replay.routed),
        tuple(sorted(channels, key=lambda channel: (-channel.messages, channel.channel))),
        _unheard(replay, alerts, configuration),
    )


def words(mentions: Mentions) -> str:
    """Such as "role:777, here"; empty for nobody."""
    roles = [f"role:{role}" for role in mentions.roles]
    users = [f"user:{user}" for user in mentions.users]
    return ", ".join([*roles, *users, *(["here"] if mentions.here else [])])


def _channel(name: ChannelName, messages: list[Message], zone: tzinfo) -> ChannelReport:
    return ChannelReport(
        name,
        len(messages),
        sum(_is_night(message.at, zone) for message in messages),
        _counted(str(message.reason) for message in messages),
        _counted(words(message.mentions) for message in messages),
    )


def _counted(items: Iterable[str]) -> Mapping[str, int]:
    return dict(Counter(items).most_common())


def _is_night(at: datetime, zone: tzinfo) -> bool:
    hour = at.astimezone(zone).hour
    return hour >= NIGHT_BEGINS or hour < NIGHT_ENDS


def _zone(configuration: Configuration) -> tzinfo:
    """Of the first quiet hours in the tree: where the people are."""
    policies = (route.policy for route in routes.walk(configuration.route))
    return next((policy.quiet_hours.zone for policy in policies if policy.quiet_hours), UTC)


def _unheard(
    replay: Replay, alerts: Mapping[int, PastAlert], configuration: Configuration
) -> tuple[Unheard, ...]:
    counts: Counter[tuple[str, str, tuple[ChannelName, ...]]] = Counter()
    for id_, routed in replay.routed.items():
        channels = tuple(target.channel for target in routed.targets)
        reach_people = any(configuration.channels[channel].webhook_url for channel in channels)
        if id_ not in replay.announced or not reach_people:
            counts[alerts[id_].alertname, routed.severity.word, channels] += 1
    return tuple(
        Unheard(name, severity, n, channels) for (name, severity, channels), n in counts.most_common()
    )
