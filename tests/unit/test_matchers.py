"""Alertmanager's matcher syntax, as people type and paste it."""

import contextlib
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.domain import matchers
from alert_router.domain.matchers import Matcher

OPERATORS = st.sampled_from(matchers.OPERATORS)
SYNTAX = st.lists(
    st.sampled_from(["a", "b.c", "=", "!=", "=~", "!~", '"', "\\", ",", "{", "}", " ", "n", "x41", "é", "|"]),
    max_size=12,
).map("".join)

CLASSIC_LISTS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "{"]),
    st.lists(
        st.builds(
            "{}{}{}".format,
            st.sampled_from(["a", " b_1 ", "ns:c"]),
            OPERATORS,
            st.text('ab\\n"t,{}| =~', min_size=1, max_size=5)
            | st.text("ab\\ ,}|", max_size=5).map('"{}"'.format),
        ),
        min_size=1,
        max_size=3,
    ).map(",".join),
    st.sampled_from(["", "}", ",}", " , "]),
)


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ('a="b"', Matcher("a", "=", "b")),
        ("a=b", Matcher("a", "=", "b")),
        (' a = "b" ', Matcher("a", "=", "b")),
        ('a!="b"', Matcher("a", "!=", "b")),
        ('a=~"b.*"', Matcher("a", "=~", "b.*")),
        ('a!~"b|c"', Matcher("a", "!~", "b|c")),
        ('a=""', Matcher("a", "=", "")),
        ("a=", Matcher("a", "=", "")),
        ("a=b,c=d", Matcher("a", "=", "b,c=d")),
        (r'a="say \"hi\" \\ \n"', Matcher("a", "=", 'say "hi" \\ \n')),
        ('a="x=~y"', Matcher("a", "=", "x=~y")),
        ('ns:a_1="b"', Matcher("ns:a_1", "=", "b")),
        ("a=~b{2}", Matcher("a", "=~", "b{2}")),
        ('{a="b"}', Matcher("a", "=", "b")),
        ("tricky=~~~", Matcher("tricky", "=~", "~~")),
        (r"trickier==\\=\=\"", Matcher("trickier", "=", r"=\=\=" + '"')),
        ('"http.status"="500"', Matcher("http.status", "=", "500")),
        ('{"label with space"=~".+"}', Matcher("label with space", "=~", ".+")),
        (r'"say \"hi\""="b"', Matcher('say "hi"', "=", "b")),
        ("name-with-dashes = bar", Matcher("name-with-dashes", "=", "bar")),
        ('1a="b"', Matcher("1a", "=", "b")),
        ("größe=🙂", Matcher("größe", "=", "🙂")),
        (r'"foo"="\xf0\x9f\x99\x82"', Matcher("foo", "=", "🙂")),
        (r'"foo"="\U0001f642 \u00e9 \101"', Matcher("foo", "=", "🙂 é A")),
        (r'"foo"="\a\b\f\n\r\t\v\\"', Matcher("foo", "=", "\a\b\f\n\r\t\v\\")),
    ],
)
def test_single_matcher_is_parsed(text: str, matcher: Matcher) -> None:
    assert matchers.parse(text) == matcher


@pytest.mark.parametrize(
    ("text", "value"),
    [(r'a="5\.."', r"5\.."), (r'a="b\t"', r"b\t"), (r'"a"="b\t"', "b\t"), (r"a=b\n", "b\n")],
)
def test_classic_escapes_win_where_grammars_differ(text: str, value: str) -> None:
    assert matchers.parse(text).value == value


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("", ()),
        ("{}", ()),
        ('{a="b", c=~"d|e"}', (Matcher("a", "=", "b"), Matcher("c", "=~", "d|e"))),
        ("a=b,c!=d", (Matcher("a", "=", "b"), Matcher("c", "!=", "d"))),
        ('{a="b", "c.d"!~"e",}', (Matcher("a", "=", "b"), Matcher("c.d", "!~", "e"))),
        ('{a="b,c", d="}"}', (Matcher("a", "=", "b,c"), Matcher("d", "=", "}"))),
        ("{a=,b=}}", (Matcher("a", "=", ""), Matcher("b", "=", "}"))),
        (r'a != "\"" , b !~ "c,d" , ', (Matcher("a", "!=", '"'), Matcher("b", "!~", "c,d"))),
    ],
)
def test_list_of_matchers_is_parsed(text: str, parsed: tuple[Matcher, ...]) -> None:
    assert matchers.parse_list(text) == parsed


def test_comma_and_escaped_quote_inside_quotes_end_no_matcher() -> None:
    parsed = matchers.parse_list(r'a="x,\"y,",b="c\\",d=e')

    assert parsed == (Matcher("a", "=", 'x,"y,'), Matcher("b", "=", "c\\"), Matcher("d", "=", "e"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected a label name at column 1"),
        ("a", "expected =, !=, =~ or !~ at column 2"),
        ('="b"', "expected a label name at column 1"),
        ('""="b"', "expected a label name that is not empty at column 1"),
        ('a="b', "unclosed quote at column 3"),
        ('"a=b', "unclosed quote at column 1"),
        ('a=b"', 'expected "," or the end at column 4'),
        ('a="b"c"', 'expected "," or the end at column 6'),
        ('{"a"="b"', 'expected "," or "}" at column 9'),
        ('{a="b",,}', "expected a label name at column 8"),
        (r'"a"="b\w"', "no such escape at column 7"),
        (r'"a"="\xf0\x9f"', "not valid UTF-8 at column 14"),
        (r'"a"="\ud800"', "not valid UTF-8 at column 6"),
        (r'"a"="\Uffffffff"', "not valid UTF-8 at column"),
        ("{}", "is a list of 0 matchers"),
        ('{a="b",c="d"}', "is a list of 2 matchers"),
        ('"a"="b","c"="d"', "expected one matcher at column 1"),
        ('a=~"("', "a=~\"(\": '(' is not a regular expression: missing )"),
        ('a!~"*"', "not a regular expression"),
        ('a=~"(?<=b)c"', "not a regular expression"),
    ],
)
def test_invalid_matcher_is_explained(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is the point
        matchers.parse(text)

    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("api", "api", True),
        ("api", "api-1", False),
        ("api", "my-api", False),
        ("a|b", "ab", False),
        ("a|b", "b", True),
        ("api.*", "api-1", True),
        ("", "", True),
        ("", "x", False),
    ],
)
def test_pattern_is_anchored_on_both_sides(pattern: str, value: str, matches: bool) -> None:
    assert matchers.parse(f'a=~"{pattern}"').matches({"a": value}) == matches


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('a="x"', True),
        ('a!="x"', False),
        ('a=~"x|y"', True),
        ('a!~"x|y"', False),
        ('b=""', True),
        ('b!=""', False),
        ('b=~".*"', True),
        ('b!~".+"', True),
    ],
)
def test_missing_label_is_the_empty_string(text: str, matches: bool) -> None:
    assert matchers.parse(text).matches({"a": "x"}) == matches


@given(OPERATORS.filter(lambda operator: "~" not in operator), st.text(min_size=1), st.text())
def test_written_matcher_parses_to_itself(operator: str, name: str, value: str) -> None:
    matcher = Matcher(name, operator, value)

    assert matchers.parse(str(matcher)) == matcher
    assert matchers.parse_list(f"{{{matcher}, {matcher}}}") == (matcher, matcher)


@given(SYNTAX | st.text(max_size=30))
def test_any_text_is_parsed_or_explained(text: str) -> None:
    with contextlib.suppress(ValueError):
        matcher = matchers.parse(text)

        assert matchers.parse(str(matcher)) == matcher


@pytest.mark.e2e
@given(SYNTAX | CLASSIC_LISTS)
def test_classic_lists_parse_as_in_alertmanager(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    shown = _shown_by_amtool(tmp_path_factory.getbasetemp() / "alertmanager.yml", text)

    if shown is not None:
        ordered = sorted(matchers.parse_list(text), key=_alertmanagers_order)
        assert f"{{{','.join(map(str, ordered))}}}" == shown


def _alertmanagers_order(matcher: Matcher) -> tuple[str, str, int]:
    return matcher.name, matcher.value, ["=", "!=", "=~", "!~"].index(matcher.operator)


def _shown_by_amtool(path: Path, text: str) -> str | None:
    """How Alertmanager 0.25, which knows the classic grammar, writes the list; None when it refuses it."""
    route = {"receiver": "default", "routes": [{"receiver": "other", "matchers": [text]}]}
    path.write_text(json.dumps({"route": route, "receivers": [{"name": "default"}, {"name": "other"}]}))
    command = ["amtool", "config", "routes", "show", "--config.file", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        return None
    line = next(line for line in run.stdout.splitlines() if "receiver: other" in line)
    return line.partition("── ")[2].rpartition("  receiver: ")[0].replace("default-route", "{}")
