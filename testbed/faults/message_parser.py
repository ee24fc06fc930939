"""Reads from a message which group it is about and what it says."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from testbed.fakes.discord import Message

TOKEN = re.compile(r"\b[RSB]\d{4,5}\b")
FIRING_SIGNS = ("🔴", "🟠", "🟡", "🔵")
STILL = re.compile(r"⛈️ (\d+) alerts firing in (\d+) incidents")
OVER = re.compile(r"🟢 The storm is over . (\d+) alerts in (\d+) incidents")
COUNTED = re.compile(r"\*\*(\w+)\*\* (\w+): (\d+) firing(?:, (\d+) resolved)?")
BOLD = re.compile(r"\*\*(.+?)\*\*")
MORE = re.compile(r" . (\d+) firing(?:,|$)")


@dataclass(frozen=True)
class ParsedMessage:
    content: str
    embeds: Sequence[Mapping[str, Any]]

    @cached_property
    def title(self) -> str:
        """A card that Discord refused twice is plain text: then its first bold line."""
        if self.embeds:
            return str(self.embeds[0].get("title", ""))
        return next((bold[1] for line in self.content.splitlines() if (bold := BOLD.match(line))), "")

    @cached_property
    def text(self) -> str:
        return self.content + json.dumps(list(self.embeds), ensure_ascii=False)

    @property
    def digest(self) -> bool:
        return bool(STILL.match(self.title) or OVER.match(self.title))

    @property
    def token(self) -> str | None:
        """Of the one group it is about; None for a digest and for a message about none."""
        match = TOKEN.search(self.text)
        return match[0] if match and not self.digest else None

    @property
    def fires(self) -> bool:
        return self.title.startswith(FIRING_SIGNS)

    @property
    def firing(self) -> int:
        """The number of firing alerts in the title."""
        more = MORE.search(self.title)
        return int(more[1]) if more else int(self.fires)

    @property
    def moved(self) -> bool:
        """It links to a newer message."""
        return self.title.startswith("⤴️")

    @property
    def resolved(self) -> bool:
        return self.title.startswith("🟢")

    @property
    def color(self) -> int | None:
        return self.embeds[0].get("color") if self.embeds else None

    @property
    def storm(self) -> tuple[int, int]:
        """The numbers of incidents and of firing alerts in a digest's title."""
        still, over = STILL.match(self.title), OVER.match(self.title)
        if still:
            return int(still[2]), int(still[1])
        assert over is not None, self.title
        return int(over[2]), 0

    @property
    def counts(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """The firing and resolved alerts by alertname and severity in a digest's lines."""
        counted = COUNTED.findall(self.text)
        return {(name, severity): (int(on), int(off or 0)) for name, severity, on, off in counted}


def parse(message: Message) -> ParsedMessage:
    return ParsedMessage(message.content, message.embeds)


def parse_payload(payload: Any) -> ParsedMessage:
    return ParsedMessage(payload.get("content") or "", payload.get("embeds") or ())
