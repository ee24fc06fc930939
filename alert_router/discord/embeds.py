"""A card's message from its state. Pure: the same state is always the same message."""

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from urllib.parse import quote, urlencode

from alert_router.discord import headlines, markdown, packer
from alert_router.discord.forum_posts import ForumPosts
from alert_router.discord.packer import Button, CardText, Draft, Opening, Payload
from alert_router.discord.templates import Templates
from alert_router.domain import links as event_links
from alert_router.domain.model import Alert, CardState, DigestState
from alert_router.domain.severity import Severity

COLORS = {
    Severity.CRITICAL: 0xE5484D,
    Severity.ERROR: 0xE5734D,
    Severity.WARNING: 0xF5A524,
    Severity.INFO: 0x3E8BFF,
}
GREEN = 0x30A46C
GREY = 0x8B95A5
FULL, WITHOUT_URLS, PLAIN = range(3)
"""How much of a message is sent: less after each refusal."""


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    payload: Payload
    """Of a create, if the state has an announcement; else of an edit."""
    hash: str
    """Tells the message that is wanted from the one that was sent. What only a create has is not part of it:
    the edit after a create would be for nothing."""


@dataclass(frozen=True, slots=True)
class Renderer:
    templates: Templates
    external_url: str
    """Where people reach this router: links lead there."""
    posts: ForumPosts | None = None
    """Set where the channel is a forum."""

    def render(self, state: CardState | DigestState, degraded: int = FULL) -> RenderedMessage:
        draft = self._card(state) if isinstance(state, CardState) else self._digest(state)
        body = _degraded(packer.pack(draft), degraded)
        opening = self._opening(state)
        payload = packer.opened(body, opening) if opening else body
        return RenderedMessage(payload, payload_hash(body))

    def _opening(self, state: CardState | DigestState) -> Opening | None:
        announcement = state.announcement
        if announcement is None:
            return None
        if isinstance(state, CardState):
            line = headlines.of_card(state, announcement)
        else:
            line = headlines.of_digest(state, announcement)
        post = self.posts.opening(state) if self.posts else {}
        return Opening(line, announcement.mentions, announcement.silent, post)

    def _card(self, state: CardState) -> Draft:
        if state.newer_url is not None:
            name = state.alerts[0].alertname.strip() if state.alerts else ""
            return _continued(name or "Alert", state.newer_url)
        worst = state.alerts[0] if state.alerts else None
        history_url = f"{self.external_url}/alerts/{worst.id}" if worst else f"{self.external_url}/alerts"
        color = COLORS[Severity(worst.severity_rank)] if worst and worst.firing else GREEN
        return Draft(
            text=self.templates.render(state),
            color=color,
            timestamp=state.incident.opened_at,
            buttons=_buttons(state.alerts, history_url),
            all_url=history_url,
            more=state.more_alerts,
        )

    def _digest(self, state: DigestState) -> Draft:
        if state.newer_url is not None:
            return _continued("Storm", state.newer_url)
        url = f"{self.external_url}/alerts?{urlencode({'since': state.earliest.isoformat()})}"
        worst = max((count.severity_rank for count in state.counts if count.firing), default=None)
        return Draft(
            text=self.templates.render_digest(state),
            color=GREEN if worst is None else COLORS[Severity(worst)],
            timestamp=state.began_at,
            buttons=[Button("All of them", url)],
            all_url=url,
        )


def _continued(name: str, newer_url: str) -> Draft:
    """A card that a newer one has taken over: one line, which links to it. newer_url: may be unknown."""
    title = markdown.escape(f"⤴️ {name} – continued in a newer message")  # noqa: RUF001 - a dash, as in all titles
    text = CardText(title=title, lines=(), fields=(), footer="")
    return Draft(text, color=GREY, timestamp=None, buttons=(), all_url="", title_url=newer_url)


def _degraded(body: Payload, degraded: int) -> Payload:
    if degraded == WITHOUT_URLS:
        return packer.without_urls(body)
    return packer.plain(body) if degraded >= PLAIN else body


def payload_hash(payload: Payload) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


def _buttons(alerts: Sequence[Alert], history_url: str) -> list[Button]:
    buttons = [Button("History", history_url)]
    if not alerts:
        return buttons
    first = alerts[0]
    links = (
        Button("Graph", first.generator_url),
        Button("Runbook", first.annotations.get("runbook_url", "")),
        Button("Dashboard", first.annotations.get("dashboard_url", "")),
        Button("Silence", silence_url(first) if first.firing else ""),
        *itertools.starmap(Button, event_links.of(first.annotations)),
    )
    return buttons + list(filter(attrgetter("url"), links))


def silence_url(alert: Alert) -> str:
    """The form for a new silence where the alert comes from, filled in with its labels."""
    base, labels = alert.source_url.rstrip("/"), dict(sorted(alert.labels.items()))
    kind, _, _name = alert.source.partition(":")
    if base and kind == "alertmanager":
        matchers = ",".join(map("{}={}".format, labels, map(json.dumps, labels.values())))
        return f"{base}/#/silences/new?filter={quote('{' + matchers + '}', safe='')}"
    if base and kind == "grafana":
        query = {"alertmanager": "grafana", "matcher": list(map("{}={}".format, labels, labels.values()))}
        return f"{base}/alerting/silence/new?{urlencode(query, doseq=True)}"
    return ""
