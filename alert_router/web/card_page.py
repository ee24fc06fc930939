"""A page by itself with nothing but messages, as Discord draws them: for pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alert_router.discord.packer import Payload
from alert_router.web.pages import STYLESHEETS, Pages

CSS = Path(__file__).parent / "static" / "css"


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """What the drawing of a message needs."""

    body: Payload
    created_at: datetime
    incident_id: int = 1
    edited: bool = False


def html(messages: Sequence[ShownMessage], now: datetime) -> str:
    """Its title is its height in pixels."""
    styles = "\n".join((CSS / f"{name}.css").read_text(encoding="utf-8") for name in STYLESHEETS)
    return Pages().text("card.html", cards=messages, now=now, styles=styles)
