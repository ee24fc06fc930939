"""Text that Discord shows as it is meant: what comes from an alert is escaped, what is ours is markup."""

import re
from datetime import datetime, timedelta
from urllib.parse import quote

_INLINE = re.compile(r"([\\*_~|`\[\]<>])")
_LINE_START = re.compile(r"^(\s*\d*)((?<=\d)\.|(?<!\d)(?:#{1,3}|-#|[-+]))(?=\s)", re.MULTILINE)
_URL = re.compile(
    r"(https?://[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9](?::\d+)?(?:[/?#][A-Za-z0-9._~:/?#@!$&'+,;=%-]*)?)"
)
"""What Discord makes a link of by itself; it obeys no markup in there, and a backslash would break it."""
_AT = re.compile(r"@(?=\S)")
_UNSAFE_IN_LINK = re.compile(r"[\s()<>\\]")
_WHOLE = re.compile(r"\\.|`[^`]*`|\[(?:\\.|[^\]])*\]\([^)]*\)|<[^>]*>|.", re.DOTALL)
"""What must not be cut in two: an escape, a code span, a link, a time."""
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
    # Of all the signs that break a line, only the one we know the line starts of.
    text = "\n".join(str(value).splitlines())
    parts = [part if number % 2 else _literal(part) for number, part in enumerate(_URL.split(text))]
    return Markdown(_literal_starts("".join(parts)))


def _literal(text: str) -> str:
    return _AT.sub("@\u200b", _INLINE.sub(r"\\\1", text))


def code(value: object) -> Markdown:
    """A code span, on one line; a backtick inside would end it."""
    text = " ".join(str(value).replace("`", APOSTROPHE).splitlines())
    return Markdown(f"`{clip(text, CODE_CHARS) or ' '}`")


def link(text: object, url: str) -> Markdown:
    return Markdown(f"[{escape(text)}]({_UNSAFE_IN_LINK.sub(lambda found: quote(found[0]), url)})")


def broken(text: str, most: int) -> tuple[str, str]:
    """The text in two, the first at most so long: at a space if possible, never inside of markup."""
    cut = space = 0
    for whole in _WHOLE.finditer(text):
        if whole.end() > most:
            break
        cut = whole.end()
        if whole[0] == " " and cut > most // 2:
            space = cut
    cut = space or cut or most
    # The second begins a line, which it did not when it was escaped.
    return text[:cut].rstrip(), _literal_starts(text[cut:].lstrip())


def _literal_starts(text: str) -> str:
    return _LINE_START.sub(lambda found: f"{found[1]}\\{found[2]}", text)


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


def clip(text: str, most: int) -> str:
    """At most so many characters; what is left out shows as an ellipsis."""
    text = text.strip()
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
