"""A card's message from its state. Pure: the same state is always the same message."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
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
"""How much of a message is sent: less after each refusal."""


@dataclass(frozen=True, slots=True)
class Renderer:
    templates: Templates
    external_url: str
    """Where people reach this router: links lead there."""

    def render(self, state: CardState | DigestState, degraded: int = FULL) -> Payload:
        draft = self._card(state) if isinstance(state, CardState) else self._digest(state)
        payload = packer.pack(draft)
        if degraded == WITHOUT_URLS:
            return packer.without_urls(payload)
        return packer.plain(payload) if degraded >= PLAIN else payload

    def _card(self, state: CardState) -> Draft:
        worst = state.alerts[0] if state.alerts else None
        history_url = f"{self.external_url}/alerts/{worst.id}" if worst else f"{self.external_url}/alerts"
        color = COLORS[severity_rank(worst.severity)] if worst and worst.firing else GREEN
        return Draft(
            text=self.templates.render(state),
            color=color if state.newer_url is None else GREY,
            timestamp=state.incident.opened_at,
            buttons=_buttons(state.alerts, history_url),
            all_url=history_url,
            more=state.more_alerts,
        )

    def _digest(self, state: DigestState) -> Draft:
        url = f"{self.external_url}/alerts?{urlencode({'since': state.earliest.isoformat()})}"
        worst = max((severity_rank(count.severity) for count in state.counts if count.firing), default=None)
        return Draft(
            text=self.templates.render_digest(state),
            color=GREEN if worst is None else COLORS[worst],
            timestamp=state.began_at,
            buttons=[Button("All of them", url)],
            all_url=url,
        )


def payload_hash(payload: Payload) -> str:
    """Tells the message that is wanted from the one that was sent."""
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
    )
    return buttons + list(filter(attrgetter("url"), links))


def silence_url(alert: Alert) -> str:
    """The form for a new silence where the alert comes from, filled in with its labels."""
    base, labels = alert.source_url.rstrip("/"), dict(sorted(alert.labels.items()))
    if base and alert.source == "alertmanager":
        matchers = ",".join(map("{}={}".format, labels, map(json.dumps, labels.values())))
        return f"{base}/#/silences/new?filter={quote('{' + matchers + '}', safe='')}"
    if base and alert.source == "grafana":
        query = {"alertmanager": "grafana", "matcher": list(map("{}={}".format, labels, labels.values()))}
        return f"{base}/alerting/silence/new?{urlencode(query, doseq=True)}"
    return ""
