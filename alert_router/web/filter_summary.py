"""The filters of /alerts in words, and the links that change them."""

from dataclasses import dataclass
from datetime import datetime

from alert_router.domain import matchers
from alert_router.domain.matchers import Matcher
from alert_router.domain.model import Status
from alert_router.web import jinja_filters
from alert_router.web.alert_filters import UNITS, Query, url_of

SPANS = {"1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days"}
"""The choices of the form, as values of the parameter `since`."""
NO_FILTERS = frozenset({"limit"})
"""Parameters that do not filter."""


@dataclass(frozen=True, slots=True)
class Chip:
    """An active filter, and the URL without it."""

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
    phrases = [f"named {filters.alertname}"] if filters.alertname else []
    phrases += [f"from {filters.source}"] if filters.source else []
    if filters.matchers:
        phrases.append("with " + " and ".join(str(matcher) for matcher in filters.matchers))
    return phrases + ([f"containing “{filters.text}”"] if filters.text else [])


def _when(query: Query, now: datetime) -> list[str]:
    filters = query.filters
    phrases: list[str] = []
    if filters.since is not None:
        span = span_in_words(value_of(query, "since"))
        phrases.append(f"of the {span}" if span else f"since {jinja_filters.clock(filters.since, now)}")
    if filters.until is not None:
        phrases.append(f"{'and' if phrases else 'started'} before {jinja_filters.clock(filters.until, now)}")
    return phrases


def span_in_words(text: str) -> str:
    """An age such as 90m as "last 90 minutes"; empty for anything else."""
    if text in SPANS:
        return SPANS[text]
    digits, unit = text[:-1], text[-1:]
    if unit not in UNITS or not digits.isdigit():
        return ""
    return f"last {UNITS[unit]}" if int(digits) == 1 else f"last {int(digits)} {UNITS[unit]}s"


def value_of(query: Query, name: str) -> str:
    """The parameter as sent; empty when absent."""
    return next((value for key, value in query.pairs if key == name), "")


def values_of(query: Query, name: str) -> list[str]:
    return [value for key, value in query.pairs if key == name]


def has_filters(query: Query) -> bool:
    return any(name not in NO_FILTERS for name, _ in query.pairs)


def chips(query: Query) -> list[Chip]:
    return [
        Chip(_chip_text(name, value), url_of(query.pairs[:index] + query.pairs[index + 1 :]))
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
    """The URL that also filters by a label; None for a name that no matcher can express."""
    matcher = Matcher(name, "=", value)
    try:
        matchers.parse(str(matcher))
    except ValueError:
        return None
    pair = ("match", str(matcher))
    pairs = query.pairs if query else ()
    return url_of(pairs if pair in pairs else (*pairs, pair))


def severity_url(severity: str) -> str:
    # An empty parameter means no filter, so an empty label needs a matcher.
    pair = ("severity", severity) if severity else ("match", 'severity=""')
    return url_of((("status", Status.FIRING), pair))


def choices(offered: tuple[str, ...], chosen: str) -> list[str]:
    """The options of a select: also the chosen one when it is not offered."""
    return [*offered, chosen] if chosen and chosen not in offered else [*offered]
