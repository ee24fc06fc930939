"""What is valid in a file and probably not meant. Shown as warnings, never a reason to refuse the file."""

from collections.abc import Iterator, Mapping
from typing import Any

from alert_router.config import webhook_urls
from alert_router.config.configuration import Configuration
from alert_router.config.document import Location
from alert_router.config.references import Finding
from alert_router.config.values import FORBIDDEN_USERNAMES
from alert_router.domain.routes import Mentions, Route
from alert_router.domain.severity import Severity
from alert_router.domain.unreachable import Unreachable, unreachable


def hints(data: Mapping[str, Any], configuration: Configuration) -> Iterator[Finding]:
    """data: the file of the configuration, which is known to be valid."""
    for name, channel in data.get("channels", {}).items():
        yield from _channel(("channels", name), channel)
    for problem in unreachable(configuration.route):
        yield _location(problem.route), _why_unreachable(problem)
    yield from _mentions_gaps(configuration.route, None)


def _channel(location: Location, channel: Mapping[str, Any]) -> Iterator[Finding]:
    if isinstance(url := channel.get("webhook_url"), str):
        _, warning = webhook_urls.cleaned(url)
        if warning:
            yield (*location, "webhook_url"), warning
    username = channel.get("username", "").casefold()
    word = next((word for word in FORBIDDEN_USERNAMES if word in username), None)
    if word:
        yield (*location, "username"), f'Discord has refused names with "{word}" in them'


def _why_unreachable(problem: Unreachable) -> str:
    if problem.covered_by is None:
        return "matches nothing: its matchers exclude each other"
    return (
        f"is never reached: {problem.covered_by.name} takes everything that it matches and does not continue"
    )


def _mentions_gaps(route: Route, parent: Route | None) -> Iterator[Finding]:
    if parent is None or route.policy.mentions != parent.policy.mentions:
        for lower, severity in _unmentioned(route.policy.mentions):
            message = (
                f"{lower.word} mentions people, and {severity.word} nobody; write {severity.word}: {{}} if so"
            )
            yield (*_location(route), "mentions"), message
    for child in route.routes:
        yield from _mentions_gaps(child, route)


def _unmentioned(mentions: Mapping[Severity, Mentions]) -> Iterator[tuple[Severity, Severity]]:
    """Severities without an entry, each with a lower one that mentions people."""
    lower: Severity | None = None
    for severity in sorted(Severity):
        if mentions.get(severity):
            lower = severity
        elif lower is not None and severity not in mentions:
            yield lower, severity


def _location(route: Route) -> Location:
    location: Location = ("route",)
    for index in route.path:
        location = (*location, "routes", index)
    return location
