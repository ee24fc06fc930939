"""What the panels' expressions read on a running Prometheus, and docs/DASHBOARDS.md, which lists it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from monitoring.dashboards import catalog
from monitoring.dashboards.description import Dashboard, Panel, Query, Unit
from testbed.panels import substituted

DOCUMENT = Path(__file__).parents[1] / "docs" / "DASHBOARDS.md"
RATE_INTERVAL = "4s"
"""As Grafana computes it from a scrape interval of a second."""
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Reading:
    query: Query
    values: Mapping[str, float]
    """By legend: the last finite value of each series. Empty when the expression returned nothing."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    http: httpx.Client

    def range(self, expression: str, start: float, end: float) -> list[Any]:
        """The series of the expression, evaluated each second. Fails for an invalid expression."""
        params: dict[str, str | float] = {"query": expression, "start": start, "end": end, "step": 1}
        response = self.http.get("/api/v1/query_range", params=params)
        assert response.is_success, f"{expression}: {response.text}"
        series: list[Any] = response.json()["data"]["result"]
        return series

    def series(self, metric: str) -> list[dict[str, str]]:
        response = self.http.get("/api/v1/series", params={"match[]": metric})
        series: list[dict[str, str]] = response.json()["data"]
        return series

    def target_health(self) -> dict[str, str]:
        """By job."""
        targets = self.http.get("/api/v1/targets").json()["data"]["activeTargets"]
        return {target["labels"]["job"]: target["health"] for target in targets}


def read(prometheus: Prometheus, query: Query, start: float, end: float) -> Reading:
    expression = substituted(query.expr, rate_interval=RATE_INTERVAL)
    values = {
        _legend(query, series["metric"]): finite[-1]
        for series in prometheus.range(expression, start, end)
        if (finite := [v for _, text in series["values"] if math.isfinite(v := float(text))])
    }
    return Reading(query, values)


def _legend(query: Query, labels: Mapping[str, str]) -> str:
    text = query.legend
    for name in (part.partition("}}")[0] for part in query.legend.split("{{")[1:]):
        text = text.replace(f"{{{{{name}}}}}", labels.get(name, ""))
    return text


def document(readings: Sequence[tuple[Dashboard, Panel, Reading]]) -> str:
    """The page with its tables written anew; what stands before them stays."""
    head = DOCUMENT.read_text().partition("\n## ")[0].rstrip("\n") + "\n"
    return head + "".join(_section(dashboard, readings) for dashboard in catalog.ALL)


def _section(dashboard: Dashboard, readings: Sequence[tuple[Dashboard, Panel, Reading]]) -> str:
    rows = [
        f"| {panel.id} | {panel.title} | {unit_of(panel)} | {_read(panel, readings_of)} | {panel.empty} |\n"
        for panel in dashboard.panels
        if (readings_of := [r for d, p, r in readings if d is dashboard and p is panel])
    ]
    return (
        f"\n## {dashboard.title}\n\n{dashboard.description} `/d/{dashboard.uid}/{dashboard.uid}`\n\n"
        "| id | panel | unit | read | when it is empty |\n|---|---|---|---|---|\n" + "".join(rows)
    )


UNITS = {
    Unit.NUMBER: "number",
    Unit.SCORE: "1",
    Unit.RATIO: "share",
    Unit.SECONDS: "seconds",
    Unit.BYTES: "bytes",
    Unit.AGE: "seconds",
    Unit.PER_SECOND: "requests/s",
    Unit.PER_MINUTE: "requests/min",
    Unit.STATE: "state",
}


def unit_of(panel: Panel) -> str:
    return panel.axis or UNITS[panel.unit]


def _read(panel: Panel, readings: Sequence[Reading]) -> str:
    parts = [part for reading in readings for part in _values(panel, reading)]
    rest = f"; {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    return "; ".join(parts[:SHOWN]) + rest


def _values(panel: Panel, reading: Reading) -> Iterator[str]:
    texts = {float(value): text for value, text, _ in panel.texts}
    # The largest first: a row of zeros says little.
    for legend, value in sorted(reading.values.items(), key=lambda item: -abs(item[1])):
        yield f"{legend} {texts.get(value) or f'{value:.4g}'}"
