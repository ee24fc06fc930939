"""What the keys of a file say about each other: names that must exist, keys that exclude each other, cycles.

Works on plain values, so that these problems are found in a file that has others too.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from alert_router.config import webhook_urls
from alert_router.config.document import Location
from alert_router.config.problems import suggestion
from alert_router.domain.model import PREVIEW

CHANNEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""Names stand in URLs, in labels of metrics and in the database."""

ESCALATION = ("escalate_after", "escalate_to")

Finding = tuple[Location, str]


def findings(data: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[Finding]:
    """environment: the channels that are set by an environment variable, and its name."""
    channels = _mapping(data.get("channels"))
    known = {*channels, *environment, PREVIEW}
    for name, channel in channels.items():
        yield from _channel_name(name, environment)
        yield from _channel(("channels", name), _mapping(channel))
    yield from _fallbacks(channels, known)
    route = data.get("route")
    if isinstance(route, Mapping):
        yield from _root(route)
        yield from _routes(route, ("route",), known)


def _channel_name(name: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    location = ("channels", name)
    if not CHANNEL_NAME.fullmatch(name):
        yield location, f'"{name}" cannot be a name: use at most 64 of A-Z, a-z, 0-9, "_", "." and "-"'
    if name == PREVIEW:
        yield location, f'"{PREVIEW}" is the built-in channel of the page /preview; choose another name'
    if name in environment:
        yield location, f"{environment[name]} is set and is the channel {name}, too; keep one"


def _channel(location: Location, channel: Mapping[str, Any]) -> Iterator[Finding]:
    url, url_file = channel.get("webhook_url"), channel.get("webhook_url_file")
    if url and url_file:
        yield (*location, "webhook_url_file"), "excludes webhook_url; keep one"
    if not url and not url_file:
        yield location, "needs webhook_url or webhook_url_file"
    if channel.get("thread_id") and channel.get("forum"):
        yield (*location, "forum"), "excludes thread_id: a forum gets a new post for each incident"
    in_url = webhook_urls.thread_id(url) if isinstance(url, str) else None
    if in_url is not None and (channel.get("thread_id") or channel.get("forum")):
        yield (*location, "webhook_url"), f"names the thread {in_url} itself; keep one"


def _fallbacks(channels: Mapping[str, Any], known: Collection[str]) -> Iterator[Finding]:
    next_channel = {name: _mapping(channel).get("fallback") for name, channel in channels.items()}
    for name, fallback in next_channel.items():
        location: Location = ("channels", name, "fallback")
        if isinstance(fallback, str) and fallback not in known:
            yield location, _unknown_channel(fallback, known)
        elif (cycle := _cycle(name, next_channel)) and min(cycle) == name:
            yield location, f"leads back to itself: {' -> '.join([*cycle, name])}"


def _cycle(start: str, next_channel: Mapping[str, Any]) -> list[str]:
    """The channels from the start on, if following them comes back to it."""
    path = [start]
    while isinstance(following := next_channel.get(path[-1]), str) and following not in path:
        path.append(following)
    return path if following == start else []


def _root(root: Mapping[str, Any]) -> Iterator[Finding]:
    if not root.get("channel"):
        yield ("route",), "needs a channel: it takes what no route below takes"
    if root.get("matchers"):
        yield ("route", "matchers"), "the root takes everything; put matchers on a route below"
    if root.get("continue"):
        yield ("route", "continue"), "the root has no routes beside it"


def _routes(
    route: Mapping[str, Any],
    location: Location,
    known: Collection[str],
    escalation: Mapping[str, Any] | None = None,
) -> Iterator[Finding]:
    before = escalation or {}
    escalation = {key: route.get(key, before.get(key)) for key in ESCALATION}
    switched_off = any(route.get(key, "") is None for key in ESCALATION)
    if escalation != before and not switched_off:
        yield from _incomplete_escalation(location, escalation)
    yield from _named(route, (*location, "channel"), known)
    yield from _named(_mapping(route.get("escalate_to")), (*location, "escalate_to", "channel"), known)
    children = route.get("routes")
    for index, child in enumerate(children if isinstance(children, list) else []):
        yield from _routes(
            _mapping(child), (*location, "routes", index), known, {} if switched_off else escalation
        )


def _named(section: Mapping[str, Any], location: Location, known: Collection[str]) -> Iterator[Finding]:
    channel = section.get("channel")
    if isinstance(channel, str) and channel not in known:
        yield location, _unknown_channel(channel, known)


def _incomplete_escalation(location: Location, escalation: Mapping[str, Any]) -> Iterator[Finding]:
    absent = [key for key in ESCALATION if escalation[key] is None]
    if len(absent) == 1:
        (present,) = set(ESCALATION) - set(absent)
        yield (*location, present), f"needs {absent[0]}"


def _unknown_channel(name: str, known: Collection[str]) -> str:
    return f'unknown channel "{name}"{suggestion(name, sorted(known))}'


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
