"""Contact sheets of cards, as Discord draws them on a desktop and on a phone."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser

from alert_router.discord.embeds import ATTACHMENT, Renderer
from alert_router.discord.packer import Payload
from alert_router.discord.templates import Templates
from alert_router.domain.model import CardState, DigestState
from alert_router.web import card_page
from alert_router.web.card_page import ShownMessage
from testbed.cards import alertmanager, states
from testbed.cards.samples import SAMPLES
from testbed.factories import make_state

RENDERER = Renderer(Templates(), "https://alerts.example.org")
DESKTOP, PHONE = 640, 390
COLUMNS = {DESKTOP: 3, PHONE: 5}
COLORS = 64
"""Of a picture: text and a few signs need no more."""
FULL = tuple(name for name in SAMPLES if name not in states.MOMENTS)
"""Of these templates each state is shown; the others are over at once."""
PAIR = ("Alertmanager's receiver", "alert-router")
BESIDE_SHEET = "beside-alertmanager"
BESIDE = ("one", "several", "forty", "resolved")


@dataclass(frozen=True)
class Titled:
    title: str
    payload: Payload


def rendered(state: CardState | DigestState) -> Payload:
    """With the chart in place of the attachment."""
    message = RENDERER.render(state)
    for png in message.files.values():
        return _with_chart(message.payload, png)
    return message.payload


def _with_chart(payload: Payload, png: bytes) -> Payload:
    data = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    embeds: list[Mapping[str, Any]] = [
        {**embed, "image": {"url": data}}
        if embed.get("image", {}).get("url", "").startswith(ATTACHMENT)
        else embed
        for embed in payload["embeds"]
    ]
    return {**payload, "embeds": embeds}


def sheets() -> Mapping[str, Sequence[Titled]]:
    by_state = {
        name: [
            Titled(state.replace("_", " "), rendered(card))
            for (template, state), card in states.cards().items()
            if template == name
        ]
        for name in FULL
    }
    each = [
        Titled(name, rendered(states.moment(name) if name in states.MOMENTS else states.one(name)))
        for name in SAMPLES
    ]
    moved = make_state(states.alert("DiskFull"), newer_url="https://discord.com/channels/9/100/42")
    over = [Titled("digest", rendered(states.digest())), Titled("continued elsewhere", rendered(moved))]
    beside = [
        titled
        for state in BESIDE
        for card in [states.STATES[state]("DiskFull")]
        for titled in (
            Titled(f"{state}, {PAIR[0]}", alertmanager.payload(card)),
            Titled(f"{state}, {PAIR[1]}", rendered(card)),
        )
    ]
    return {**by_state, "templates": each, "digest": over, BESIDE_SHEET: beside}


def take(browser: Browser, folder: Path) -> Iterator[Path]:
    """Writes a sheet for each width."""
    for name, cards in sheets().items():
        for width, most in COLUMNS.items():
            columns = len(PAIR) if name == BESIDE_SHEET else most
            kind = "desktop" if width == DESKTOP else "phone"
            path = folder / f"{name}-{kind}.png"
            page = browser.new_page(
                viewport={"width": (width + 16) * min(columns, len(cards)), "height": 100}
            )
            page.set_content(_sheet(cards, width, columns))
            _write(page.screenshot(full_page=True), path)
            page.close()
            yield path


def _write(png: bytes, path: Path) -> None:
    image = (
        Image.open(io.BytesIO(png))
        .convert("RGB")
        .quantize(COLORS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    )
    image.save(path, optimize=True)


def _sheet(cards: Sequence[Titled], width: int, columns: int) -> str:
    """Each card in a frame of its own width, so that the styles of narrow screens hold."""
    shown = min(columns, len(cards))
    stacks = ("".join(_frame(card, width) for card in cards[first::shown]) for first in range(shown))
    return (
        "<!doctype html><style>body{margin:8px;background:#1e1f22;display:flex;gap:16px}"
        "figure{margin:0 0 16px}iframe{border:0;display:block}"
        "figcaption{color:#f2f3f5;font:600 15px 'Noto Sans',sans-serif;padding:4px 8px}</style>"
        + "".join(f"<div>{stack}</div>" for stack in stacks)
    )


def _frame(card: Titled, width: int) -> str:
    return (
        f"<figure style='width:{width}px'><figcaption>{escape(card.title)}</figcaption>"
        f"<iframe srcdoc='{escape(page_of(card.payload), quote=True)}' width={width}"
        " onload='this.height=this.contentDocument.documentElement.scrollHeight'></iframe></figure>"
    )


def page_of(payload: Payload) -> str:
    return card_page.html([ShownMessage(payload, states.NOW)], states.NOW)
