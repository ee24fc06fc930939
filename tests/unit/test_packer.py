"""Discord accepts every packed message, and what does not fit is counted."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alert_router.discord import limits, packer
from alert_router.discord.markdown import FENCE
from alert_router.discord.packer import Button, CardText, Draft, Field, Opening
from alert_router.domain.model import NOBODY, Mentions
from testbed.factories import NOON
from testbed.fakes.discord import limits as published
from testbed.fakes.discord import openapi
from testbed.fakes.discord.acceptance import refusals, shapes
from testbed.fakes.discord.mentions import Pings, pings

ALL_URL = "https://router.example.org/alerts/17"
Payload = Mapping[str, Any]


def make_draft(**changes: Any) -> Draft:
    values: dict[str, Any] = {
        "title": "ApiDown",
        "color": 0xE5484D,
        "lines": ["The API is down"],
        "fields": [Field("Severity", "critical")],
        "footer": "alert-router",
        "timestamp": NOON,
        "buttons": [Button("History", ALL_URL)],
        "all_url": ALL_URL,
    } | changes
    text = CardText(**{name: values.pop(name) for name in ("title", "lines", "fields", "footer")})
    return Draft(text, **values)


def lines_of(count: int, length: int = 60) -> list[str]:
    """All of them different."""
    return [f"line-{n}-".ljust(length, "x") for n in range(count)]


def descriptions(payload: Payload) -> str:
    return "\n".join(embed.get("description", "") for embed in payload["embeds"])


def counted(payload: Payload, what: str) -> int:
    count = re.search(rf"(\d+) more {what}s?(?: and|:)", descriptions(payload))
    return int(count[1]) if count else 0


def goes_on(payload: Payload) -> bool:
    return "… the text goes on" in descriptions(payload)


SIZES = st.sampled_from(
    [
        0,
        1,
        2,
        79,
        80,
        81,
        255,
        256,
        257,
        1023,
        1024,
        1025,
        1897,
        1898,
        1899,
        2048,
        3796,
        3797,
        4096,
        5999,
        6000,
        6001,
    ]
)
CHARS = st.sampled_from(["x", "🚲", "\\*", " ", "é "])
TEXTS = st.builds(lambda size, char: (char * size)[:size], SIZES | st.integers(0, 300), CHARS)
URLS = st.builds(
    lambda host, size: f"https://{host}/".ljust(size, "u"),
    st.sampled_from(["router.example.org", "alertmanager", "10.0.0.1"]),
    st.sampled_from([30, 250, 511, 512, 513, 1000, 2047, 2048, 2049]),
)
DRAFTS = st.builds(
    make_draft,
    title=TEXTS,
    lines=st.lists(TEXTS, max_size=12) | st.builds(lines_of, st.integers(0, 130), st.integers(12, 200)),
    fields=st.lists(st.builds(Field, TEXTS, TEXTS, st.booleans()), max_size=30),
    footer=TEXTS,
    title_url=URLS | st.just(""),
    buttons=st.lists(st.builds(Button, TEXTS.map(lambda text: text.strip() or "Link"), URLS), max_size=8),
    all_url=URLS,
)


IDS = st.lists(st.integers(1, 2**63).map(str), max_size=100).map(tuple)
OPENINGS = st.builds(
    Opening,
    st.text(min_size=1, max_size=300).map(lambda text: f"!{text}"),
    st.builds(Mentions, IDS, IDS, st.booleans()),
    st.booleans(),
    st.just({"thread_name": "ApiDown", "applied_tags": ["11", "22"]}) | st.just({}),
)


def messages(draft: Draft, opening: Opening) -> Iterator[Payload]:
    """As an edit and as a create, whole and degraded."""
    for body in shapes(packer.pack(draft)):
        yield body
        yield packer.opened(body, opening)


@given(DRAFTS)
@example(make_draft(title="", lines=[], fields=[], footer="", buttons=[]))
@example(make_draft(lines=[" ", "", "\u3000"]))
@example(make_draft(lines=["x" * 1898, "y" * 1897, ""], fields=[], footer=""))
@example(
    make_draft(
        title="t" * 256,
        footer="f" * 2048,
        fields=[Field("n" * 256, "v" * 1024)] * 30,
        lines=lines_of(130, 200),
    )
)
@example(make_draft(lines=["x"] * 4000))
@example(
    make_draft(
        fields=[Field("n", "v")] * 26, buttons=[Button("Silence", "https://a.example/".ljust(600, "s"))]
    )
)
def test_every_message_is_accepted_whole_or_degraded(draft: Draft) -> None:
    for payload in messages(draft, Opening("ApiDown", NOBODY)):
        assert refusals(payload) == []


@given(DRAFTS, OPENINGS)
@settings(max_examples=settings.default.max_examples // 5 if settings.default else 10)
def test_every_message_matches_discords_openapi(draft: Draft, opening: Opening) -> None:
    for payload in messages(draft, opening):
        assert refusals(payload) == []
        assert openapi.validate_execute(payload) in ([], None)


@given(DRAFTS)
def test_edit_sends_no_content_and_mentions_nobody(draft: Draft) -> None:
    body = packer.pack(draft)

    assert openapi.validate_edit(body) in ([], None)
    assert body.keys() == {"embeds", "components", "allowed_mentions"}
    assert all(payload["allowed_mentions"] == {"parse": []} for payload in shapes(body))


@given(DRAFTS, OPENINGS, st.sampled_from(["@everyone", "@here", "<@&777>", "<@5>", "`<@!5>`"]))
def test_only_the_openings_people_are_notified(draft: Draft, opening: Opening, text: str) -> None:
    hostile = replace(draft, text=replace(draft.text, lines=[f"https://x.org/{text}", text]))
    opening = replace(opening, line=f"{opening.line} {text}")

    for body in shapes(packer.pack(hostile)):
        edit = pings([body.get("content", "")], body["allowed_mentions"])
        payload = packer.opened(body, opening)
        create = pings([payload["content"]], payload["allowed_mentions"])
        assert edit == Pings()
        assert set(create.roles) <= set(opening.mentions.roles)
        assert set(create.users) <= set(opening.mentions.users)
        assert (create.everyone, create.here) == (False, opening.mentions.here)


def test_opening_stands_before_the_text_of_a_plain_message() -> None:
    body = packer.plain(packer.pack(make_draft()))

    payload = packer.opened(body, Opening("🔴 ApiDown", Mentions(roles=("777",)), silent=True))

    assert payload["content"].splitlines()[:2] == ["<@&777> 🔴 ApiDown", "**ApiDown**"]
    assert payload["allowed_mentions"] == {"parse": [], "roles": ["777"], "users": []}
    assert payload["flags"] == 4096


@pytest.mark.parametrize(
    ("mentions", "content", "allowed"),
    [
        (NOBODY, "x", {"parse": []}),
        (Mentions(roles=("7", "8")), "<@&7> <@&8> x", {"parse": [], "roles": ["7", "8"], "users": []}),
        (Mentions(users=("5", "5")), "<@5> x", {"parse": [], "roles": [], "users": ["5"]}),
        (
            Mentions(("7",), ("5",), here=True),
            "@here <@&7> <@5> x",
            {"parse": ["everyone"], "roles": ["7"], "users": ["5"]},
        ),
    ],
)
def test_allowed_mentions_are_exactly_the_routes(mentions: Mentions, content: str, allowed: Payload) -> None:
    payload = packer.opened(packer.pack(make_draft()), Opening("x", mentions))

    assert (payload["content"], payload["allowed_mentions"]) == (content, allowed)
    assert refusals(payload) == []


def test_mentions_leave_room_for_the_line() -> None:
    crowd = Mentions(roles=tuple(str(10**18 + n) for n in range(100)))

    payload = packer.opened(packer.pack(make_draft()), Opening("🔴 ApiDown", crowd))

    assert payload["content"].endswith("🔴 ApiDown")
    assert len(payload["allowed_mentions"]["roles"]) == payload["content"].count("<@&") > 50


@given(st.integers(0, 300), st.integers(12, 400), st.integers(0, 30))
@example(100, 58, 0)
def test_lines_are_shown_in_order_and_a_cut_is_shown(count: int, length: int, fields: int) -> None:
    lines = lines_of(count, length)

    payload = packer.pack(make_draft(lines=lines, fields=[Field("n" * 50, "v" * 200)] * fields))

    text = descriptions(payload)
    shown = [line for line in lines if line in text.split("\n")]
    assert shown == lines[: len(shown)]
    assert goes_on(payload) == (len(shown) < count)
    assert (ALL_URL in text) == (goes_on(payload) or counted(payload, "field") > 0)


@given(st.integers(0, 40), st.integers(1, 1100))
def test_fields_are_shown_or_counted(count: int, length: int) -> None:
    payload = packer.pack(make_draft(fields=[Field(f"n{n}", "v" * length) for n in range(count)], buttons=[]))

    shown = payload["embeds"][0].get("fields", [])
    assert counted(payload, "field") == count - len(shown)


def test_blank_lines_at_the_end_are_no_text_that_goes_on() -> None:
    assert not goes_on(packer.pack(make_draft(lines=[*lines_of(3), *[""] * 6000])))


@given(st.integers(1, 400), st.integers(1, 300))
def test_code_block_is_closed_wherever_it_is_cut(count: int, length: int) -> None:
    code = [f"    {n} ".ljust(length, "x") for n in range(count)]

    payload = packer.pack(make_draft(lines=["before", FENCE, *code, FENCE, "after"]))

    assert refusals(payload) == []
    for embed in payload["embeds"]:
        assert embed["description"].count(FENCE) % 2 == 0
        assert f"{FENCE}\n{FENCE}" not in embed["description"]
    assert "    0 " in descriptions(payload)


@pytest.mark.parametrize("mark", ["**", "__", "~~", "||"])
def test_markup_is_closed_and_opened_again_where_a_line_is_split(mark: str) -> None:
    payload = packer.pack(make_draft(lines=[f"{mark}{'word ' * 1000}{mark}"]))

    pieces = [piece for embed in payload["embeds"] for piece in embed["description"].split("\n")]
    assert len(pieces) > 2
    assert all(piece.count(mark) % 2 == 0 for piece in pieces)


@pytest.mark.parametrize(
    ("length", "pages"), [(10, 1), (1898, 1), (3795, 1), (3796, 2), (3798, 2), (5000, 2)]
)
def test_line_longer_than_an_embed_continues_in_the_next(length: int, pages: int) -> None:
    payload = packer.pack(make_draft(lines=["x" * length], fields=[], buttons=[]))

    assert len(payload["embeds"]) == pages
    assert descriptions(payload).count("x") == length


def test_long_line_is_split_at_a_space_outside_markup() -> None:
    span = "`" + "a b " * 49 + "`"
    line = " ".join([span] * 25)

    payload = packer.pack(make_draft(lines=[line], fields=[], buttons=[]))

    pieces = [piece for embed in payload["embeds"] for piece in embed["description"].split("\n")]
    assert all(piece.count("`") % 2 == 0 for piece in pieces)


@pytest.mark.parametrize("hidden", ["# BIG", "- item", "1. item", "-# small"])
def test_split_line_cannot_start_a_heading(hidden: str) -> None:
    line = f"{'x ' * 949}{hidden} rest"

    payload = packer.pack(make_draft(lines=[line]))

    assert not any(part.startswith(hidden) for part in descriptions(payload).split("\n"))
    assert "rest" in descriptions(payload)


def test_escape_is_never_split() -> None:
    payload = packer.pack(make_draft(lines=["\\*" * 3000], fields=[], buttons=[]))

    text = descriptions(payload)
    assert re.sub(r"\\\*", "", text.split("…")[0]).strip() == ""


@pytest.mark.parametrize(
    ("length", "as_button", "as_text"),
    [(512, True, False), (513, False, True), (900, False, True), (1100, False, False), (2049, False, False)],
)
def test_link_too_long_for_a_button_is_shown_as_text_or_counted(
    length: int, as_button: bool, as_text: bool
) -> None:
    url = "https://a.example/".ljust(length, "s")

    payload = packer.pack(make_draft(buttons=[Button("Silence", url)]))

    shown = [button["url"] for row in payload["components"] for button in row["components"]]
    assert (shown == [url]) == as_button
    assert any(url in field["value"] for field in payload["embeds"][0]["fields"]) == as_text
    assert ("… 1 more link: [all of it]" in descriptions(payload)) == (not as_button and not as_text)


def test_more_buttons_than_a_row_has_are_a_second_row_and_then_text() -> None:
    buttons = [Button(f"B{n}", f"https://a.example/{n}") for n in range(11)]

    payload = packer.pack(make_draft(buttons=[Button("Dotless", "http://alertmanager:9093"), *buttons]))

    rows = [[button["label"] for button in row["components"]] for row in payload["components"]]
    assert rows == [[f"B{n}" for n in range(5)], [f"B{n}" for n in range(5, 10)]]
    assert payload["embeds"][0]["fields"][-1] == {
        "name": "Links",
        "value": "Dotless `http://alertmanager:9093` · [B10](https://a.example/10)",
        "inline": False,
    }
    assert refusals(payload) == []


def test_plain_text_keeps_everything_that_fits() -> None:
    payload = packer.plain(packer.pack(make_draft(lines=["one", "two"])))

    assert payload["content"] == "**ApiDown**\none\ntwo\nSeverity: critical"
    assert (payload["embeds"], payload["components"]) == ([], [])


def test_limits_equal_discords() -> None:
    assert (limits.TITLE_CHARS, limits.DESCRIPTION_CHARS) == (
        published.EMBED_TITLE_CHARS,
        published.EMBED_DESCRIPTION_CHARS,
    )
    assert (limits.FIELDS, limits.EMBEDS, limits.MESSAGE_CHARS) == (
        published.EMBED_FIELDS,
        published.EMBEDS,
        published.EMBED_TOTAL_CHARS,
    )
    assert (limits.FIELD_NAME_CHARS, limits.FIELD_VALUE_CHARS) == (
        published.EMBED_FIELD_NAME_CHARS,
        published.EMBED_FIELD_VALUE_CHARS,
    )
    assert (limits.FOOTER_CHARS, limits.CONTENT_CHARS) == (
        published.EMBED_FOOTER_CHARS,
        published.CONTENT_CHARS,
    )
    assert (limits.URL_CHARS, limits.BUTTON_URL_CHARS, limits.BUTTON_LABEL_CHARS) == (
        published.URL_CHARS,
        published.BUTTON_URL_CHARS,
        published.BUTTON_LABEL_CHARS,
    )
    assert limits.BUTTONS == published.ROW_BUTTONS
    assert (limits.THREAD_NAME_CHARS, limits.APPLIED_TAGS) == (
        published.THREAD_NAME_CHARS,
        published.APPLIED_TAGS,
    )
