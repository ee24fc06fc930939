"""Text from an alert is shown literally; only markup from templates is markup."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.discord import markdown
from alert_router.discord.markdown import APOSTROPHE, Markdown
from testbed.factories import NOON

ANY_TEXT = st.text(
    st.sampled_from("ab1 \n\r\u2028\x0b\x85\\*_~|`[]()<>#@&:-+.>!") | st.characters(codec="utf-8")
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 5 %!", "plain text, 5 %!"),
        ("**bold** _it_ ~~no~~ ||spoiler||", r"\*\*bold\*\* \_it\_ \~\~no\~\~ \|\|spoiler\|\|"),
        ("`code`", r"\`code\`"),
        ("[click](http://evil.example)", r"\[click\](http://evil.example)"),
        ("<http://x.y> <t:0:R>", r"\<http://x.y\> \<t:0:R\>"),
        ("<@123> <@&456> <#789>", "\\<@\u200b123\\> \\<@\u200b&456\\> \\<#789\\>"),
        ("@everyone @here", "@\u200beveryone @\u200bhere"),
        ("a@ b", "a@ b"),
        ("# big", r"\# big"),
        ("  ## big", r"  \## big"),
        ("#tag", "#tag"),
        ("-# small", r"\-# small"),
        ("- item\n+ item\n* item", "\\- item\n\\+ item\n\\* item"),
        ("1. first", r"1\. first"),
        ("10. tenth", r"10\. tenth"),
        ("1.5 seconds", "1.5 seconds"),
        ("> quote\n>>> all", "\\> quote\n\\>\\>\\> all"),
        (r"\*", r"\\\*"),
        ("see https://x.org/run_book_1/~me?a=@b.", "see https://x.org/run_book_1/~me?a=@b."),
        ("https://_ and _", r"https://\_ and \_"),
        ("*https://x.org/*a*", r"\*https://x.org/*a*"),
        ("https://k.org/#/?_a=(q:'*')&[x]|y `z", r"https://k.org/#/?_a=(q:'*')&[x]|y \`z"),
        ("https://a<b>", r"https://a\<b\>"),
        ("https://[ x](http://evil.example)", r"https://\[ x\](http://evil.example)"),
    ],
)
def test_markup_in_alert_text_is_escaped(text: str, shown: str) -> None:
    assert markdown.escape(text) == shown


@pytest.mark.parametrize("separator", ["\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_no_line_break_starts_a_heading(separator: str) -> None:
    shown = markdown.escape(f"harmless{separator}# BIG")

    assert all(not line.startswith("# ") for line in shown.splitlines())


@given(ANY_TEXT)
def test_text_cannot_forge_markup_mention_or_link(text: str) -> None:
    shown = markdown.escape(text)

    # Discord's own pattern of a link: what it takes, it does not look into.
    unlinked = re.sub(r"https?://[^\s<\\]+[^<.,:;\"'\]\s\\]", "", shown)
    live = re.sub(r"\\.", "", unlinked, flags=re.DOTALL)
    assert not re.search(r"[*_~|`\[\]<>]", live)
    assert not re.search(r"@(?:everyone|here|[!&]?\d)", live)
    assert not any(re.match(r"\s*(?:#{1,3}|-#|[-+]|\d+\.)\s", line) for line in shown.splitlines())


@given(ANY_TEXT)
def test_escaped_text_reads_the_same(text: str) -> None:
    shown = markdown.escape(text)

    read = re.sub(r"\\(.)", r"\1", shown, flags=re.DOTALL).replace("\u200b", "")
    assert read == "\n".join(text.splitlines()).replace("\u200b", "")


@given(ANY_TEXT)
def test_markup_is_not_escaped_again(text: str) -> None:
    once = markdown.escape(text)

    assert markdown.escape(once) is once


@given(ANY_TEXT)
def test_text_cannot_end_its_code_span(text: str) -> None:
    span = markdown.code(text)

    assert span[0] == span[-1] == "`"
    assert "`" not in span[1:-1]
    assert len(span) >= 3
    assert len(span.splitlines()) == 1


def test_code_span_is_too_short_to_be_split() -> None:
    span = markdown.code("x " * 5000)

    assert len(span) <= 300
    assert span.endswith("…`")


@pytest.mark.parametrize(
    "url",
    ["https://a.example/x y", "https://a.example/(x)", "https://a.example/>x", "https://a.example/\n# x"],
)
def test_link_ends_where_its_url_ends(url: str) -> None:
    link = markdown.link("a [label](x)", url)

    assert re.fullmatch(r"\[a \\\[label\\\]\(x\)\]\(https://a\.example/[^\s()>]*\)", link)


def test_times_are_discord_timestamps() -> None:
    assert markdown.ago(NOON) == "<t:1790251200:R>"
    assert markdown.clock(NOON) == "<t:1790251200:f>"
    assert isinstance(markdown.ago(NOON), Markdown)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"),
        (3661, "1 h 1 min"), (86399, "23 h 59 min"), (86400, "1 d"), (90000, "1 d 1 h"), (8640000, "100 d"),
    ],
)  # fmt: skip
def test_duration_has_two_units_at_most(seconds: float, words: str) -> None:
    assert markdown.duration(timedelta(seconds=seconds)) == words


@given(ANY_TEXT, st.integers(20, 60))
def test_cut_markup_keeps_the_limit_and_leaves_nothing_open(text: str, most: int) -> None:
    markup = f"**{markdown.escape(text)}** {markdown.code(text)} {markdown.link(text, 'https://x.org')}"

    shown = markdown.cut(markup, most)

    assert len(shown) <= most
    without = re.sub(r"https?://[^\s<>]+|\\.|`[^`]*`", "", shown, flags=re.DOTALL)
    assert without.count("**") % 2 == 0


def test_code_block_keeps_indentation_and_cannot_be_ended_by_its_text() -> None:
    block = markdown.code_block("def f():\n    return ```x```\n")

    assert block.splitlines()[1:3] == ["def f():", f"    return {APOSTROPHE * 3}x{APOSTROPHE * 3}"]
    assert block.count("`") == 6


def test_bracket_before_many_escapes_is_cut_without_backtracking() -> None:
    assert markdown.cut("[" + r"\*" * 2000, 100).endswith("…")


@given(st.text(max_size=60), st.integers(1, 50))
def test_clip_keeps_the_limit_and_is_idempotent(text: str, most: int) -> None:
    clipped = markdown.clip(text, most)

    assert len(clipped) <= most
    assert markdown.clip(clipped, most) == clipped
    assert clipped == text.strip() or clipped.endswith("…")


@pytest.mark.parametrize(("length", "clipped"), [(255, False), (256, False), (257, True)])
def test_clip_begins_beyond_the_limit(length: int, clipped: bool) -> None:
    shown = markdown.clip("x" * length, 256)

    assert shown.endswith("…") == clipped
    assert len(shown) == min(length, 256)
