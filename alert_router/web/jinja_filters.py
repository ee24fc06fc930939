"""Filters that format values on the pages: durations, times, severities, links. Pure; now is an argument."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from alert_router.discord import markdown
from alert_router.domain.model import Labels, severity_rank

JUST_NOW = timedelta(seconds=5)
RANK_NAMES = {4: "critical", 3: "error", 2: "warning", 1: "info", 0: "none"}
"""By severity rank: an unknown severity is drawn as the one it ranks with."""

# Keys are the stored values: kinds of `transitions`, outcomes and actions of `deliveries`.
TRANSITIONS = {
    "opened": "Started firing",
    "repeated": "Reported again",
    "updated": "Updated",
    "resolved": "Resolved",
    "reopened": "Reopened",
    "superseded": "Closed: a new episode started",
    "late_duplicate": "Late duplicate, counted only",
    "acknowledged": "Acknowledged",
    "unacknowledged": "No longer acknowledged",
    "silenced": "Silenced in Alertmanager",
    "reconciled": "Corrected to match Alertmanager",
}
OUTCOMES = {
    "sent": "sent",
    "retry": "failed, retried",
    "degraded": "rejected, sent again in a simpler form",
    "rejected": "rejected for good",
    "gone": "message deleted, created again",
    "stopped": "channel unavailable, waiting",
}
REFUSALS = {
    401: "no valid token",
    403: "not from this address, or by another website",
    404: "no such address",
    413: "the body is too large",
    415: "the body is not JSON",
}
ACTIONS = {"create": "new message", "edit": "message edited"}


def ago(moment: datetime, now: datetime) -> str:
    """A sender's clock may be ahead: such a time is shown as in the future."""
    if moment > now + timedelta(minutes=1):
        return f"in {markdown.duration(moment - now)}"
    if moment > now - JUST_NOW:
        return "just now"
    return f"{markdown.duration(now - moment)} ago"


def clock(moment: datetime, now: datetime) -> str:
    """With as much of the date as is needed: "10:02 UTC", "21 Nov 10:02 UTC", "21 Nov 2025, 10:02 UTC"."""
    moment, now = moment.astimezone(UTC), now.astimezone(UTC)
    if moment.date() == now.date():
        return f"{moment:%H:%M} UTC"
    if moment.year == now.year:
        return f"{moment.day} {moment:%b %H:%M} UTC"
    return f"{moment.day} {moment:%b} {moment.year}, {moment:%H:%M} UTC"


def exact(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def rank_name(severity: str) -> str:
    """The severity whose sign and colour are used for this one."""
    return RANK_NAMES[severity_rank(severity)]


def by_rank(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Worst first."""
    return sorted(counts.items(), key=lambda item: (-severity_rank(item[0]), item[0]))


def words(name: str, table: Mapping[str, str]) -> str:
    """The description of a stored value; one that is not in the table stays readable."""
    return table.get(name, name.replace("_", " "))


def times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def web_url(text: str) -> str | None:
    """The text when it is an http or https URL, else None: no javascript:, no file:, no spaces."""
    if any(char.isspace() or ord(char) < ord(" ") for char in text):
        return None
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and host else None


def headline_and_text(annotations: Labels) -> tuple[str, str]:
    """From the customary annotations; the text is empty when it repeats the headline."""
    headline = annotations.get("summary") or annotations.get("title") or ""
    text = annotations.get("description") or annotations.get("message") or ""
    if not headline:
        return text, ""
    return headline, "" if text == headline else text


def refusal(status: int) -> str:
    """Why a sender was refused."""
    return REFUSALS.get(status, "")


def seconds(number: int | None) -> str:
    return "" if number is None else markdown.duration(timedelta(seconds=number))
