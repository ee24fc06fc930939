"""The dashboards' expressions: as Grafana would send them, what they select, and what is exposed for them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import promql_parser
from prometheus_client.parser import text_string_to_metric_families

from monitoring.dashboards import catalog
from monitoring.dashboards.description import Dashboard, Panel, Query

MODEL_DOCUMENT = Path(__file__).parents[1] / "docs" / "MODEL.md"
TARGET_LABELS = frozenset({"job", "instance"})
"""Prometheus adds them to every series."""
OF_PROMETHEUS_AND_ALERTMANAGER = {
    "up": TARGET_LABELS,
    # The rules' labels and those of their expressions.
    "ALERTS": frozenset({"alertname", "alertstate", "severity", "component", "model_type"}),
    "alertmanager_notifications_total": frozenset({"integration"}),
    "alertmanager_notifications_failed_total": frozenset({"integration"}),
}


@dataclass(frozen=True, slots=True)
class Selector:
    metric: str
    labels: frozenset[str]
    """Of its matchers, and of the aggregations and matchings around it."""


@dataclass(frozen=True, slots=True)
class Exposed:
    """A metric family: the labels of each of its series, by the series' name."""

    series: Mapping[str, frozenset[str]]


def every_query() -> Iterator[tuple[Dashboard, Panel, Query]]:
    for dashboard in catalog.ALL:
        for panel in dashboard.panels:
            for query in panel.queries:
                yield dashboard, panel, query


def substituted(expression: str, *, rate_interval: str = "1m", model_type: str = ".*") -> str:
    """With Grafana's variables replaced."""
    return expression.replace("$__rate_interval", rate_interval).replace("$model_type", model_type)


def selectors(expression: str) -> list[Selector]:
    """Of an expression without variables. Raises ValueError when it is not PromQL."""
    return list(_selectors(promql_parser.parse(expression), frozenset()))


def _selectors(expression: promql_parser.Expr, around: frozenset[str]) -> Iterator[Selector]:
    match expression:
        case promql_parser.VectorSelector():
            matched = frozenset(matcher.name for matcher in expression.matchers.matchers)
            yield Selector(str(expression.name), matched | around)
        case promql_parser.MatrixSelector():
            yield from _selectors(expression.vector_selector, around)
        case promql_parser.AggregateExpr():
            labels = expression.modifier.labels if expression.modifier else []
            yield from _selectors(expression.expr, around | frozenset(labels))
        case promql_parser.BinaryExpr():
            matching = expression.modifier.matching if expression.modifier else None
            labels = matching.labels if matching else []
            yield from _selectors(expression.lhs, around | frozenset(labels))
            yield from _selectors(expression.rhs, around | frozenset(labels))
        case promql_parser.Call():
            for argument in expression.args:
                yield from _selectors(argument, around)
        case promql_parser.ParenExpr() | promql_parser.SubqueryExpr() | promql_parser.UnaryExpr():
            yield from _selectors(expression.expr, around)
        case _:
            pass  # a number or a string


def exposed(text: str) -> dict[str, Exposed]:
    """By family name, of what a scrape returned."""
    families: dict[str, Exposed] = {}
    for family in text_string_to_metric_families(text):
        labels: dict[str, frozenset[str]] = {}
        for sample in family.samples:
            labels[sample.name] = labels.get(sample.name, frozenset()) | sample.labels.keys()
        if not family.name.endswith("_created"):
            families[family.name] = Exposed(labels)
    return families


_ROW = re.compile(
    r"^\| (?P<names>`\w+`(?:, `\w+`)*) \| (?P<labels>[^|]*?) ?\| (?P<text>.*) \|$", re.MULTILINE
)


def documented_by_backend() -> dict[str, Exposed]:
    """The model service's metrics by its documentation: its tests compare the names with its registry."""
    section = MODEL_DOCUMENT.read_text().split("\n## Metrics\n")[1].split("\n## ")[0]
    return {
        name: _documented(name, row["labels"], row["text"])
        for row in _ROW.finditer(section)
        for name in re.findall(r"`(\w+)`", row["names"])
    }


def _documented(name: str, labels: str, text: str) -> Exposed:
    names = frozenset(re.findall(r"\w+", re.sub(r"\(.*?\)", "", labels)))
    if text.startswith("histogram"):
        series = {f"{name}_sum": names, f"{name}_count": names, f"{name}_bucket": names | {"le"}}
        return Exposed(series)
    return Exposed({name: names})
