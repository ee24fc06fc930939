"""The one owner of every limit: whatever the draft, the payload is one that Discord accepts.

Nothing is cut silently: the message counts what does not fit, and links to all of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from alert_router.discord import limits, markdown, mentions, urls
from alert_router.discord.markdown import FENCE, clip, code, cut, escape, link
from alert_router.domain.model import Mentions

Payload = Mapping[str, Any]
Files = Mapping[str, bytes]
"""Pictures by their name, to which `attachment://` refers in a payload."""
NO_FILES: Files = MappingProxyType({})
SUPPRESS_NOTIFICATIONS = 1 << 12
"""The flag that a create may have and an edit may not."""
MORE_CHARS = 300
"""Reserved for the line that counts what was left out."""
MAX_ROWS = 2
"""Of buttons; Discord allows five."""
PAGE_CHARS = limits.DESCRIPTION_CHARS - MORE_CHARS
PIECE_CHARS = PAGE_CHARS // 2
"""So that a page is at least half full before the next begins."""


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    value: str
    inline: bool = True


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class CardText:
    """What a template renders."""

    title: str
    lines: Sequence[str]
    """The description: whole lines, most important first."""
    fields: Sequence[Field]
    footer: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before the limits."""

    text: CardText
    color: int
    timestamp: datetime | None
    buttons: Sequence[Button]
    all_url: str
    """Where all of it can be read."""
    title_url: str = ""
    unreachable: Sequence[Button] = ()
    """Links that people cannot open: shown as text, to be copied."""
    image: str = ""
    """The picture's URL; attachment:// for one that is sent with the message."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a create has beside the body: an edit neither repeats nor changes it."""

    line: str
    """For a lock screen; escaped."""
    mentions: Mentions
    silent: bool = False
    post: Mapping[str, Any] = field(default_factory=dict)
    """Opens a post, where the channel is a forum."""


def pack(draft: Draft) -> Payload:
    """The body of an edit. Without `content`: an edit leaves that as it was created."""
    buttons, texts = _buttons(draft.buttons)
    texts += [f"{escape(link.label)} {code(link.url)}" for link in draft.unreachable]
    return {
        "embeds": _embeds(draft, texts),
        "components": [{"type": 1, "components": list(row)} for row in _rows(buttons)],
        "allowed_mentions": mentions.NOBODY_MENTIONED,
    }


def opened(body: Payload, opening: Opening) -> Payload:
    """The body of a create."""
    text = mentions.inert("\n".join(filter(None, (opening.line, body.get("content", "")))))
    mentioned = mentions.text(opening.mentions)
    payload = {
        **body,
        "content": cut(f"{mentioned} {text}", limits.CONTENT_CHARS),
        "allowed_mentions": mentions.allowed(opening.mentions),
        **opening.post,
    }
    return payload | {"flags": SUPPRESS_NOTIFICATIONS} if opening.silent else payload


def plain(payload: Payload) -> Payload:
    """Text only: no button and no embed that a bad URL could spoil."""
    parts = filter(None, (part for embed in payload["embeds"] for part in _text_of(embed)))
    content = cut("\n".join(parts), limits.CONTENT_CHARS)
    return {**payload, "content": content or limits.EMPTY, "embeds": [], "components": []}


def without_urls(payload: Payload) -> Payload:
    return {
        **payload,
        "components": [],
        "embeds": [_without(embed, "url", "image") for embed in payload["embeds"]],
    }


def _without(embed: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in embed.items() if name not in names}


def _text_of(embed: Mapping[str, Any]) -> Iterator[str]:
    if "title" in embed:
        yield f"**{embed['title']}** {embed.get('url', '')}".strip()
    yield embed.get("description", "")
    for one in embed.get("fields", ()):
        yield f"{one['name']}: {one['value']}"


def _buttons(wanted: Sequence[Button]) -> tuple[list[dict[str, Any]], list[str]]:
    """Buttons, and as text the links that cannot be one."""
    buttons: list[dict[str, Any]] = []
    links: list[str] = []
    for button in wanted:
        label = clip(button.label, limits.BUTTON_LABEL_CHARS)
        if len(buttons) < MAX_ROWS * limits.BUTTONS and urls.is_acceptable(
            button.url, limits.BUTTON_URL_CHARS
        ):
            buttons.append({"type": 2, "style": 5, "label": label, "url": button.url})
        elif urls.is_acceptable(button.url, len(button.url)):  # however long: what does not fit is counted
            links.append(link(button.label, button.url))
        else:
            links.append(f"{escape(button.label)} {code(button.url)}")
    return buttons, links


def _rows(buttons: Sequence[Payload]) -> Iterator[Sequence[Payload]]:
    for first in range(0, len(buttons), limits.BUTTONS):
        yield buttons[first : first + limits.BUTTONS]


def _embeds(draft: Draft, links: Sequence[str]) -> list[dict[str, Any]]:
    head: dict[str, Any] = {
        "title": cut(draft.text.title, limits.TITLE_CHARS) or limits.EMPTY,
        "color": draft.color,
    }
    if draft.timestamp is not None:
        head["timestamp"] = draft.timestamp.isoformat()
    if urls.is_acceptable(draft.title_url):
        head["url"] = draft.title_url
    if draft.image:
        head["image"] = {"url": draft.image}
    footer = clip(draft.text.footer, limits.FOOTER_CHARS)
    if footer:  # Discord refuses an empty one
        head["footer"] = {"text": footer}
    spent = len(head["title"]) + len(footer)
    fields, left_out, spent = _fields(draft.text.fields, spent)
    texts, long, spent = _fitting(links, spent) if links else ([], 0, spent)
    pages, goes_on = _pages(draft.text.lines, limits.MESSAGE_CHARS - spent)
    pages = _with_rest(pages, left_out, long, draft.all_url, goes_on=goes_on)
    embeds = [head | {"description": pages[0]} if pages else head]
    embeds += map(partial(_page, draft.color), pages[1:])
    if texts:
        fields = [*fields, {"name": "Links", "value": " · ".join(texts), "inline": False}]
    if fields:
        embeds[0]["fields"] = fields
    return embeds


def _page(color: int, description: str) -> dict[str, Any]:
    return {"description": description, "color": color}


def _fields(wanted: Sequence[Field], spent: int) -> tuple[list[dict[str, Any]], int, int]:
    """The fields that fit beside the description, how many do not, and the characters spent so far."""
    budget = limits.MESSAGE_CHARS // 2
    taken: list[dict[str, Any]] = []
    for index, one in enumerate(wanted):
        name = cut(one.name, limits.FIELD_NAME_CHARS) or limits.EMPTY
        value = cut(one.value, limits.FIELD_VALUE_CHARS) or limits.EMPTY
        # One field is reserved for the links.
        if len(taken) == limits.FIELDS - 1 or spent + len(name) + len(value) > budget:
            return taken, len(wanted) - index, spent
        spent += len(name) + len(value)
        taken.append({"name": name, "value": value, "inline": one.inline})
    return taken, 0, spent


def _fitting(links: Sequence[str], spent: int) -> tuple[list[str], int, int]:
    """The links that fit into a field, how many do not, and the characters spent so far."""
    taken: list[str] = []
    for one in links:
        if len(" · ".join([*taken, one])) <= limits.FIELD_VALUE_CHARS:
            taken.append(one)
    cost = len("Links") + len(" · ".join(taken)) if taken else 0
    return taken, len(links) - len(taken), spent + cost


def _pages(lines: Sequence[str], budget: int) -> tuple[list[str], bool]:
    """The lines as descriptions of one embed after the other, and whether some of the text does not fit."""
    pages = _Pages(budget - MORE_CHARS)
    pieces = list(_pieces(lines))
    for index, piece in enumerate(pieces):
        if not pages.add(piece):
            pages.close()
            return pages.texts, any(missing.strip() for missing in pieces[index:])
    return pages.texts, False


class _Pages:
    """Is filled line by line. A code block that goes on in the next embed is closed and opened again."""

    def __init__(self, budget: int) -> None:
        self.texts: list[str] = []
        self._left_chars = budget
        self._in_code = False

    def add(self, line: str) -> bool:
        """False when there is no room left."""
        needed = len(line) + len("\n")
        reserved = len(_CLOSED) if self._in_code or line.startswith(FENCE) else 0
        if needed + reserved > self._left_chars + len("\n") or not self._append(line, reserved):
            return False
        self._left_chars -= needed
        if line.startswith(FENCE):
            self._in_code = not self._in_code
        return True

    def close(self) -> None:
        """End the code block that is open."""
        if self._in_code:
            self.texts[-1] = self.texts[-1].removesuffix(FENCE).rstrip() + _CLOSED
            self._in_code = False

    def _append(self, line: str, reserved: int) -> bool:
        """Onto the last page, or a new one where it does not fit; False when there is no page left."""
        if self.texts and len(self.texts[-1]) + len("\n") + len(line) + reserved <= PAGE_CHARS:
            self.texts[-1] = f"{self.texts[-1]}\n{line}"
            return True
        if not line.strip():  # Discord refuses an embed of nothing
            return True
        if len(self.texts) == limits.EMBEDS:
            return False
        if self._in_code:
            self.texts[-1] += _CLOSED
            self._left_chars -= 2 * len(_CLOSED)
            line = f"{FENCE}\n{line}"
        self.texts.append(line)
        return True


_CLOSED = f"\n{FENCE}"


def _pieces(lines: Sequence[str]) -> Iterator[str]:
    """A line too long for one embed continues in the next."""
    in_code = False
    for line in lines:
        rest = line
        while len(rest) > PIECE_CHARS:
            # In a code block nothing is markup.
            piece, rest = (
                (rest[:PIECE_CHARS], rest[PIECE_CHARS:]) if in_code else markdown.split(rest, PIECE_CHARS)
            )
            yield piece
        yield rest
        in_code ^= line.startswith(FENCE)


def _with_rest(pages: list[str], fields: int, links: int, all_url: str, *, goes_on: bool) -> list[str]:
    left = (
        "the text goes on" if goes_on else "",
        f"{fields} more {'field' if fields == 1 else 'fields'}" if fields else "",
        f"{links} more {'link' if links == 1 else 'links'}" if links else "",
    )
    rest = " and ".join(filter(None, left))
    if not rest:
        return pages
    more = f"… {rest}: {link('all of it', all_url)}"
    if len(more) >= MORE_CHARS:
        more = f"… {rest}"
    if not pages:
        return [more]
    return [*pages[:-1], f"{pages[-1]}\n{more}"]
