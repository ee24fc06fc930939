"""Discord's markdown: text from an alert is escaped, markup comes from templates only."""

import re
from datetime import datetime, timedelta
from urllib.parse import quote

_LINE_START = re.compile(r"^(\s*\d*)((?<=\d)\.|(?<!\d)(?:#{1,3}|-#|[-+]))(?=\s)", re.MULTILINE)
_ESCAPED_START = r"\1\\\2"
_SPECIAL = re.compile(
    # Discord makes a link of a URL by itself; it obeys no markup in there, and a backslash would break it.
    r"(?P<url>https?://[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9](?::\d+)?(?:[/?#][A-Za-z0-9._~:/?#@!$&'+,;=%-]*)?)"
    r"|(?P<at>@(?=\S))"
    r"|(?P<markup>[\\*_~|`\[\]<>])"
)
_UNSAFE_IN_LINK = re.compile(r"[\s()<>\\]")
_WHOLE = re.compile(r"\\.|`[^`]*`|\[(?:\\.|[^\]])*\]\([^)]*\)|<[^>]*>|.", re.DOTALL)
"""A unit that must not be cut in two: an escape, a code span, a link, a time."""
APOSTROPHE = "\u02cb"  # looks like a backtick and ends no code span
CODE_CHARS = 200
"""A longer code span would have to be cut, and its second half would be markup."""


class Markdown(str):
    """Text that is markup already and must not be escaped again."""

    __slots__ = ()


def escape(value: object) -> Markdown:
    """Shown literally: no markup, no mention, no link with another face.

    allowed_mentions keeps mentions from pinging; the zero-width space keeps them from looking like one.
    """
    if isinstance(value, Markdown):
        return value
    # Discord begins a line after "\n" only, but str.splitlines knows more line breaks.
    text = "\n".join(str(value).splitlines())
    return Markdown(_LINE_START.sub(_ESCAPED_START, _SPECIAL.sub(_literal, text)))


def _literal(special: re.Match[str]) -> str:
    if special["url"]:
        return special[0]
    return "@\u200b" if special["at"] else f"\\{special[0]}"


def code(value: object) -> Markdown:
    """A code span, on one line; a backtick inside would end it."""
    text = " ".join(str(value).replace("`", APOSTROPHE).splitlines())
    return Markdown(f"`{clip(text, CODE_CHARS) or ' '}`")


def link(text: object, url: str) -> Markdown:
    return Markdown(f"[{escape(text)}]({_UNSAFE_IN_LINK.sub(lambda unsafe: quote(unsafe[0]), url)})")


def split(text: str, max_chars: int) -> tuple[str, str]:
    """The text in two parts, the first at most so long: cut at a space if possible, never inside markup."""
    cut = space = 0
    for whole in _WHOLE.finditer(text):
        if whole.end() > max_chars:
            break
        cut = whole.end()
        if whole[0] == " " and cut > max_chars // 2:
            space = cut
    cut = space or cut or max_chars
    # The second part begins a line, which it did not when it was escaped.
    return text[:cut].rstrip(), _LINE_START.sub(_ESCAPED_START, text[cut:].lstrip())


def ago(moment: datetime) -> Markdown:
    """Discord counts for the reader: "5 minutes ago", in their language."""
    return Markdown(f"<t:{int(moment.timestamp())}:R>")


def clock(moment: datetime) -> Markdown:
    return Markdown(f"<t:{int(moment.timestamp())}:f>")


def duration(span: timedelta) -> str:
    """Two units at the most: "45 s", "12 min", "2 h 5 min", "3 d 4 h"."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if not hours:
        return f"{minutes} min"
    if not days:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"


def clip(text: str, max_chars: int) -> str:
    """At most so many characters; an ellipsis shows that text was cut."""
    text = text.strip()
    return text if len(text) <= max_chars else text[: max_chars - 1].rstrip() + "…"
