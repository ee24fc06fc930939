"""Whom a new message mentions: the route's people and nobody else, whatever an alert's text says."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from alert_router.domain.model import Mentions

NOBODY_MENTIONED: Mapping[str, Any] = {"parse": []}
"""Without allowed_mentions, Discord's default would ping."""
MAX_CHARS = 1500
"""Of the mentions in a message; the rest of its content is for the text."""
_AT = re.compile("@(?!\u200b)")


def text(mentions: Mentions) -> str:
    return " ".join(markup for markup, _, _ in _fitting(mentions))


def allowed(mentions: Mentions) -> Mapping[str, Any]:
    """`parse` names kinds of mentions that may be anybody's, so it holds at most the one that has no ids."""
    if not mentions:
        return NOBODY_MENTIONED
    fitting = list(_fitting(mentions))
    return {
        "parse": ["everyone"] if mentions.here else [],
        "roles": [id_ for _, kind, id_ in fitting if kind == "role"],
        "users": [id_ for _, kind, id_ in fitting if kind == "user"],
    }


def inert(content: str) -> str:
    """No text of an alert can mention anybody.

    `parse: ["everyone"]` allows each @everyone of the content, the one in a URL or in a code span too.
    """
    return _AT.sub("@\u200b", content)


def _fitting(mentions: Mentions) -> Iterator[tuple[str, str, str]]:
    """Markup, kind and id of those for whom there is room: a hundred roles would fill the content."""
    chars = 0
    for markup, kind, id_ in dict.fromkeys(_all(mentions)):
        chars += len(markup) + 1
        if chars > MAX_CHARS:
            return
        yield markup, kind, id_


def _all(mentions: Mentions) -> Iterator[tuple[str, str, str]]:
    if mentions.here:
        yield "@here", "here", ""
    for role in mentions.roles:
        yield f"<@&{role}>", "role", role
    for user in mentions.users:
        yield f"<@{user}>", "user", user
