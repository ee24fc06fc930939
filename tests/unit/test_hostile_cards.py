"""Nothing that an alert says can break its card, and nothing of it is lost without a word."""

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.discord.embeds import Renderer
from alert_router.discord.markdown import APOSTROPHE
from alert_router.discord.templates import Templates
from alert_router.domain.model import Announcement
from alert_router.domain.notify_values import Reason
from testbed.factories import at, make_alert, make_state
from testbed.fakes.discord import openapi
from testbed.fakes.discord.acceptance import refusals, shapes
from testbed.fakes.discord.mentions import Pings, pings

RENDERER = Renderer(Templates(), "https://router.example.org")
MARKS = (
    "**",
    "__",
    "~~",
    "||",
    "`",
    "```",
    "*",
    "_",
    ">>> ",
    "# ",
    "-# ",
    "- ",
    "1. ",
    "\\",
    "[",
    "](http://x.y)",
)
MENTIONS = (
    "@everyone",
    "@here",
    "<@1>",
    "<@!1>",
    "<@&1>",
    "<#1>",
    "</x:1>",
    "<id:guide>",
    "<t:0:R>",
    "<a:b:1>",
)
LINES = ("\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\n\n\n")
INVISIBLE = (
    "\u200b",
    "\u202e",
    "\u2066",
    "\ufeff",
    "\u00ad",
    "\u3164",
    "\x07",
    "\x1b[31m",
    "\ud7ff",
    "\U000e0041",
)
ADDRESSES = (
    "https://x.y/a_b*c*(d)[e]|f",
    "https://x.y/[click](https://evil.example)",
    "https://[ x](https://evil.example)",
    "javascript:alert(1)",
    "http://prometheus:9090/graph?g0.expr=up",
    "http://x.y/ with blanks",
    "https://x.y/" + "u" * 3000,
    "//x.y",
    "https://user:pass@x.y/",
    "https://ex\u00e4mple.org/",
)
LONG = ("x" * 10_000, "word " * 3_000, "\\" * 5_000, "*" * 5_000, "[" * 3_000, "`" * 3_000, "\n" * 3_000)
TEMPLATES = (
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{{ $labels.x }}",
    "%s",
    "${HOME}",
    "<script>x</script>",
    "' OR 1=1 --",
)
SCRIPTS = (
    "\u0627\u0644\u0633\u0644\u0627\u0645",
    "\u65e5\u672c\u8a9e",
    "e\u0301" * 50,
    "\U0001f6b2" * 60,
    "Z\u0351\u036b",
)


def _corpus() -> Iterator[str]:
    yield from (*MARKS, *MENTIONS, *LINES, *INVISIBLE, *ADDRESSES, *LONG, *TEMPLATES, *SCRIPTS)
    for mark, mention in product(MARKS, MENTIONS):
        yield f"{mark}{mention}{mark}"


CORPUS = tuple(_corpus())
NAMES = (
    "alertname",
    "severity",
    "instance",
    "summary",
    "description",
    "other",
    "value",
    "runbook_url",
    "log",
)


def card_of(text: str, *, ended: bool = False) -> Mapping[str, Any]:
    """Of two alerts that say it wherever an alert can say something."""
    labels = {"alertname": text, "severity": text, "instance": text}
    words = dict.fromkeys(NAMES, text)
    alerts = [
        make_alert(
            {**labels, "n": f"{text}{id_}"},
            id=id_,
            annotations=words,
            generator_url=text,
            source_url=text,
            reporter=text,
            ends_at=at(5) if ended else None,
        )
        for id_ in (2, 1)
    ]
    return RENDERER.render(make_state(*alerts, announcement=Announcement(Reason.FIRST, at=at(1)))).payload


def test_corpus_has_200_texts() -> None:
    assert len(set(CORPUS)) >= 200


@pytest.mark.parametrize("ended", [False, True], ids=["firing", "resolved"])
def test_discord_accepts_every_hostile_text_everywhere(ended: bool) -> None:
    refused = {
        text[:40]: found
        for text in CORPUS
        for payload in shapes(card_of(text, ended=ended))
        if (found := [*refusals(payload), *(openapi.validate_execute(payload) or ())])
    }

    assert refused == {}


def test_no_hostile_text_notifies_or_leads_elsewhere() -> None:
    for text in CORPUS:
        payload = card_of(text)

        assert pings([payload["content"]], payload["allowed_mentions"]) == Pings(), text[:40]
        urls = [button["url"] for row in payload["components"] for button in row["components"]]
        assert all(url.startswith(("http://", "https://")) for url in urls), text[:40]


def test_no_hostile_text_leaves_markup_open() -> None:
    for text in CORPUS:
        for embed in card_of(text)["embeds"]:
            description = embed.get("description", "")
            assert description.count("```") % 2 == 0, text[:40]
            live = re.sub(r"```.*?```|https?://[^\s<>]+|\\.|`[^`\n]*`", "", description, flags=re.DOTALL)
            assert live.count("**") % 2 == 0, text[:40]
            assert "||" not in live, text[:40]


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30)
LEFT_OUT = re.compile(r"\+\d+ more|the text goes on|all labels|more link|more field")


def read(payload: Mapping[str, Any]) -> str:
    """The text as people read it."""
    texts = [payload.get("content", "")]
    for embed in payload["embeds"]:
        texts += [
            embed.get("title", ""),
            embed.get("description", ""),
            embed.get("footer", {}).get("text", ""),
        ]
        texts += [field["value"] for field in embed.get("fields", ())]
    plain = re.sub(
        r"(`[^`\n]*`|https?://\S{2,})|\\(.)",
        lambda part: part[1] or part[2],
        "\n".join(texts),
        flags=re.DOTALL,
    )
    return plain.replace("\u200b", "")


@given(
    st.dictionaries(st.from_regex(r"[a-z]{3,8}", fullmatch=True), WORDS, max_size=9),
    st.dictionaries(st.from_regex(r"[a-z]{3,8}", fullmatch=True), WORDS, max_size=6),
    WORDS,
)
def test_card_shows_everything_or_says_that_it_does_not(
    labels: dict[str, str], words: dict[str, str], summary: str
) -> None:
    alert = make_alert({"alertname": "ApiDown", **labels}, annotations={**words, "summary": summary})

    text = read(RENDERER.render(make_state(alert)).payload)

    missing = [
        value
        for value in (*labels.values(), *words.values(), summary)
        if value not in text and value.replace("`", APOSTROPHE) not in text
    ]
    assert not missing or LEFT_OUT.search(text), missing


@given(st.integers(1, 60), st.integers(0, 500))
def test_every_alert_is_shown_or_counted(count: int, beyond: int) -> None:
    alerts = [make_alert({"alertname": "A", "instance": f"host-{n}"}, id=n) for n in range(count, 0, -1)]

    text = read(RENDERER.render(make_state(*alerts, more_alerts=beyond)).payload)

    shown = len(set(re.findall(r"`(?:instance=)?(host-\d+)`", text)))
    more = re.search(r"\[\+(\d+) more\]", text)
    assert shown + (int(more[1]) if more else 0) == count + beyond
