"""Formats of the pages: times, durations, severities, links."""

from datetime import datetime

import pytest

from alert_router.domain.model import TransitionKind
from alert_router.web import jinja_filters
from alert_router.web.metrics import DELIVERY_OUTCOMES
from testbed.factories import NOON, at


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOON, "just now"),
        (at(-12), "12 min ago"),
        (at(-125), "2 h 5 min ago"),
        (at(0.5), "just now"),
        (at(-0.25), "15 s ago"),
        (at(3), "in 3 min"),
    ],
)
def test_ago_handles_past_and_future_times(moment: datetime, words: str) -> None:
    assert jinja_filters.ago(moment, NOON) == words


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOON.replace(hour=3, minute=2), "03:02 UTC"),
        (NOON.replace(day=1, month=1), f"1 Jan {NOON:%H:%M} UTC"),
        (NOON.replace(year=2019, day=5, month=2), f"5 Feb 2019, {NOON:%H:%M} UTC"),
    ],
)
def test_clock_shows_only_the_needed_part_of_the_date(moment: datetime, words: str) -> None:
    now = NOON.replace(day=22, month=11)
    moment = moment if moment.month in (1, 2) else moment.replace(day=22, month=11)

    assert jinja_filters.clock(moment, now) == words


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//host/x",
        "https://",
        "https://a b",
        "https://a\n",
        "",
        "http://[",
    ],
)
def test_web_url_rejects_anything_but_http_urls(text: str) -> None:
    assert jinja_filters.web_url(text) is None


def test_web_url_accepts_any_host() -> None:
    for url in ("http://alertmanager:9093/#/alerts", "https://example.org/a?b=c"):
        assert jinja_filters.web_url(url) == url


def test_unknown_severity_is_drawn_as_the_one_it_ranks_with() -> None:
    assert jinja_filters.rank_name("disaster") == "warning"
    assert [name for name, _ in jinja_filters.by_rank({"info": 1, "disaster": 2, "page": 3})] == [
        "page",
        "disaster",
        "info",
    ]


def test_every_transition_kind_has_a_description() -> None:
    assert set(jinja_filters.TRANSITIONS) == {kind.value for kind in TransitionKind}
    assert jinja_filters.words("some_new_kind", jinja_filters.TRANSITIONS) == "some new kind"


def test_every_delivery_outcome_has_a_description() -> None:
    assert set(jinja_filters.OUTCOMES) == set(DELIVERY_OUTCOMES)
