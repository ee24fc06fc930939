"""How values are said on the pages: spans, moments, severities, links. Pure; the clock is an argument."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from alert_router.discord import markdown
from alert_router.domain.model import Alert, Labels, severity_rank

SHOWN_LABELS = 6
"""On a row; the page of the alert has them all."""
TOLD_ANYWAY = frozenset({"alertname", "severity"})
"""Labels that a row tells in its own way."""
JUST_NOW = timedelta(seconds=5)
RANK_NAMES = {4: "critical", 3: "error", 2: "warning", 1: "info", 0: "none"}
"""By severity rank: a severity of the sender's own making is drawn as the one it ranks with."""

# What happened, in words for people. Outcomes and actions are those of the table `deliveries`.
TRANSITIONS = {
    "opened": "Began to fire",
    "repeated": "Reported again",
    "updated": "Said something new",
    "resolved": "Resolved",
    "reopened": "Fires after all",
    "superseded": "Closed: it began anew",
    "late_duplicate": "A late message about it arrived; counted only",
    "acknowledged": "Acknowledged",
    "silenced": "Silenced in Alertmanager",
    "reconciled": "Corrected to what Alertmanager says",
}
OUTCOMES = {
    "sent": "told",
    "retry": "failed, tried again",
    "degraded": "refused, sent again in a simpler form",
    "rejected": "refused for good",
    "gone": "the message was deleted, created anew",
    "stopped": "the channel is gone, waiting for it",
}
ACTIONS = {"create": "new message", "edit": "message edited"}


def duration(span: timedelta) -> str:
    return markdown.duration(span)


def ago(moment: datetime, now: datetime) -> str:
    """A clock that is ahead of ours makes moments in the future; they are told as such."""
    if moment > now + timedelta(minutes=1):
        return f"in {duration(moment - now)}"
    if moment > now - JUST_NOW:
        return "just now"
    return f"{duration(now - moment)} ago"


def clock(moment: datetime, now: datetime) -> str:
    """As much of the date as is needed: "10:02 UTC", "21 Nov 10:02 UTC", "21 Nov 2025, 10:02 UTC"."""
    moment, now = moment.astimezone(UTC), now.astimezone(UTC)
    if moment.date() == now.date():
        return f"{moment:%H:%M} UTC"
    if moment.year == now.year:
        return f"{moment.day} {moment:%b %H:%M} UTC"
    return f"{moment.day} {moment:%b} {moment.year}, {moment:%H:%M} UTC"


def exact(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def rank_name(severity: str) -> str:
    """The severity whose sign and colour stand for this one."""
    return RANK_NAMES[severity_rank(severity)]


def by_rank(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Worst first."""
    return sorted(counts.items(), key=lambda item: (-severity_rank(item[0]), item[0]))


def words(name: str, table: Mapping[str, str]) -> str:
    """A name of ours in words; one that is newer than the table stays readable."""
    return table.get(name, name.replace("_", " "))


def times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def web_url(text: str) -> str | None:
    """The text when it is a link that may be followed, else None: no javascript:, no file:, no spaces."""
    if any(char.isspace() or ord(char) < ord(" ") for char in text):
        return None
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and host else None


def telling_labels(alert: Alert, neighbours: tuple[Alert, ...]) -> list[tuple[str, str]]:
    """What tells this alert from others of its name comes first; the rest follows by name."""
    others = [other.labels for other in neighbours if other.alertname == alert.alertname]

    def is_shared(name: str) -> bool:
        return all(labels.get(name) == alert.labels[name] for labels in others)

    names = sorted(set(alert.labels) - TOLD_ANYWAY, key=lambda name: (is_shared(name), name))
    return [(name, alert.labels[name]) for name in names]


def said(annotations: Labels) -> tuple[str, str]:
    """The headline and the text of an alert: customary annotations, the text only when it says more."""
    headline = annotations.get("summary") or annotations.get("title") or ""
    text = annotations.get("description") or annotations.get("message") or ""
    if not headline:
        return text, ""
    return headline, "" if text == headline else text
