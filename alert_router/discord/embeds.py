"""A card's message from its state. Pure: the same state is always the same message."""

import hashlib
import itertools
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlencode

from alert_router.config.configuration import NOISE_LABELS
from alert_router.discord import headlines, links, markdown, packer, urls
from alert_router.discord.card_view import CardView
from alert_router.discord.digest_view import DigestView
from alert_router.discord.forum_posts import ForumPosts
from alert_router.discord.links import Links
from alert_router.discord.packer import NO_FILES, Button, CardText, Draft, Files, Opening, Payload
from alert_router.discord.templates import Templates
from alert_router.domain import links as event_links
from alert_router.domain.act_links import ActLinks
from alert_router.domain.model import CardState, DigestState
from alert_router.domain.severity import Severity

MAX_REPORTED_LINKS = 5
ATTACHMENT = "attachment://"
"""The scheme of pictures that are sent with the message."""
COLORS = {
    Severity.CRITICAL: 0xE5484D,
    Severity.ERROR: 0xE5734D,
    Severity.WARNING: 0xF5A524,
    Severity.INFO: 0x3E8BFF,
}
IMAGE = "image_url"
"""The annotation that holds the address of Grafana's picture."""
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
    unreachable: tuple[str, ...] = ()
    """The kinds of the links that people cannot open: "graph"."""
    files: Files = field(default_factory=dict)
    """The pictures that the payload refers to."""


@dataclass(frozen=True, slots=True)
class Renderer:
    templates: Templates
    external_url: str
    """Where people reach this router: links lead there."""
    posts: ForumPosts | None = None
    """Set where the channel is a forum."""
    acts: ActLinks | None = None
    """Signs the links by which people act from a card; None: there are none."""
    links: Links = field(default_factory=Links)
    noise: Collection[str] = NOISE_LABELS
    """Labels that say little: shown only where there are no others."""

    def render(self, state: CardState | DigestState, degraded: int = FULL) -> RenderedMessage:
        draft = self._card(state) if isinstance(state, CardState) else self._digest(state)
        body = _degraded(packer.pack(draft), degraded)
        opening = self._opening(state)
        payload = packer.opened(body, opening) if opening else body
        kinds = (button.label.split()[0].lower() for button in draft.unreachable)
        unreachable = tuple(kind if kind in links.KINDS else links.REPORTED for kind in kinds)
        return RenderedMessage(
            payload,
            payload_hash(body),
            unreachable,
            _files(state) if degraded == FULL else NO_FILES,
        )

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
        view = card_view(state, self.external_url, self.noise)
        buttons, unreachable = self.links.sorted(self._buttons(view))
        return Draft(
            text=self.templates.render(view),
            color=COLORS[Severity(worst.severity_rank)] if worst and worst.firing else GREEN,
            timestamp=state.incident.opened_at,
            buttons=buttons,
            all_url=view.all_url,
            unreachable=unreachable,
            image=_image(state),
        )

    def _buttons(self, view: CardView) -> list[Button]:
        """Each from the first firing alert that has one."""
        alerts = view.firing or view.state.alerts
        several = view.state.incident.firing > 1
        acts = view.state.links
        silence = self._act(acts.silence) or self.links.silence(alerts, view.common_of_firing)
        reported = next(filter(None, (event_links.of(alert.annotations) for alert in alerts)), ())
        return [
            Button("Acknowledge", self._act(acts.acknowledge)),
            Button("Take back", self._act(acts.unacknowledge)),
            Button("Runbook", links.first(alerts, self.links.runbook)),
            Button("Graph", links.first(alerts, self.links.graph)),
            Button("Silence all" if several else "Silence", silence),
            Button("Open", view.all_url),
            Button("Dashboard", links.first(alerts, self.links.dashboard)),
            *itertools.starmap(Button, reported[:MAX_REPORTED_LINKS]),
        ]

    def _act(self, url: str) -> str:
        """Empty where people cannot open this router: the link to all of it says so once for all."""
        return url if self.links.can_open(url) else ""

    def _digest(self, state: DigestState) -> Draft:
        if state.newer_url is not None:
            return _continued("Storm", state.newer_url)
        url = f"{self.external_url}/alerts?{urlencode({'since': state.earliest.isoformat()})}"
        worst = max((count.severity_rank for count in state.counts if count.firing), default=None)
        buttons, unreachable = self.links.sorted([Button("Open", url)])
        return Draft(
            text=self.templates.render_digest(DigestView(state, url, self.noise)),
            color=GREEN if worst is None else COLORS[Severity(worst)],
            timestamp=state.began_at,
            buttons=buttons,
            all_url=url,
            unreachable=unreachable,
        )


def card_view(state: CardState, external_url: str, noise: Collection[str] = NOISE_LABELS) -> CardView:
    worst = f"/{state.alerts[0].id}" if state.alerts else ""
    return CardView(state, f"{external_url}/alerts{worst}", noise)


def _image(state: CardState) -> str:
    """The router's own chart, else a picture that came with an alert."""
    if state.facts.chart is not None:
        return f"{ATTACHMENT}{state.facts.chart_name}"
    pictures = (alert.annotations.get(IMAGE, "") for alert in state.alerts)
    # Discord fetches it: a private address would be an empty frame.
    return next((url for url in pictures if urls.is_public(url) and urls.is_acceptable(url)), "")


def _files(state: CardState | DigestState) -> Files:
    if not isinstance(state, CardState) or state.newer_url is not None or state.facts.chart is None:
        return NO_FILES
    return {state.facts.chart_name: state.facts.chart}


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
