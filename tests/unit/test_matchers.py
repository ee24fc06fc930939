"""Alertmanager's matcher syntax, as people type it."""

import contextlib

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from alert_router.domain import matchers
from alert_router.domain.matchers import Matcher


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
        (r'a="say \"hi\" \\ \n"', Matcher("a", "=", 'say "hi" \\ \n')),
        ('a="x=~y"', Matcher("a", "=", "x=~y")),
        ('ns:a_1="b"', Matcher("ns:a_1", "=", "b")),
    ],
)
def test_a_matcher_is_read_as_alertmanager_reads_it(text: str, matcher: Matcher) -> None:
    assert matchers.parse(text) == matcher


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a matcher"),
        ("a", "not a matcher"),
        ('1a="b"', "not a matcher"),
        ('="b"', "not a matcher"),
        ('a="b', "no closing quote"),
        ('a=b"', "quote inside"),
        ('a="b"c"', "no closing quote"),
        ('a=~"("', "not a regular expression"),
        ('a!~"*"', "not a regular expression"),
        ('a=~"(?<=b)c"', "not a regular expression"),
    ],
)
def test_what_is_no_matcher_is_explained(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        matchers.parse(text)


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
def test_a_pattern_is_anchored_on_both_sides(pattern: str, value: str, matches: bool) -> None:
    found = re2.search(matchers.parse(f'a=~"{pattern}"').pattern, value)

    assert bool(found) == matches


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
def test_a_missing_label_is_the_empty_string(text: str, matches: bool) -> None:
    assert matchers.parse(text).matches({"a": "x"}) == matches


@given(st.sampled_from(["=", "!="]), st.text())
def test_what_is_written_is_read_back(operator: str, value: str) -> None:
    matcher = Matcher("a", operator, value)

    assert matchers.parse(str(matcher)) == matcher


@given(st.text(max_size=30))
def test_no_text_raises_anything_but_an_explanation(text: str) -> None:
    with contextlib.suppress(ValueError):
        matchers.parse(text)
