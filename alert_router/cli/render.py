"""alert-router render: one card, as a message or as a picture, without a router that runs."""

import json
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from alert_router.cli import browser
from alert_router.cli.config import fail, load_configuration, load_settings
from alert_router.config import Configuration
from alert_router.discord.embeds import Renderer
from alert_router.discord.links import Links
from alert_router.discord.packer import Payload
from alert_router.discord.templates import Templates
from alert_router.domain import incidents, lifecycle
from alert_router.domain.model import Alert, Announcement, CardState, Rules, Signal
from alert_router.domain.notify_values import Reason
from alert_router.settings import Settings
from alert_router.sources import event_signals, events, webhook
from alert_router.sources.errors import InvalidBody
from alert_router.web import card_page
from alert_router.web.card_page import ShownMessage

AlertOption = Annotated[
    Path,
    typer.Option("--alert", help="A webhook's body, an event's, or one alert", exists=True, dir_okay=False),
]
TemplateOption = Annotated[
    Path | None, typer.Option("--template", help="A card template", exists=True, dir_okay=False)
]
PngOption = Annotated[Path | None, typer.Option("--png", help="Take a picture with Chromium", dir_okay=False)]


def render(alert: AlertOption, template: TemplateOption = None, png: PngOption = None) -> None:
    """Show the card of an alert as the message that Discord would get, or as a picture."""
    settings = load_settings()
    now = datetime.now(UTC)
    payload = _payload(_signals(alert, now), settings, load_configuration(settings), template, now)
    if png is None:
        typer.echo(json.dumps(payload, indent=2, ensure_ascii=False))
        return
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "card.html"
        page.write_text(card_page.html([ShownMessage(payload, now)], now), encoding="utf-8")
        try:
            browser.take_picture(page, png)
        except browser.NoPicture as error:
            fail(str(error))
    typer.echo(str(png))


def _signals(path: Path, now: datetime) -> list[Signal]:
    body = path.read_bytes()
    try:
        parsed = json.loads(body)
    except ValueError as error:
        fail(f"{path}: not JSON: {error}")
    try:
        if isinstance(parsed, dict) and "type" in parsed:
            return [event_signals.to_signals(events.parse(body), now=now).signal]
        message = webhook.parse(json.dumps(_enveloped(parsed)).encode(), now)
    except InvalidBody as error:
        fail(f"{path}: {error}")
    for refused in message.refused:
        typer.echo(f"{path}: {refused.reason}", err=True)
    return list(message.signals) or fail(f"{path}: no alert that can be read")


def _enveloped(parsed: Any) -> Any:
    """One alert by itself is that of a webhook."""
    if isinstance(parsed, dict) and "labels" in parsed and "alerts" not in parsed:
        name = {"alertname": str(parsed["labels"].get("alertname", ""))} if parsed["labels"] else {}
        return {"version": "4", "groupLabels": name, "alerts": [{"status": "firing", **parsed}]}
    return parsed


def _payload(
    signals: list[Signal],
    settings: Settings,
    configuration: Configuration,
    template: Path | None,
    now: datetime,
) -> Payload:
    folder = template.parent if template else settings.templates
    templates = Templates(folder, only=template.name if template else None)
    renderer = Renderer(
        templates,
        settings.public_url,
        links=Links(settings.external_urls),
        noise=configuration.cards.noise_labels,
    )
    return renderer.render(_state(signals, configuration, now)).payload


def _state(signals: list[Signal], configuration: Configuration, now: datetime) -> CardState:
    """The first card of an incident of these alerts."""
    alerts = [_alert(id_, signal, configuration, now) for id_, signal in enumerate(signals, start=1)]
    alerts.sort(key=lambda alert: (not alert.firing, -alert.severity_rank))
    group = signals[0].group_labels
    incident = incidents.add_alert(
        None, alerts[0], group, now, key=incidents.key_of(group), rules=Rules(), new_id=lambda: 1
    )
    incident = replace(incident, firing=sum(alert.firing for alert in alerts))
    return CardState(incident, tuple(alerts), 0, 1, None, announcement=Announcement(Reason.FIRST, at=now))


def _alert(id_: int, signal: Signal, configuration: Configuration, now: datetime) -> Alert:
    change = lifecycle.apply_signal(None, signal, now, rules=Rules(), new_id=lambda: id_)
    rank = configuration.severities.rank(signal.labels.get("severity"))
    return replace(change.alerts[0], severity_rank=rank, incident_id=1)
