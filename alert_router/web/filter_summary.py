"""The filters of /alerts in words, and the links that change them."""

from dataclasses import dataclass
from datetime import datetime

from alert_router.domain import matchers
from alert_router.domain.matchers import Matcher
from alert_router.domain.model import Status
from alert_router.store.filters import Order
from alert_router.web.alert_filters import FILTERS, Query, span_in_words, url_of

TIMES = frozenset({"since", "until"})
ORDERS = {Order.NEWEST: "newest first", Order.WORST: "worst first"}


@dataclass(frozen=True, slots=True)
class Chip:
    """An active filter, and the URL without it."""

    text: str
    without_url: str


def in_words(query: Query, now: datetime) -> str:
    """Such as "Firing critical alerts of the last 24 hours, newest first"."""
    adjectives = _phrases(query, now, adjectives=True)
    noun = " ".join([*adjectives, "alerts"]) if adjectives else "all alerts"
    sentence = " ".join([noun, *_when(query, now), *_phrases(query, now, adjectives=False)])
    return f"{sentence[0].upper()}{sentence[1:]}, {ORDERS[query.order]}"


def _phrases(query: Query, now: datetime, *, adjectives: bool) -> list[str]:
    """In the order of the registry, without the time range."""
    phrases = []
    for name, parameter in FILTERS.items():
        if parameter.is_adjective is adjectives and name not in TIMES:
            texts = [str(one) for one in query.filters.matchers] if parameter.many else values_of(query, name)
            phrases += [parameter.words(" and ".join(texts), now)] if texts else []
    return phrases


def _when(query: Query, now: datetime) -> list[str]:
    phrases = [FILTERS["since"].words(text, now) for text in values_of(query, "since")]
    for text in values_of(query, "until"):
        phrases.append(f"{'and' if phrases else 'started'} {FILTERS['until'].words(text, now)}")
    return phrases


def value_of(query: Query, name: str) -> str:
    """The parameter as sent; empty when absent."""
    return next((value for key, value in query.pairs if key == name), "")


def values_of(query: Query, name: str) -> list[str]:
    return [value for key, value in query.pairs if key == name]


def has_filters(query: Query) -> bool:
    return any(name in FILTERS for name, _ in query.pairs)


def chips(query: Query) -> list[Chip]:
    return [
        Chip(_chip_text(name, value), url_of(query.pairs[:index] + query.pairs[index + 1 :]))
        for index, (name, value) in enumerate(query.pairs)
        if name in FILTERS
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


def alertname_url(name: str, since: str) -> str:
    """The alerts of this name that began in a span such as 30d."""
    pair = ("alertname", name) if name else ("match", 'alertname=""')
    return url_of((pair, ("since", since)))


def atom_url(query: Query) -> str:
    """The same alerts as a feed."""
    return url_of([pair for pair in query.pairs if pair[0] in FILTERS], "/alerts.atom")
