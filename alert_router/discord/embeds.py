"""A card's message from its state. Pure: the same state is always the same message."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from alert_router.discord import packer
from alert_router.discord.packer import Button, Draft, Payload
from alert_router.discord.templates import Templates
from alert_router.domain.model import Alert, CardState, DigestState, severity_rank

COLORS = {4: 0xE5484D, 3: 0xE5734D, 2: 0xF5A524, 1: 0x3E8BFF, 0: 0x8B95A5}
"""By severity rank."""
GREEN = 0x30A46C
GREY = 0x8B95A5
FULL, WITHOUT_URLS, PLAIN = range(3)
"""How much of a message is left after Discord has refused it."""


@dataclass(frozen=True, slots=True)
class Renderer:
    templates: Templates
    external_url: str
    """Where people reach this router: links lead there."""

    def render(self, state: CardState, degraded: int = FULL) -> Payload:
        return _reduced(packer.pack(self._draft(state)), degraded)

    def render_digest(self, state: DigestState, degraded: int = FULL) -> Payload:
        words = self.templates.digest_words(state)
        url = self._storm_url(state)
        worst = max((severity_rank(one.severity) for one in state.counts if one.firing), default=None)
        draft = Draft(
            title=words.title,
            color=GREEN if worst is None else COLORS[worst],
            lines=words.lines,
            fields=words.fields,
            footer=words.footer,
            timestamp=state.began_at,
            buttons=[Button("All of them", url)],
            all_url=url,
        )
        return _reduced(packer.pack(draft), degraded)

    def _storm_url(self, state: DigestState) -> str:
        return f"{self.external_url}/alerts?{urlencode({'since': state.earliest.isoformat()})}"

    def _draft(self, state: CardState) -> Draft:
        words = self.templates.words(state)
        history = self._history_url(state)
        return Draft(
            title=words.title,
            color=color_of(state),
            lines=words.lines,
            fields=words.fields,
            footer=words.footer,
            timestamp=state.incident.opened_at,
            buttons=_buttons(state.alerts, history),
            all_url=history,
            more=state.more_alerts,
        )

    def _history_url(self, state: CardState) -> str:
        if not state.alerts:
            return f"{self.external_url}/alerts"
        return f"{self.external_url}/alerts/{state.alerts[0].id}"


def _reduced(payload: Payload, degraded: int) -> Payload:
    if degraded == WITHOUT_URLS:
        return packer.without_urls(payload)
    return packer.plain(payload) if degraded >= PLAIN else payload


def digest(payload: Payload) -> str:
    """Tells two messages apart: what was sent from what is wanted."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


def color_of(state: CardState) -> int:
    if state.newer_url is not None:
        return GREY
    worst = max((severity_rank(alert.severity) for alert in state.alerts if alert.firing), default=None)
    return GREEN if worst is None else COLORS[worst]


def _buttons(alerts: Sequence[Alert], history_url: str) -> list[Button]:
    buttons = [Button("History", history_url)]
    if not alerts:
        return buttons
    first = alerts[0]
    wanted = (
        ("Graph", first.generator_url),
        ("Runbook", first.annotations.get("runbook_url", "")),
        ("Dashboard", first.annotations.get("dashboard_url", "")),
        ("Silence", silence_url(first) if first.firing else ""),
    )
    return buttons + [Button(label, url) for label, url in wanted if url]


def silence_url(alert: Alert) -> str:
    """The form for a new silence where the alert comes from, filled in with its labels."""
    base, labels = alert.source_url.rstrip("/"), sorted(alert.labels.items())
    if base and alert.source == "alertmanager":
        matchers = ",".join(f"{name}={json.dumps(value)}" for name, value in labels)
        return f"{base}/#/silences/new?filter={quote('{' + matchers + '}', safe='')}"
    if base and alert.source == "grafana":
        asked = [("alertmanager", "grafana"), *(("matcher", f"{name}={value}") for name, value in labels)]
        return f"{base}/alerting/silence/new?{urlencode(asked)}"
    return ""
