"""A rule's expression: what it measures, the limit, the unit."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.prometheus import expressions
from alert_router.prometheus.expressions import MAX_CHARS
from testbed.monitoring.shipped import THE_SIX, Rule


def link(expression: str) -> str:
    return f"http://prometheus-0:9090/graph?g0.expr={quote(expression)}&g0.tab=1"


@pytest.mark.parametrize(
    ("expression", "measured", "operator", "limit"),
    [
        ("a > 5", "a", ">", 5),
        ("5 < a", "a", ">", 5),
        ("-3 >= a", "a", "<=", -3),
        ("a > bool 5", "a", ">", 5),
        ("(a) > (1024 * 2)", "a", ">", 2048),
        ("a > b", "a", ">", None),
        ("a > scalar(b)", "a", ">", None),
        ("a > 5 and b < 3", "a", ">", 5),
        ("a > 5 unless b", "a", ">", 5),
        ("b and a > 5", "a", ">", 5),
        ("up == 0", "up", "==", 0),
        ("a > 2 ^ 3 / 4 - 1 * 2", "a", ">", 0),
    ],
)
def test_comparison_is_split_into_measured_side_and_limit(
    expression: str, measured: str, operator: str, limit: float | None
) -> None:
    comparison = expressions.rule(expression).comparisons[0]

    assert (comparison.measured, comparison.operator, comparison.limit_value) == (measured, operator, limit)


def test_bool_is_left_out_and_matching_is_kept_when_asking() -> None:
    comparison = expressions.rule("a > bool on (x) b").comparisons[0]

    assert comparison.filtered == "a > on (x) b"


def test_each_branch_of_an_or_is_a_comparison() -> None:
    rule = expressions.rule("a > 1 or b > 2")

    assert [(one.measured, one.limit_value) for one in rule.comparisons] == [("a", 1), ("b", 2)]


@pytest.mark.parametrize(
    ("expression", "charted"),
    [
        ('absent(up{job="x"})', 'up{job="x"}'),
        ("absent_over_time(up[5m])", "up"),
        ("vector(1)", ""),
        ("sum(a)", "sum(a)"),
        ("no such language >>", "no such language >>"),
    ],
)
def test_rule_without_comparison_has_no_limit(expression: str, charted: str) -> None:
    rule = expressions.rule(expression)

    assert (rule.comparisons, rule.charted) == ((), charted)


@pytest.mark.parametrize(
    ("expression", "suffix"),
    [
        ("age_seconds > 1", "s"),
        ("time() - done_timestamp_seconds > 1", "s"),
        ("max_over_time(free_bytes[5m]) > 1", "B"),
        ("disk_used_percent > 90", "%"),
        ("drift_share > 0.5", "%"),
        ("1 - free_bytes / all_bytes > 0.9", "%"),
        ("100 * used_ratio > 90", "%"),
        ("queue_length / workers > 10", ""),
        ("rate(sent_bytes_total[5m]) > 1", "B/s"),
        ("rate(requests_total[5m]) > 1", "/s"),
        ("increase(requests_total[5m]) > 1", ""),
        ("count(age_seconds) > 1", ""),
        ("request_seconds_count > 1", ""),
        ("histogram_quantile(0.9, rate(request_seconds_bucket[5m])) > 1", "s"),
        ("rate(request_seconds_sum[5m]) / rate(request_seconds_count[5m]) > 1", "s"),
        ("free_bytes / 1024 > 1", ""),
    ],
)
def test_unit_follows_from_the_names_of_the_metrics(expression: str, suffix: str) -> None:
    assert expressions.rule(expression).comparisons[0].unit.suffix == suffix


@pytest.mark.parametrize("rule", THE_SIX)
def test_each_of_the_six_rules_has_a_limit(rule: Rule) -> None:
    limits = {
        "ModelPerformanceCritical": 0.65,
        "ModelPerformanceWarning": 0.7,
        "HighDrift": 0.5,
        "APIErrorRate": 0.05,
        "TrainingFailure": 0,
        "PredictionLatencyHigh": 5,
    }

    assert expressions.rule(rule["expr"]).comparisons[0].limit_value == limits[rule["alert"]]


@pytest.mark.parametrize(
    ("url", "expression"),
    [
        (link("a > 5"), "a > 5"),
        ("", ""),
        ("http://[", ""),
        (link("a" * (MAX_CHARS + 1)), ""),
        (link("a\x00"), ""),
        ("http://x/?" + "&".join(["a=b"] * 60), ""),
    ],
)
def test_expression_comes_from_the_link_within_bounds(url: str, expression: str) -> None:
    assert expressions.of_link(url) == expression


@pytest.mark.parametrize("nested", ["(" * 1900 + "a" + ")" * 1900, "-" * 3900 + "a", "+".join("a" * 2000)])
def test_deeply_nested_expression_is_left_whole(nested: str) -> None:
    assert expressions.rule(nested).comparisons == ()


@given(st.text(alphabet='ab_()[]{}<>=!+-*/^%",.:0159 muodanbly', max_size=60))
def test_any_text_is_taken_for_an_expression(text: str) -> None:
    assert expressions.rule(text).expression == text
