"""A forum: an incident's first message opens a post, with a title and tags of its own.

A webhook can neither rename a post nor change its tags: both are of the moment it was opened.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from alert_router.config.configuration import Forum
from alert_router.discord import alert_facts, limits
from alert_router.discord.markdown import clip
from alert_router.domain.model import CardState, DigestState
from alert_router.domain.severity import Severity

log = logging.getLogger(__name__)
EDGES = " \t·•|-–—:,;/"  # noqa: RUF001 - what separates the parts of a title, of which one may be missing


@dataclass(frozen=True, slots=True)
class ForumPosts:
    forum: Forum

    def opening(self, state: CardState | DigestState) -> Mapping[str, Any]:
        """The part of a create that opens a post."""
        post: dict[str, Any] = {"thread_name": self._title(state)}
        tags = list(dict.fromkeys(self._tags(state)))[: limits.APPLIED_TAGS]
        return post | {"applied_tags": tags} if tags else post

    def _title(self, state: CardState | DigestState) -> str:
        if isinstance(state, DigestState):
            # Without counts: they change, the title does not.
            return f"⛈️ Storm of {state.began_at:%Y-%m-%d %H:%M} UTC"
        values = _values(state)
        return _clean(self._rendered(values)) or _clean(values["name"]) or "Alert"

    def _rendered(self, values: Mapping[str, Any]) -> str:
        try:
            return _ENVIRONMENT.from_string(self.forum.title).render(values)
        except Exception as error:  # noqa: BLE001 - a template is a program, and its author is not awake now
            log.warning("the title's template failed, the alert's name is used: %s", error)
            return ""

    def _tags(self, state: CardState | DigestState) -> Iterator[str]:
        for key in (_severity(state).word, *_statuses(state)):
            if key in self.forum.tags:
                yield self.forum.tags[key]


class _Absent(jinja2.ChainableUndefined):
    """A label that the alert does not have is empty."""


_ENVIRONMENT = SandboxedEnvironment(undefined=_Absent, autoescape=False)
"""A title is plain text: nothing in it is markup, and nothing in it mentions."""


def _values(state: CardState) -> Mapping[str, Any]:
    """Labels by their names, except where one is named like a value of our own."""
    first = state.alerts[0] if state.alerts else None
    common, _ = alert_facts.labels(state.alerts)
    labels = {**state.incident.group_labels, **common}
    name = first.alertname if first else f"Incident {state.incident.id}"
    status = next(iter(_statuses(state)))
    own = {"name": name, "severity": _severity(state).word, "status": status, "labels": labels}
    return {**labels, **own}


def _severity(state: CardState | DigestState) -> Severity:
    if isinstance(state, DigestState):
        ranks = [count.severity_rank for count in state.counts if count.firing]
    else:
        ranks = [alert.severity_rank for alert in state.alerts[:1]]
    return Severity(max(ranks, default=Severity.WARNING))


def _statuses(state: CardState | DigestState) -> Iterator[str]:
    if isinstance(state, DigestState):
        yield "firing" if state.firing else "resolved"
        return
    yield "firing" if any(alert.firing for alert in state.alerts) else "resolved"
    if state.incident.acknowledged_by:
        yield "acknowledged"


def _clean(title: str) -> str:
    return clip(" ".join(title.split()).strip(EDGES), limits.THREAD_NAME_CHARS)
