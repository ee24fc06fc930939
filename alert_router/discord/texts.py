"""An alert's annotations as a card shows them: one sentence, its details, the rest by name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alert_router.discord import alert_facts, readings
from alert_router.discord.markdown import LOG_LINE_CHARS, Markdown, clip, code_block, escape
from alert_router.domain import links
from alert_router.domain.model import Labels

SENTENCE_CHARS = 200
TEXT_ROWS = 10
ROW_CHARS = 72
"""About as many as stand on a line of an embed."""
OTHER_CHARS = 160
WORD_CHARS = 50
LOG = "log"
"""The annotation that is shown as it is, with its indentation."""
ELSEWHERE = frozenset({"grafana_state_reason", "silence_url", "image_url", LOG, links.ANNOTATION})
"""Annotations that a card shows as a remark or a button."""
LINKS = {
    "runbook": frozenset({"runbook", "runbookurl", "runbooklink"}),
    "dashboard": frozenset({"dashboard", "dashboardurl", "dashboardlink", "panelurl"}),
}
"""Customary names of annotations, in lower case and without their separators."""
_ALWAYS = ("Error",)
"""Grafana's, of its own DatasourceError: the reason, whatever else is there."""
_INDENTED = re.compile(r"^(?:\t| {2,})\S", re.MULTILINE)
_TRACEBACK = re.compile(
    r"^Traceback \(most recent call last\)|^\s+at \S+\(.*\)$|^goroutine \d+", re.MULTILINE
)
MIN_CODE_LINES = 3


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Markup."""

    text: Markdown
    goes_on: bool
    """Whether some of the text is left out."""


def link_of(kind: str, annotations: Labels) -> str:
    """The address under one of the customary names; "" if there is none."""
    names = (name for name in sorted(annotations, reverse=True) if readings.plain_name(name) in LINKS[kind])
    return next((text.strip() for name in names if (text := annotations[name]).strip()), "")


def always(annotations: Labels) -> Labels:
    return {name: annotations[name] for name in _ALWAYS if annotations.get(name, "").strip()}


def log(annotations: Labels) -> str:
    return annotations.get(LOG, "")


def others(annotations: Labels) -> Labels:
    """The annotations that are neither a customary text nor shown in another way."""
    return {name: text for name, text in annotations.items() if text.strip() and _is_other(name, text)}


def _is_other(name: str, text: str) -> bool:
    is_internal = name.startswith("__") and name.endswith("__")
    is_link = any(readings.plain_name(name) in names for names in LINKS.values())
    elsewhere = name in ELSEWHERE or name in alert_facts.TEXT_ANNOTATIONS or name in _ALWAYS
    return not (is_internal or is_link or elsewhere or readings.is_reading(name, text))


def is_sentence(text: str) -> bool:
    return len(text) <= SENTENCE_CHARS and len(text.strip().splitlines()) == 1


def is_word(text: str) -> bool:
    """Short enough for a chip; an address must stay one that can be opened."""
    text = text.strip()
    return len(text) <= WORD_CHARS and len(text.split()) == 1 and "://" not in text


def is_code(text: str) -> bool:
    """A traceback, a log, a table: lines of which some are indented."""
    lines = text.strip("\n").splitlines()
    return len(lines) >= MIN_CODE_LINES and bool(_TRACEBACK.search(text) or _INDENTED.search(text))


def excerpt(text: str) -> Excerpt:
    """As much of it as a card has room for, code with its indentation."""
    return _code_excerpt(text) if is_code(text) else _prose_excerpt(text)


def _prose_excerpt(text: str) -> Excerpt:
    shown: list[str] = []
    rows = TEXT_ROWS
    for line in text.strip().splitlines():
        kept = line.rstrip()[: rows * ROW_CHARS]
        shown.append(kept)
        rows -= max(-(-len(kept) // ROW_CHARS), 1)
        if len(kept) < len(line.rstrip()) or rows <= 0:
            break
    short = "\n".join(shown)
    goes_on = len(short) < len("\n".join(map(str.rstrip, text.strip().splitlines())))
    return Excerpt(escape(_at_blank(short) if goes_on else short), goes_on)


def _at_blank(text: str) -> str:
    """Without a last word that may be cut in two, unless that is most of it."""
    head, _, last = text.rpartition(" ")
    return head if head and len(last) < len(text) // 4 else text


def _code_excerpt(text: str) -> Excerpt:
    lines = text.strip("\n").splitlines()
    block = code_block(text)
    is_whole = len(block.splitlines()) == len(lines) + 2 and max(map(len, lines)) <= LOG_LINE_CHARS
    return Excerpt(block, not is_whole)


def short(text: str, max_chars: int = OTHER_CHARS) -> str:
    return clip(" ".join(text.split()), max_chars)


@dataclass(frozen=True, slots=True)
class Shape:
    """The words that several sentences begin and end with."""

    text: str
    """With an ellipsis for what differs."""
    own: Sequence[str]
    """What differs, of each sentence."""


MIN_SHARED_WORDS = 2


def shape_of(sentences: Sequence[str]) -> Shape | None:
    """None where they have too little in common. Equal ones have nothing of their own."""
    words = [sentence.split() for sentence in sentences]
    if not words or not all(words):
        return None
    if all(each == words[0] for each in words):
        return Shape(sentences[0], [""] * len(words))
    shortest = min(map(len, words))
    head = _shared(words, shortest)
    tail = _shared([each[::-1] for each in words], shortest - head)
    if head + tail < max(MIN_SHARED_WORDS, max(map(len, words)) / 2):
        return None
    own = [" ".join(each[head : len(each) - tail]) for each in words]
    text = " ".join([*words[0][:head], "…", *words[0][len(words[0]) - tail :]])
    return Shape(text, own)


def _shared(words: Sequence[Sequence[str]], most: int) -> int:
    """With how many words all begin."""
    columns = zip(*(each[:most] for each in words), strict=True)
    count = 0
    for column in columns:
        if len(set(column)) > 1:
            break
        count += 1
    return count


def by_name(others_: Mapping[str, str], most: int) -> tuple[Sequence[tuple[str, str]], int]:
    """As many as a card has room for, each on one line; and how many are left out or cut."""
    shown = [(name, short(text)) for name, text in list(others_.items())[:most]]
    cut = sum(text != " ".join(others_[name].split()) for name, text in shown)
    return shown, len(others_) - len(shown) + cut
