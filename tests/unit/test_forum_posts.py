"""The post that an incident's first message opens in a forum."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.config.configuration import Forum
from alert_router.discord.forum_posts import ForumPosts
from alert_router.domain.model import CardState, DigestCount, DigestState
from alert_router.domain.severity import Severity
from testbed.factories import API_DOWN, at, make_alert, make_state

TAGS = {"critical": "11", "warning": "12", "firing": "21", "resolved": "22", "acknowledged": "23"}


def down(**labels: str) -> CardState:
    return make_state(make_alert({**API_DOWN, **labels}))


def title(template: str, state: CardState) -> Any:
    return ForumPosts(Forum(template)).opening(state)["thread_name"]


@pytest.mark.parametrize(
    ("template", "labels", "expected"),
    [
        ("{{ name }} · {{ cluster }}", {"cluster": "eu"}, "ApiDown · eu"),
        ("{{ name }} · {{ cluster }}", {}, "ApiDown"),
        ("[{{ severity }}] {{ name }} {{ status }}", {}, "[critical] ApiDown firing"),
        ("{{ labels['k8s.pod'] }} {{ labels.instance }}", {"k8s.pod": "p-1"}, "p-1 api-1"),
        ("{{ name }}\n\t{{ instance }}", {}, "ApiDown api-1"),
        ("{{ cluster.nothing.more }}", {}, "ApiDown"),
        ("{{ name }}", {"name": "a label"}, "ApiDown"),
        ("{{ name }}", {"alertname": "@everyone <@&7> **b**"}, "@everyone <@&7> **b**"),
        ("{{ 'x' * 300 }}", {}, "x" * 99 + "…"),
        ("{{ name }}", {"alertname": " "}, "Alert"),
    ],
)
def test_title_is_rendered_from_the_alert(template: str, labels: dict[str, str], expected: str) -> None:
    assert title(template, down(**labels)) == expected


@pytest.mark.parametrize(
    "template",
    ["{{ 1 / 0 }}", "{{ name.missing() }}", "{{ ''.__class__.__mro__ }}", "{% include 'x' %}", "{{ ' ' }}"],
)
def test_failing_title_falls_back_to_the_alerts_name(template: str) -> None:
    assert title(template, down()) == "ApiDown"


def test_label_in_which_the_alerts_differ_is_empty_in_the_title() -> None:
    state = make_state(
        make_alert(API_DOWN), make_alert({**API_DOWN, "instance": "api-2", "cluster": "eu"}, id=2)
    )

    assert title("{{ name }} {{ instance }}", state) == "ApiDown"


@pytest.mark.parametrize(
    ("ends_at", "acknowledged_by", "expected"),
    [(None, None, ["11", "21"]), (at(5), None, ["11", "22"]), (None, "Ada", ["11", "21", "23"])],
)
def test_tags_are_those_of_severity_and_status(
    ends_at: Any, acknowledged_by: str | None, expected: list[str]
) -> None:
    state = make_state(make_alert(API_DOWN, ends_at=ends_at))
    state = replace(state, incident=replace(state.incident, acknowledged_by=acknowledged_by))

    assert ForumPosts(Forum("{{ name }}", TAGS)).opening(state)["applied_tags"] == expected


def test_same_tag_for_two_things_is_applied_once() -> None:
    posts = ForumPosts(Forum("{{ name }}", {"critical": "1", "firing": "1"}))

    assert posts.opening(down())["applied_tags"] == ["1"]


def test_post_without_a_matching_tag_has_none() -> None:
    assert "applied_tags" not in ForumPosts(Forum("{{ name }}", {"info": "1"})).opening(down())


def test_title_of_a_storm_has_no_counts() -> None:
    counts = (DigestCount("DiskFull", "warning", 3, 0, Severity.WARNING),)
    state = DigestState(at(1), None, 2, counts, (), at(0))

    opening = ForumPosts(Forum("{{ name }}", TAGS)).opening(state)

    assert opening == {"thread_name": "⛈️ Storm of 2026-09-24 12:01 UTC", "applied_tags": ["12", "21"]}


@given(st.text(max_size=200), st.text(max_size=200))
def test_title_is_never_empty_or_too_long(name: str, cluster: str) -> None:
    text = title("{{ name }} · {{ cluster }}", down(alertname=name, cluster=cluster))

    assert 1 <= len(text.strip()) <= 100
