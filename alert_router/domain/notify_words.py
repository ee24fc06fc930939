"""A stored decision of the notify rule as one sentence: why there was a new message, or none. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from alert_router.domain.notify_values import Action, Reason

UNDECIDED = "no new message yet: the notify rule has not been asked"
BACKFILLED = "no new message: it was over when the router learned of it from Prometheus"
HOUR_S = 3600
DAY_S = 86400
FEW = 90


@dataclass(frozen=True, slots=True)
class Facts:
    action: Action
    reason: Reason
    at: datetime
    """When it was decided."""
    posted_at: datetime | None = None
    """When the message before it was posted."""
    due_at: datetime | None = None
    """When it is decided again."""


def sentence(facts: Facts, now: datetime) -> str:
    """Such as "no new message: joined an incident notified 3 min ago (renotify_after 5 min)"."""
    if facts.action is Action.CREATE:
        return f"new message {_ago(facts.at, now)}: {facts.reason.words}"
    if facts.posted_at is None:
        return f"no new message: {facts.reason.words}{_until(facts, now)}"
    notified = f"notified {_ago(facts.posted_at, now)}"
    match facts.reason:
        case Reason.WAITING:
            return f"no new message: joined an incident {notified} ({_wait(facts)})"
        case Reason.WAITING_ACKNOWLEDGED:
            return f"no new message: joined an acknowledged incident {notified} ({_wait(facts)})"
        case Reason.ANNOUNCED | Reason.SAME_TROUBLE | Reason.BELOW_RENOTIFY | Reason.NEVER_AGAIN:
            return f"no new message: {facts.reason.words}; the incident was {notified}"
        case _:
            return f"no new message: {facts.reason.words}{_until(facts, now)}"


def announced(at: datetime, reason: str | None, now: datetime) -> str:
    words = f": {Reason(reason).words}" if reason else ""
    return f"notified {_ago(at, now)}{words}"


def _wait(facts: Facts) -> str:
    """What is left of the hour's messages, or of quiet hours, can make it longer than renotify_after."""
    if facts.due_at is None or facts.posted_at is None:
        return "renotify_after is not over"
    return f"renotify_after {span(facts.due_at - facts.posted_at)}"


def _until(facts: Facts, now: datetime) -> str:
    if facts.due_at is None or facts.due_at <= now:
        return ""
    return f"; asked again in {span(facts.due_at - now)}"


def _ago(at: datetime, now: datetime) -> str:
    return f"{span(now - at)} ago" if now - at >= timedelta(seconds=1) else "just now"


def span(value: timedelta) -> str:
    """One unit: "40 s", "3 min", "5 h", "2 d"."""
    seconds = max(value.total_seconds(), 0)
    if seconds < FEW:
        return f"{seconds:.0f} s"
    if seconds < FEW * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / HOUR_S:.0f} h" if seconds < 2 * DAY_S else f"{seconds / DAY_S:.0f} d"
