"""The filters of /alerts in words, and the links that change them."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from alert_router.web import alert_filters, filter_summary
from alert_router.web.alert_filters import Query
from testbed.factories import NOON


def query_of(query: str = "", now: datetime = NOON) -> Query:
    return alert_filters.parse(QueryParams(query), now)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "All alerts, newest first"),
        ("limit=5", "All alerts, newest first"),
        (
            "status=firing&severity=critical&since=24h",
            "Firing critical alerts of the last 24 hours, newest first",
        ),
        ("since=90m", "All alerts of the last 90 minutes, newest first"),
        ("since=1w", "All alerts of the last week, newest first"),
        ("alertname=ApiDown&source=events", "All alerts named ApiDown from events, newest first"),
        (
            "match=a%3D1&match=b!~x.*&q=disk",
            'All alerts with a="1" and b!~"x.*" containing “disk”, newest first',
        ),
    ],
)
def test_filters_are_summarized_in_words(query: str, words: str) -> None:
    assert filter_summary.in_words(query_of(query), NOON) == words


def test_time_range_is_summarized_with_its_limits() -> None:
    query = query_of("since=2020-01-02T03:04:00Z&until=2020-01-03T00:00:00Z")

    words = filter_summary.in_words(query, NOON)

    assert words == ("All alerts since 2 Jan 2020, 03:04 UTC and before 3 Jan 2020, 00:00 UTC, newest first")


def test_chip_link_removes_only_its_filter() -> None:
    query = query_of("status=firing&match=a%3D1&match=b%3D2&limit=5")

    chips = filter_summary.chips(query)

    assert [chip.text for chip in chips] == ["status: firing", "a=1", "b=2"]
    assert chips[1].without_url == "/alerts?status=firing&match=b%3D2&limit=5"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_label_link_matches_exactly_that_label(value: str) -> None:
    url = filter_summary.with_label(None, "instance", value)

    assert url is not None
    (matcher,) = query_of(url.partition("?")[2]).filters.matchers
    assert (matcher.name, matcher.operator, matcher.value) == ("instance", "=", value)


def test_empty_severity_link_filters_by_empty_severity() -> None:
    filters = query_of(filter_summary.severity_url("").partition("?")[2]).filters

    assert [str(matcher) for matcher in filters.matchers] == ['severity=""']


def test_label_link_does_not_repeat_an_active_matcher() -> None:
    query = query_of("match=" + 'a%3D"1"')

    assert filter_summary.with_label(query, "a", "1") == "/alerts?match=a%3D%221%22"


def test_label_name_outside_ascii_words_is_quoted_in_the_link() -> None:
    assert filter_summary.with_label(None, "a.b/c", "1") == "/alerts?match=%22a.b%2Fc%22%3D%221%22"


def test_feed_has_the_filters_and_nothing_else() -> None:
    query = query_of("status=firing&order=worst&limit=5")

    assert filter_summary.atom_url(query) == "/alerts.atom?status=firing"


def test_link_to_an_empty_alertname_matches_the_empty_label() -> None:
    url = filter_summary.alertname_url("", "30d")

    (matcher,) = query_of(url.partition("?")[2]).filters.matchers
    assert str(matcher) == 'alertname=""'
