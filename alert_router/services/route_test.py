"""Where an alert goes under a configuration, how people are notified there, and why. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from alert_router.config import Configuration
from alert_router.domain import routes
from alert_router.domain.model import NOBODY, ChannelName, Labels, Mentions
from alert_router.domain.notify_timing import FACTORS, renotify_wait
from alert_router.domain.routes import Step, Target
from alert_router.domain.severity import Severity
from alert_router.services import replay


@dataclass(frozen=True, slots=True)
class Escalation:
    after: timedelta
    channel: ChannelName
    mentions: Mentions


@dataclass(frozen=True, slots=True)
class ChannelAnswer:
    channel: ChannelName
    route: str
    """As a reader of the file finds it: route.routes[0]."""
    mentions: Mentions
    silent: bool
    waits: tuple[timedelta, ...]
    """Since the last message, before another alert of this severity gets a new one: after one message of the
    flap window, after two, after more. Empty: never."""
    remind_every: timedelta | None
    notify_resolved: bool
    escalation: Escalation | None
    quiet_until: datetime | None
    """Until when these quiet hours hold it back; None: they do not, now."""


@dataclass(frozen=True, slots=True)
class RouteAnswer:
    severity: Severity
    channels: tuple[ChannelAnswer, ...]
    trace: tuple[Step, ...]


def answer(configuration: Configuration, labels: Labels, now: datetime, *, sent_to: str = "") -> RouteAnswer:
    """sent_to: the channel that the sender names in its URL."""
    severity = configuration.severities.rank(labels.get("severity"))
    targets = replay.targets_of(configuration, labels, sent_to)
    return RouteAnswer(
        severity,
        tuple(_channel(target, severity, now) for target in targets),
        routes.trace(configuration.route, labels),
    )


def _channel(target: Target, severity: Severity, now: datetime) -> ChannelAnswer:
    policy, notify = target.policy, target.policy.notify
    quiet_hours = policy.quiet_hours
    held_back = quiet_hours is not None and quiet_hours.holds_back(severity, now)
    return ChannelAnswer(
        target.channel,
        target.route.name,
        policy.mentions_for(severity) or NOBODY,
        policy.is_silent(severity),
        _waits(target, severity),
        notify.remind_every.get(severity),
        notify.notify_resolved,
        _escalation(target, severity),
        quiet_hours.until(now) if quiet_hours and held_back else None,
    )


def _waits(target: Target, severity: Severity) -> tuple[timedelta, ...]:
    notify = target.policy.notify
    base = notify.renotify_after.get(severity)
    if base is None or notify.renotify is None or severity < notify.renotify:
        return ()
    waits = (renotify_wait(base, creates, acknowledged=False) for creates in range(1, len(FACTORS) + 1))
    return tuple(dict.fromkeys(waits))


def _escalation(target: Target, severity: Severity) -> Escalation | None:
    to, notify = target.policy.escalate_to, target.policy.notify
    lowest = Severity.WARNING if notify.renotify is None else notify.renotify
    if to is None or notify.escalate_after is None or severity < lowest:
        return None
    return Escalation(notify.escalate_after, to.channel, to.mentions)
