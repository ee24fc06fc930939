"""Text that Discord shows as it is meant: what comes from an alert is escaped, what is ours is markup."""

import re
from datetime import datetime, timedelta

_INLINE = re.compile(r"([\\*_~|`\[\]<>])")
_LINE_START = re.compile(r"^(\s*)(#{1,3}\s|-#\s|[-+]\s|\d+\.\s)", re.MULTILINE)
APOSTROPHE = "\u02cb"  # looks like a backtick and ends no code span
_AT = re.compile(r"@(?=\S)")


class Markdown(str):
    """Text that is markup already and must not be escaped again."""

    __slots__ = ()


def escape(value: object) -> Markdown:
    """Shown literally: no markup, no mention, no link with another face.

    allowed_mentions keeps mentions from pinging; the zero-width space keeps them from looking like one.
    """
    if isinstance(value, Markdown):
        return value
    text = _INLINE.sub(r"\\\1", str(value))
    text = _LINE_START.sub(lambda found: f"{found[1]}\\{found[2]}", text)
    return Markdown(_AT.sub("@\u200b", text))


def code(value: object) -> Markdown:
    """A code span; a backtick inside would end it."""
    return Markdown(f"`{str(value).replace('`', APOSTROPHE).replace(chr(10), ' ') or ' '}`")


def link(text: object, url: str) -> Markdown:
    safe = url.replace(" ", "%20").replace(")", "%29").replace("(", "%28").replace(">", "%3E")
    return Markdown(f"[{escape(text)}]({safe})")


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
