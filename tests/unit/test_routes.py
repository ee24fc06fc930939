"""The tree of routes: targets as in Alertmanager, the trace that explains them, routes nothing reaches."""

import json
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.domain import matchers, routes
from alert_router.domain.model import ChannelName
from alert_router.domain.notify_values import Policy
from alert_router.domain.routes import Mentions, Route, RoutePolicy, StepResult
from alert_router.domain.severity import Severity
from alert_router.domain.unreachable import unreachable

OPS = RoutePolicy(mentions={Severity.CRITICAL: Mentions(roles=("777",))})
SHOP = RoutePolicy(mentions={Severity.CRITICAL: Mentions(roles=("888",))})


def tree(channel: str, *children: Route, match: str = "", go_on: bool = False, **fields: Any) -> Route:
    return Route(
        ChannelName(channel),
        matchers=matchers.parse_list(match),
        continue_=go_on,
        routes=tuple(children),
        **fields,
    )


def placed(route: Route, path: tuple[int, ...] = ()) -> Route:
    children = tuple(placed(child, (*path, index)) for index, child in enumerate(route.routes))
    return Route(route.channel, route.policy, route.matchers, route.continue_, children, path)


TEAMS = placed(
    tree(
        "ops",
        tree(
            "shop",
            tree("shop-night", match='severity="critical"', go_on=True),
            tree("ops", match='region="eu"'),
            match='team="shop"',
            policy=SHOP,
        ),
        tree("audit", match='severity=~"critical|error"', go_on=True),
        tree("board", match='severity="critical"'),
        policy=OPS,
    )
)


def channels(root: Route, **labels: str) -> list[str]:
    return [target.channel for target in routes.resolve(root, labels)]


@pytest.mark.parametrize(
    ("labels", "chosen"),
    [
        ({}, ["ops"]),
        ({"team": "shop"}, ["shop"]),
        ({"team": "shop", "severity": "critical"}, ["shop-night"]),
        ({"team": "shop", "severity": "critical", "region": "eu"}, ["shop-night", "ops"]),
        ({"severity": "critical"}, ["audit", "board"]),
        ({"severity": "error"}, ["audit"]),
        ({"severity": "info"}, ["ops"]),
    ],
)
def test_first_match_ends_the_walk_unless_it_continues(labels: dict[str, str], chosen: list[str]) -> None:
    assert channels(TEAMS, **labels) == chosen


def test_root_takes_what_no_matcher_of_its_own_excludes() -> None:
    assert channels(tree("ops", match="a=b")) == ["ops"]


def test_first_of_two_routes_to_one_channel_decides_how() -> None:
    root = placed(
        tree("ops", tree("shop", match="a=1", go_on=True, policy=SHOP), tree("shop", policy=OPS), policy=OPS)
    )

    (target,) = routes.resolve(root, {"a": "1"})

    assert target.policy is SHOP
    assert target.route.name == "route.routes[0]"


def test_channel_named_by_the_sender_keeps_the_policy_of_its_route() -> None:
    shop = routes.target_in(TEAMS, ChannelName("shop"), {"team": "shop"})
    other = routes.target_in(TEAMS, ChannelName("board"), {"team": "shop"})

    assert (shop.channel, shop.policy) == ("shop", SHOP)
    assert (other.channel, other.policy) == ("board", OPS)


def test_trace_says_why_each_route_was_left_or_taken() -> None:
    root = placed(
        tree(
            "ops",
            tree("a", tree("a2", match="b=2"), match="a=1", go_on=True),
            tree("a"),
            tree("c"),
        )
    )

    steps = routes.trace(root, {"a": "1"})

    assert [(step.route.name, step.result) for step in steps] == [
        ("route", StepResult.CHILD_CHOSEN),
        ("route.routes[0]", StepResult.TARGET),
        ("route.routes[0].routes[0]", StepResult.MISMATCH),
        ("route.routes[1]", StepResult.SAME_CHANNEL),
        ("route.routes[2]", StepResult.NOT_REACHED),
    ]
    assert str(steps[2].mismatch) == 'b="2"'


def test_severity_without_an_entry_mentions_nobody() -> None:
    assert OPS.mentions_for(Severity.CRITICAL).roles == ("777",)
    assert not OPS.mentions_for(Severity.ERROR)


@pytest.mark.parametrize(("severity", "silent"), [(Severity.INFO, True), (Severity.WARNING, False)])
def test_silent_goes_up_to_a_severity(severity: Severity, *, silent: bool) -> None:
    assert RoutePolicy(silent=Severity.INFO).is_silent(severity) == silent
    assert not RoutePolicy().is_silent(severity)


def test_default_policy_is_the_notify_rules() -> None:
    assert RoutePolicy().notify == Policy()


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        ("", "a=1", True),
        ("a=1", "a=1", True),
        ("a=1", "a=1,b=2", True),
        ("a=1,b=2", "a=1", False),
        ("a=1", "a=2", False),
        ('a=~"1|2"', "a=1", True),
        ('a=~"(1|2)"', "a=1", True),
        ('a=~"1|2|3"', 'a=~"1|3"', True),
        ('a=~"1|2"', 'a=~"1|3"', False),
        ('a=~"1|3"', 'a=~"1|2|3",a!=2', True),
        ("a!=2", "a=1", True),
        ('a=~"1.*"', "a=12", True),
        ('a=~"1.*"', 'a=~"1.*",b=1', True),
        ('a=~"1.*"', 'a=~"12.*"', False),  # true, but not proven
        ('a=~".*"', "", True),
        ('a=""', "b=1", False),
    ],
)
def test_route_behind_a_wider_sibling_is_unreachable(earlier: str, later: str, *, covered: bool) -> None:
    root = placed(tree("ops", tree("a", match=earlier), tree("b", match=later)))

    (first, second) = root.routes
    assert [(problem.route, problem.covered_by) for problem in unreachable(root)] == (
        [(second, first)] if covered else []
    )


def test_sibling_that_continues_covers_nothing() -> None:
    assert unreachable(placed(tree("ops", tree("a", go_on=True), tree("b", match="a=1")))) == ()


@pytest.mark.parametrize("match", ["a=1,a=2", 'a=1,a!~"1"', 'a=~"1|2",a="3"'])
def test_route_whose_matchers_exclude_each_other_is_unreachable(match: str) -> None:
    (problem,) = unreachable(placed(tree("ops", tree("a", match=match))))

    assert problem.covered_by is None


def test_conditions_of_the_parents_count() -> None:
    root = placed(
        tree("ops", tree("a", tree("b", match='team=~"x|y"'), tree("c", match="d=1"), match="team=x"))
    )

    assert [problem.route.channel for problem in unreachable(root)] == ["c"]


MATCH = st.lists(
    st.sampled_from(
        ["a=1", "a!=1", "a=2", 'a=~"1|2"', 'a!~"1"', "b=1", 'b=~".+"', 'b=""', 'b=~"1.*"', 'a=~"(1|3)"']
    ),
    max_size=2,
).map(",".join)
CHANNELS = st.sampled_from(["ops", "shop", "board", "night"])
NODES = st.recursive(
    st.builds(
        lambda channel, match, go_on: tree(channel, match=match, go_on=go_on), CHANNELS, MATCH, st.booleans()
    ),
    lambda children: st.builds(
        lambda channel, match, go_on, below: tree(channel, *below, match=match, go_on=go_on),
        CHANNELS,
        MATCH,
        st.booleans(),
        st.lists(children, max_size=3),
    ),
    max_leaves=8,
)
TREES = st.lists(NODES, max_size=4).map(lambda nodes: placed(tree("root", *nodes)))
LABELS = st.fixed_dictionaries(
    {}, optional={"a": st.sampled_from(["1", "2", "3", "12"]), "b": st.sampled_from(["1", "12", "2"])}
)


@given(TREES, LABELS)
def test_targets_are_those_of_a_naive_walk(root: Route, labels: dict[str, str]) -> None:
    assert channels(root, **labels) == list(dict.fromkeys(_naive(root, labels)))


def _naive(route: Route, labels: dict[str, str]) -> list[str]:
    """Alertmanager's algorithm, written over the documentation: every branch asked, then cut."""
    answers = [
        (child, _naive(child, labels))
        for child in route.routes
        if all(matcher.matches(labels) for matcher in child.matchers)
    ]
    last = next((index for index, (child, _) in enumerate(answers) if not child.continue_), len(answers))
    return [channel for _, chosen in answers[: last + 1] for channel in chosen] or [route.channel]


@given(TREES, LABELS)
def test_trace_agrees_with_the_targets(root: Route, labels: dict[str, str]) -> None:
    steps = routes.trace(root, labels)

    visited = [step.route for step in steps]
    assert visited == [route for route in routes.walk(root) if route in visited]
    chosen = [step.route.channel for step in steps if step.result is StepResult.TARGET]
    assert chosen == channels(root, **labels)


@given(TREES, LABELS)
def test_no_label_set_reaches_an_unreachable_route(root: Route, labels: dict[str, str]) -> None:
    paths = [problem.route.path for problem in unreachable(root)]

    for target in routes.resolve(root, labels):
        assert not any(target.route.path[: len(path)] == path for path in paths)


@pytest.mark.e2e
@given(TREES, LABELS)
def test_targets_are_those_of_alertmanager(
    tmp_path_factory: pytest.TempPathFactory, root: Route, labels: dict[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "alertmanager.yml"
    names = ["root", "ops", "shop", "board", "night"]
    path.write_text(
        json.dumps({"route": _as_alertmanager(root), "receivers": [{"name": name} for name in names]})
    )
    command = ["amtool", "config", "routes", "test", "--config.file", str(path)]
    run = subprocess.run(
        [*command, *(f"{name}={value}" for name, value in labels.items())],
        capture_output=True,
        text=True,
        check=True,
    )

    assert channels(root, **labels) == list(dict.fromkeys(run.stdout.strip().split(",")))


def _as_alertmanager(route: Route) -> dict[str, Any]:
    node: dict[str, Any] = {
        "receiver": route.channel,
        "routes": [_as_alertmanager(child) for child in route.routes],
    }
    if route.path:
        node |= {"matchers": [str(matcher) for matcher in route.matchers], "continue": route.continue_}
    return node
