"""A question to /alerts in words, and the links that change it."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from alert_router.domain import matchers
from alert_router.domain.matchers import Matcher
from alert_router.domain.model import Status
from alert_router.web import jinja_filters
from alert_router.web.alert_filters import Query

SPANS = {"1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days"}
"""To choose from, as the parameter `since` takes them."""
UNITS = {"m": "minute", "h": "hour", "d": "day", "w": "week"}
NO_FILTERS = frozenset({"limit"})
"""Parameters that change how much is shown, not what."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force, and the question without it."""

    text: str
    without_url: str


def in_words(query: Query, now: datetime) -> str:
    """Such as "Firing critical alerts of the last 24 hours, newest first"."""
    parts = [_kind(query), *_when(query, now), *_about(query)]
    return " ".join(parts) + ", newest first"


def _kind(query: Query) -> str:
    filters = query.filters
    words = [filters.status or "", filters.severity or "", "alerts"]
    sentence = " ".join(word for word in words if word)
    return sentence[0].upper() + sentence[1:] if sentence != "alerts" else "All alerts"


def _about(query: Query) -> list[str]:
    filters = query.filters
    found = [f"named {filters.alertname}"] if filters.alertname else []
    found += [f"from {filters.source}"] if filters.source else []
    if filters.matchers:
        found.append("with " + " and ".join(str(matcher) for matcher in filters.matchers))
    return found + ([f"that mention “{filters.text}”"] if filters.text else [])


def _when(query: Query, now: datetime) -> list[str]:
    filters = query.filters
    found: list[str] = []
    if filters.since is not None:
        span = span_in_words(value_of(query, "since"))
        found.append(f"of the {span}" if span else f"since {jinja_filters.clock(filters.since, now)}")
    if filters.until is not None:
        found.append(f"{'and' if found else 'begun'} before {jinja_filters.clock(filters.until, now)}")
    return found


def span_in_words(text: str) -> str:
    """An age such as 90m as "last 90 minutes"; empty for anything else."""
    if text in SPANS:
        return SPANS[text]
    digits, unit = text[:-1], text[-1:]
    if unit not in UNITS or not digits.isdigit():
        return ""
    return f"last {UNITS[unit]}" if int(digits) == 1 else f"last {int(digits)} {UNITS[unit]}s"


def value_of(query: Query, name: str) -> str:
    """As it was asked; empty when it was not."""
    return next((value for key, value in query.pairs if key == name), "")


def values_of(query: Query, name: str) -> list[str]:
    return [value for key, value in query.pairs if key == name]


def has_filters(query: Query) -> bool:
    return any(name not in NO_FILTERS for name, _ in query.pairs)


def chips(query: Query) -> list[Chip]:
    return [
        Chip(_chip_text(name, value), _url(query.pairs[:index] + query.pairs[index + 1 :]))
        for index, (name, value) in enumerate(query.pairs)
        if name not in NO_FILTERS
    ]


def _chip_text(name: str, value: str) -> str:
    if name == "match":
        return value
    if name == "since":
        return span_in_words(value) or f"since {value}"
    return {"q": f"“{value}”", "until": f"before {value}"}.get(name, f"{name}: {value}")


def with_label(query: Query | None, name: str, value: str) -> str | None:
    """The question narrowed to a label; None for a name that no matcher can say (Prometheus 3 allows any)."""
    matcher = Matcher(name, "=", value)
    try:
        matchers.parse(str(matcher))
    except ValueError:
        return None
    pair = ("match", str(matcher))
    pairs = query.pairs if query else ()
    return _url(pairs if pair in pairs else (*pairs, pair))


def severity_url(severity: str) -> str:
    # An empty parameter asks for nothing, so an empty label needs a matcher.
    wanted = ("severity", severity) if severity else ("match", 'severity=""')
    return _url((("status", Status.FIRING), wanted))


def choices(offered: tuple[str, ...], chosen: str) -> list[str]:
    """What to choose from: also what was asked and does not exist."""
    return [*offered, chosen] if chosen and chosen not in offered else [*offered]


def _url(pairs: tuple[tuple[str, str], ...]) -> str:
    return f"/alerts?{urlencode(pairs)}" if pairs else "/alerts"
