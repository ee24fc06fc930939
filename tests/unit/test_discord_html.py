"""Discord's markdown as HTML: the look of a message on /preview."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.web import discord_html
from testbed.factories import NOON
from testbed.parsed_page import ParsedPage

REL = 'rel="noopener noreferrer nofollow"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**b** *i* _i_", "<p><strong>b</strong> <em>i</em> <em>i</em></p>"),
        ("__u__ ~~s~~", "<p><u>u</u> <s>s</s></p>"),
        ("__**both**__", "<p><u><strong>both</strong></u></p>"),
        ("`a <b>`", "<p><code>a &lt;b&gt;</code></p>"),
        ("```\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("> quoted\nnot", "<blockquote>\n<p>quoted</p>\n</blockquote>\n<p>not</p>"),
        (r"\*no\* a\_b \<t:1:R\>", "<p>*no* a_b &lt;t:1:R&gt;</p>"),
        ("# Head", '<p class="head-1">Head</p>'),
        ("<b>&amp;", "<p>&lt;b&gt;&amp;amp;</p>"),
        (
            "[**x <b>**](https://e.org/?a=1&b)",
            f'<p><a href="https://e.org/?a=1&amp;b" {REL}><strong>x &lt;b&gt;</strong></a></p>',
        ),
        ("[x](javascript:alert%281%29)", "<p>[x](javascript:alert%281%29)</p>"),
        (
            "<@&777> <@5> @here @hereby",
            (
                '<p><span class="mention">@role 777</span> <span class="mention">@user 5</span> '
                '<span class="mention">@here</span> @hereby</p>'
            ),
        ),
        ("`<@&777>` @\u200beveryone", "<p><code>&lt;@&amp;777&gt;</code> @\u200beveryone</p>"),
        ("<javascript:alert(1)> <a@b.c>", "<p>&lt;javascript:alert(1)&gt; &lt;a@b.c&gt;</p>"),
    ],
)
def test_discord_markdown_is_rendered(text: str, html: str) -> None:
    assert discord_html.block(text, NOON).strip() == html


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ("", "14 November 2023 22:13"),
        (":t", "22:13"),
        (":T", "22:13:20"),
        (":d", "14/11/2023"),
        (":D", "14 November 2023"),
        (":f", "14 November 2023 22:13"),
        (":F", "Tuesday, 14 November 2023 22:13"),
        (":R", "2 hours ago"),
    ],
)
def test_timestamp_is_rendered_in_each_style(style: str, words: str) -> None:
    now = datetime(2023, 11, 15, 0, 30, tzinfo=UTC)

    html = discord_html.inline(f"<t:1700000000{style}>", now)

    assert html == f'<span class="stamp">{words}</span>'


def test_out_of_range_timestamp_stays_text() -> None:
    assert discord_html.inline("<t:999999999999:R>", NOON) == "&lt;t:999999999999:R&gt;"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=-20), "a few seconds ago"),
        (timedelta(minutes=-1), "a minute ago"),
        (timedelta(hours=1), "in an hour"),
        (timedelta(days=-3), "3 days ago"),
    ],
)
def test_relative_time_is_worded_as_in_discord(span: timedelta, words: str) -> None:
    assert discord_html.relative(NOON + span, NOON) == words


PIECES = "<script> </p> ** __ _ ` ``` [x]( ) javascript: https://e.org/ \" ' onload= <t:1:R> &lt; < > | ~~"
LINES = ("\n", "> ", "\\", "- ", "# ", " ", " onload=")


@given(st.lists(st.sampled_from([*PIECES.split(), *LINES]), max_size=30).map("".join))
def test_any_text_renders_to_known_markup_only(text: str) -> None:
    known = {"p", "br", "strong", "em", "u", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "span"}

    tags = ParsedPage(discord_html.block(text, NOON)).tags

    assert {tag for tag, _ in tags} <= known
    assert {name for _, attrs in tags for name in attrs} <= {"class", "href", "rel", "start"}
    assert all(str(attrs["href"]).startswith(("https://", "http://")) for _, attrs in tags if "href" in attrs)


@pytest.mark.parametrize(
    ("inline", "sizes"),
    [([True] * 4, [3, 1]), ([True, False, True, True], [1, 1, 2]), ([False, False], [1, 1]), ([], [])],
)
def test_inline_fields_are_laid_out_three_to_a_row(inline: Sequence[bool], sizes: Sequence[int]) -> None:
    rows = discord_html.rows([{"inline": value} for value in inline])

    assert [len(row) for row in rows] == sizes
