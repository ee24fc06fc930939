"""Discord's markdown as safe HTML, and the look of an embed, for the preview.

Supports what cards use: emphasis, underline, strike, code, quotes, lists, headings, masked links, timestamps,
mentions and escapes. HTML never passes through: no rule produces raw tags, and all text is escaped.
"""

import re
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup

from alert_router.discord import embeds

RULES = (
    *("fence", "blockquote", "heading", "list"),
    *("newline", "escape", "backticks", "strikethrough", "emphasis", "link", "autolink"),
)
Env = MutableMapping[str, Any]
Tokens = Sequence[Token]
REL = "noopener noreferrer nofollow"
ROW = 3
"""Inline fields side by side."""
BARS = frozenset({*embeds.COLORS.values(), embeds.GREEN, embeds.GREY})
"""Colours that preview.css has a class for: a style attribute would need 'unsafe-inline' in the CSP."""
_STAMP = re.compile(r"<t:(-?\d{1,12})(?::([tTdDfFR]))?>")
_SCHEME_END = re.compile(r"https?$")
_ADDRESS_REST = re.compile(r"://[^\s<]+[^<.,:;\"'\]\s]")
_MENTION = re.compile(r"<@(&?)!?(\d{1,20})>|@(everyone|here)\b")
_QUOTE_END = re.compile(r"^(>[^\n]*)\n(?!>)", re.MULTILINE)
_CLOCKS = {
    "t": "{:%H:%M}",
    "T": "{:%H:%M:%S}",
    "d": "{:%d/%m/%Y}",
    "D": "{0.day} {0:%B %Y}",
    "f": "{0.day} {0:%B %Y %H:%M}",
    "F": "{0:%A}, {0.day} {0:%B %Y %H:%M}",
}
"""https://discord.com/developers/docs/reference#message-formatting-timestamp-styles"""
_UNITS = (("year", 31_536_000), ("month", 2_592_000), ("day", 86_400), ("hour", 3_600), ("minute", 60))


def block(text: str, now: datetime) -> Markup:
    """A description or the value of a field."""
    # In Discord a quote ends with its line; markdown would go on with the paragraph.
    ended = _QUOTE_END.sub(r"\1\n\n", text)
    return Markup(_MARKDOWN.render(ended, {"now": now}))  # noqa: S704 - the renderer escapes all text


def inline(text: str, now: datetime) -> Markup:
    """A title or the name of a field: one line."""
    return Markup(_MARKDOWN.renderInline(text, {"now": now}))  # noqa: S704 - the renderer escapes all text


def bar(color: int) -> str:
    """The class of an embed's colour."""
    return f"bar-{color:06x}" if color in BARS else "bar-other"


def rows(fields: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Fields as Discord lays them out: three inline ones to a row, another alone."""
    layout: list[list[Mapping[str, Any]]] = []
    for field in fields:
        row = layout[-1] if layout else []
        fits = bool(row) and len(row) < ROW and row[0].get("inline") and field.get("inline")
        if fits:
            row.append(field)
        else:
            layout.append([field])
    return layout


def relative(moment: datetime, now: datetime) -> str:
    """As Discord counts: "5 minutes ago", "in an hour"."""
    seconds = round((moment - now).total_seconds())
    amount = _amount(abs(seconds))
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


def _amount(seconds: int) -> str:
    for unit, size in _UNITS:
        count = seconds // size
        if count == 1:
            return "an hour" if unit == "hour" else f"a {unit}"
        if count:
            return f"{count} {unit}s"
    return "a few seconds"


def stamp(seconds: int, style: str, now: datetime) -> str | None:
    """A timestamp in words, in UTC (Discord uses the reader's zone); None when it is out of range."""
    try:
        moment = datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return None
    return relative(moment, now) if style == "R" else _CLOCKS[style].format(moment)


def _parse_stamp(state: StateInline, silent: bool) -> bool:
    match = _STAMP.match(state.src, state.pos)
    if match is None:
        return False
    text = stamp(int(match[1]), match[2] or "f", state.env["now"])
    if text is None:
        return False
    if not silent:
        token = state.push("stamp", "time", 0)
        token.content = text
    state.pos = match.end()
    return True


def _render_stamp(_r: RendererHTML, tokens: Tokens, index: int, _options: Any, _env: Env) -> str:
    return f'<span class="stamp">{escape(tokens[index].content)}</span>'


def _parse_address(state: StateInline, silent: bool) -> bool:
    """Discord makes a link of an address by itself, and obeys no markup in it."""
    scheme = _SCHEME_END.search(state.pending)
    match = _ADDRESS_REST.match(state.src, state.pos) if scheme else None
    if scheme is None or match is None or state.linkLevel:
        return False
    url = scheme[0] + match[0]
    if not silent:
        state.pending = state.pending[: scheme.start()]
        state.push("link_open", "a", 1).attrs = {"href": url}
        state.push("text", "", 0).content = url
        state.push("link_close", "a", -1)
    state.pos = match.end()
    return True


def _parse_mention(state: StateInline, silent: bool) -> bool:
    """Discord shows the name; the router knows the id only."""
    match = _MENTION.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        token = state.push("mention", "span", 0)
        kind = "role" if match[1] else "user"
        token.content = f"@{match[3]}" if match[3] else f"@{kind} {match[2]}"
    state.pos = match.end()
    return True


def _render_mention(_r: RendererHTML, tokens: Tokens, index: int, _options: Any, _env: Env) -> str:
    return f'<span class="mention">{escape(tokens[index].content)}</span>'


def _render_strong(renderer: RendererHTML, tokens: Tokens, index: int, options: Any, env: Env) -> str:
    """Two underscores underline; two asterisks are bold."""
    if tokens[index].markup == "__":
        tokens[index].tag = "u"
    return renderer.renderToken(tokens, index, options, env)


def _render_heading(renderer: RendererHTML, tokens: Tokens, index: int, options: Any, env: Env) -> str:
    """Not part of the page's outline; Discord has three sizes."""
    token = tokens[index]
    if token.nesting == 1:
        token.attrSet("class", f"head-{min(len(token.markup), 3)}")
    token.tag = "p"
    return renderer.renderToken(tokens, index, options, env)


def _render_link(renderer: RendererHTML, tokens: Tokens, index: int, options: Any, env: Env) -> str:
    # `[x]()` passes markdown-it as a link to nowhere.
    attrs = {"href": href, "rel": REL} if (href := tokens[index].attrGet("href")) else {}
    tokens[index].attrs = dict(attrs)
    return renderer.renderToken(tokens, index, options, env)


def _is_web(url: str) -> bool:
    return url.lower().startswith(("https://", "http://"))


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("zero", {"breaks": True}).enable(list(RULES))
    # A rejected link stays text: no javascript:, no data:, no mailto:.
    markdown.validateLink = _is_web  # type: ignore[method-assign] # markdown-it's documented way to restrict links
    markdown.inline.ruler.before("newline", "address", _parse_address)
    markdown.inline.ruler.before("autolink", "stamp", _parse_stamp)
    markdown.inline.ruler.before("autolink", "mention", _parse_mention)
    for name, rule in (
        ("stamp", _render_stamp),
        ("mention", _render_mention),
        ("strong_open", _render_strong),
        ("strong_close", _render_strong),
        ("heading_open", _render_heading),
        ("heading_close", _render_heading),
        ("link_open", _render_link),
    ):
        markdown.add_render_rule(name, rule)
    return markdown


_MARKDOWN = _markdown()
