"""What a replay keeps in mind, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alert_router.domain.model import ChannelName, Mentions
from alert_router.domain.notify_values import Episode, Posted, Reason
from alert_router.domain.routes import RoutePolicy, Target
from alert_router.domain.severity import Severity


@dataclass(frozen=True, slots=True)
class Routed:
    """One alert as the configuration sees it."""

    series: str
    identity: str
    severity: Severity
    ended_at: datetime | None
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A new message."""

    at: datetime
    channel: ChannelName
    reason: Reason
    severity: Severity | None
    """Of the worst that fired; None: nothing did."""
    mentions: Mentions


@dataclass(slots=True)
class Replay:
    """What came of it."""

    routed: Mapping[int, Routed]
    """By the alert's id."""
    messages: list[Message] = field(default_factory=list)
    """In the order of time."""
    announced: set[int] = field(default_factory=set)
    """The alerts that a new message has shown."""


@dataclass(slots=True)
class Pair:
    """One incident in one channel."""

    channel: ChannelName
    episodes: dict[int, Episode] = field(default_factory=dict)
    targets: dict[int, Target] = field(default_factory=dict)
    policy: RoutePolicy | None = None
    """Of all its alerts; None while it has none, or several."""
    cards: list[Posted] = field(default_factory=list)
    due_at: datetime | None = None
    """When to ask the rule next; asking too early changes nothing."""
    waiting: frozenset[Severity] = frozenset()
    """The severities that wait for due_at: one more episode of these changes nothing before."""
    is_held: bool = False
    """Its first message waits for the end of the quiet hours."""
    escalated_at: datetime | None = None
    escalation_due_at: datetime | None = None

    def show(self, episode: Episode, target: Target) -> None:
        if not self.episodes:
            self.policy = target.policy
        elif self.policy is not target.policy and self.policy != target.policy:
            self.policy = None
        self.episodes[episode.id], self.targets[episode.id] = episode, target

    @property
    def next_due(self) -> datetime | None:
        if not self.episodes:
            return None
        due, escalation = self.due_at, self.escalation_due_at
        return escalation if due is None or (escalation is not None and escalation < due) else due

    @property
    def current(self) -> Posted | None:
        return self.cards[-1] if self.cards else None

    def alarmed_at(self, since: datetime | None, lowest: Severity) -> datetime | None:
        """When its first message since then was posted that showed something as bad."""
        alarms = (card.at for card in self.cards if card.severity is not None and card.severity >= lowest)
        return next((at for at in alarms if since is None or at >= since), None)

    def recent(self, now: datetime, window: timedelta) -> tuple[Posted, ...]:
        """The cards of the window, the oldest first."""
        first = next((i for i in range(len(self.cards), 0, -1) if self.cards[i - 1].at <= now - window), 0)
        return tuple(self.cards[first:])


@dataclass(slots=True)
class Incident:
    pairs: dict[ChannelName, Pair] = field(default_factory=dict)
    firing: set[int] = field(default_factory=set)
    revision: int = 0
    firing_since: datetime | None = None
    resolved_at: datetime | None = None
    acknowledged: bool = False

    def pair(self, channel: ChannelName) -> Pair:
        return self.pairs.setdefault(channel, Pair(channel))
