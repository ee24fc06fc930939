"""Discord's markdown: text from an alert is escaped, markup comes from templates only."""

import re
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from alert_router.domain import time_words

_LINE_START = re.compile(r"^(\s*\d*)((?<=\d)\.|(?<!\d)(?:#{1,3}|-#|[-+]))(?=\s)", re.MULTILINE)
_ESCAPED_START = r"\1\\\2"
_SPECIAL = re.compile(
    # Discord makes a link of an address by itself and obeys no markup in it, up to the next blank or "<";
    # a backslash in there would break it.
    r"(?P<url>https?://[A-Za-z0-9\[][^\s<>]+)"
    r"|(?P<at>@(?=\S))"
    r"|(?P<markup>[\\*_~|`\[\]<>])"
)
_UNSAFE_IN_LINK = re.compile(r"[\s()<>\\]")
FENCE = "```"
_WHOLE = re.compile(
    r"\\.|`[^`]*`|\[(?:\\.|[^\]\\])*\]\([^)]*\)|https?://[^\s<>]+|<[^>\s]*>"
    r"|(?P<mark>\*\*|__|~~|\|\|)|.",
    re.DOTALL,
)
"""A unit that must not be cut in two: an escape, a code span, a link, an address, a time."""
APOSTROPHE = "\u02cb"  # looks like a backtick and ends no code span
CODE_CHARS = 200
"""A longer code span would have to be cut, and its second half would be markup."""
LOG_CHARS, LOG_LINES, LOG_LINE_CHARS = 1_000, 14, 120
"""A longer log is shown from its end."""
duration = time_words.duration


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


def code(value: object, max_chars: int = CODE_CHARS) -> Markdown:
    """A code span, on one line; a backtick inside would end it."""
    text = " ".join(str(value).replace("`", APOSTROPHE).splitlines())
    return Markdown(f"`{clip(text, max_chars) or ' '}`")


def link(text: object, url: str) -> Markdown:
    return Markdown(f"[{escape(text)}]({_UNSAFE_IN_LINK.sub(lambda unsafe: quote(unsafe[0]), url)})")


def code_block(value: object) -> Markdown:
    """A log as it is, with its indentation; of a long one the last lines, and how many are before them."""
    lines = str(value).replace("`", APOSTROPHE).strip("\n").expandtabs(4).splitlines()
    left_chars, shown = LOG_CHARS, 0
    for line in reversed(lines[-LOG_LINES:]):
        left_chars -= min(len(line), LOG_LINE_CHARS) + 1
        if left_chars < 0:
            break
        shown += 1
    before = [f"… ({len(lines) - shown} lines before)"] if shown < len(lines) else []
    body = [clip_end(line.rstrip(), LOG_LINE_CHARS) for line in lines[len(lines) - shown :]]
    return Markdown("\n".join((FENCE, *before, *body, FENCE))) if any(body) else Markdown()


def plain(value: object) -> Markdown:
    """For a footer, where Discord renders no markdown: on one line."""
    return Markdown(" ".join(str(value).split()))


def split(text: str, max_chars: int) -> tuple[str, str]:
    """The text in two parts, the first at most so long: cut at a space if possible, never inside markup.

    What is open where the text is cut is closed there, and opened again in the second part.
    """
    cut, marks = _cut(text, max_chars)
    # The second part begins a line, which it did not when it was escaped.
    rest = _LINE_START.sub(_ESCAPED_START, text[cut:].lstrip())
    return text[:cut].rstrip() + "".join(reversed(marks)), "".join(marks) + rest


def _cut(text: str, max_chars: int) -> tuple[int, Sequence[str]]:
    """Where the first part ends, and the marks that are open there."""
    at_any: tuple[int, Sequence[str]] = (0, ())
    at_space = at_any
    marks: tuple[str, ...] = ()
    for whole in _WHOLE.finditer(text):
        marks = _toggled(marks, whole)
        if whole.end() + sum(map(len, marks)) > max_chars:
            break
        at_any = (whole.end(), marks)
        if whole[0].isspace() and whole.end() > max_chars // 2:
            at_space = at_any
    if at_space[0]:
        return at_space
    return at_any if at_any[0] else (max_chars, ())


def _toggled(marks: tuple[str, ...], whole: re.Match[str]) -> tuple[str, ...]:
    mark = whole["mark"]
    if mark is None:
        return marks
    return tuple(each for each in marks if each != mark) if mark in marks else (*marks, mark)


def cut(text: str, max_chars: int) -> str:
    """At most so many characters of markup, none of it left open; an ellipsis shows that text was cut."""
    text = text.strip()
    if len(text) <= max_chars:
        return text
    first, _ = split(text, max_chars - 1)
    return f"{first}…"


def ago(moment: datetime) -> Markdown:
    """Discord counts for the reader: "5 minutes ago", in their language."""
    return Markdown(f"<t:{int(moment.timestamp())}:R>")


def clock(moment: datetime) -> Markdown:
    return Markdown(f"<t:{int(moment.timestamp())}:f>")


def clip(text: str, max_chars: int) -> str:
    """At most so many characters; an ellipsis shows that text was cut."""
    return clip_end(text.strip(), max_chars)


def clip_end(text: str, max_chars: int) -> str:
    """The same, with the indentation kept."""
    return text if len(text) <= max_chars else text[: max_chars - 1].rstrip() + "…"
