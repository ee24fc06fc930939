"""Where the buttons of a card lead: to addresses that people can open from their phones."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from alert_router.discord import texts, urls
from alert_router.discord.packer import Button
from alert_router.domain.model import Alert, Labels

PROMETHEUS, ALERTMANAGER, GRAFANA = "prometheus", "alertmanager", "grafana"
REPORTED = "reported"
"""A link that an event brings."""
KINDS = ("runbook", "graph", "silence", "open", "dashboard", "acknowledge", REPORTED)
"""The links of cards, as the metric of those that nobody can open counts them."""
_SCHEMELESS = re.compile(r"[A-Za-z0-9.-]+:\d{1,5}(?:[/?#]|$)")
"""As Grafana writes its own, where its root_url has none."""


@dataclass(frozen=True, slots=True)
class Links:
    external: Mapping[str, str] = field(default_factory=dict)
    """Where people reach Prometheus, Alertmanager and Grafana, if it is not where the alerts say."""
    local: bool = False
    """The readers sit at this machine: loopback leads somewhere. (For the preview.)"""

    def can_open(self, url: str) -> bool:
        return urls.is_public(url) or (self.local and urls.is_acceptable(url))

    def public(self, url: str, kind: str) -> str:
        """The same page at the address for people, where its own is none."""
        url, base = urls.without_blanks(url), self.external.get(kind, "")
        if _SCHEMELESS.match(url):
            url = f"http://{url}"
        if not url or not base or urls.is_public(url):
            return url
        try:
            parts = urlsplit(url)
        except ValueError:
            return url
        if parts.scheme not in ("", "http", "https"):
            return url
        path = parts._replace(scheme="", netloc="").geturl()
        return base + (path if path.startswith("/") or not path else f"/{path}")

    def sorted(self, buttons: Iterable[Button]) -> tuple[list[Button], list[Button]]:
        """Those that people can open, and the others."""
        can: list[Button] = []
        cannot: list[Button] = []
        for button in buttons:
            if button.url:
                (can if self.can_open(button.url) else cannot).append(button)
        return can, cannot

    def graph(self, alert: Alert) -> str:
        kind = GRAFANA if _kind(alert) == GRAFANA else PROMETHEUS
        return self.public(alert.generator_url, kind)

    def runbook(self, alert: Alert) -> str:
        return urls.without_blanks(texts.link_of("runbook", alert.annotations))

    def dashboard(self, alert: Alert) -> str:
        return self.public(texts.link_of("dashboard", alert.annotations), GRAFANA)

    def silence(self, alerts: Sequence[Alert], labels: Labels) -> str:
        """The form for a silence of all that has these labels, where the first of these alerts comes from."""
        first = next((alert for alert in alerts if alert.firing and alert.source_url and _kind(alert)), None)
        if first is None:
            return ""
        return silence_url(first, labels, base=self.public(first.source_url, _kind(first)))


def first(alerts: Iterable[Alert], url_of: Callable[[Alert], str]) -> str:
    """Of the first alert that has one: a report without a graph does not take it from the others."""
    return next(filter(None, map(url_of, alerts)), "")


def silence_url(alert: Alert, labels: Labels | None = None, *, base: str = "") -> str:
    """The form for a new silence where the alert comes from, filled in. labels: instead of its own."""
    base = (base or alert.source_url).rstrip("/")
    matched = dict(sorted((alert.labels if labels is None else labels).items()))
    kind = _kind(alert)
    if not base or not matched:
        return ""
    if kind == ALERTMANAGER:
        matchers = ",".join(f"{name}={_quoted(text)}" for name, text in matched.items())
        return f"{base}/#/silences/new?filter={quote('{' + matchers + '}', safe='')}"
    if kind == GRAFANA:
        query: dict[str, object] = {
            "alertmanager": "grafana",
            "matcher": [f"{name}={text}" for name, text in matched.items()],
        }
        organisation = _organisation(alert)
        return f"{base}/alerting/silence/new?{urlencode(query | organisation, doseq=True)}"
    return ""


def _kind(alert: Alert) -> str:
    kind = alert.source.partition(":")[0]
    return kind if kind in (ALERTMANAGER, GRAFANA) else ""


def _quoted(text: str) -> str:
    """As every Alertmanager reads it: its pages up to 0.31 do not know an escape such as that of JSON."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _organisation(alert: Alert) -> dict[str, object]:
    """Grafana's orgId: without it, the form is that of the reader's own organisation."""
    for url in (alert.generator_url, texts.link_of("dashboard", alert.annotations)):
        try:
            found = parse_qs(urlsplit(url).query).get("orgId")
        except ValueError:
            continue
        if found:
            return {"orgId": found[0]}
    return {}
