"""The dashboards on a real Prometheus that scrapes the real programs; the exporter's Airflow is the fake."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from monitoring.dashboards.description import Dashboard, Panel
from monitoring.scaled import shipped_jobs
from testbed import panel_readings, panels
from testbed.demo.model_service import ModelService
from testbed.demo.story import AUTUMN, Router, Story
from testbed.exporter import pipeline_story
from testbed.exporter.served import served
from testbed.panel_readings import Prometheus, Reading
from testbed.processes import until
from testbed.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

FACTOR = 300.0
"""Minutes of the rules pass as fifths of a second, with their floors of a second."""
COUNTERS = 14
"""The fewest that the model service generates."""
NO_DATA: dict[str, str] = {}
"""Expressions that may return nothing after the story, with the reason."""


@dataclass(frozen=True, slots=True)
class RunningStack:
    prometheus: Prometheus
    readings: list[tuple[Dashboard, Panel, Reading]]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """After the story."""
    folder = tmp_path_factory.mktemp("stack")
    with ExitStack() as parts:
        harness, exporter, exporter_target = parts.enter_context(served(folder))
        pipeline_story.first_runs(harness.airflow, harness.now)
        exporter.poll()
        started_at = time.time()
        programs = parts.enter_context(
            Stack(
                folder / "programs",
                factor=FACTOR,
                targets={"airflow": exporter_target},
                backend_environment={"REGMODEL_GENERATED_COUNTERS": str(COUNTERS)},
            )
        )
        model = parts.enter_context(closing(ModelService(programs.backend_url)))
        router = parts.enter_context(closing(Router(programs.router_url)))
        http = parts.enter_context(httpx.Client(base_url=programs.prometheus_url, timeout=30))
        callers = parts.enter_context(httpx.Client(base_url=programs.backend_url, timeout=30))
        Story(model, router, print).tell()
        pipeline_story.later_runs(harness.airflow, harness.now)
        exporter.poll()
        _call_the_service(callers)
        prometheus = Prometheus(http)
        until(lambda: _is_scraped(prometheus), "the last calls and runs are scraped", within_s=30)
        yield RunningStack(prometheus, _read_all(prometheus, started_at))


def _call_the_service(client: httpx.Client) -> None:
    """What the story leaves out: forecasts, a caller's errors, posted counts, a sensor that died."""
    counters = [f"1000{n // 2:05d}-10{n:07d}" for n in range(COUNTERS)]
    rows = [{"counter_id": counter, "at": f"{AUTUMN.end}T08:00:00Z"} for counter in [*counters, "unknown"]]
    assert client.post("/predict", json={"rows": rows}).is_success
    assert client.post("/predict", json={"rows": "none"}).status_code == 422
    assert client.get("/nowhere").status_code == 404
    assert client.post("/observations", json={"rows": list(_four_weeks(datetime.now(UTC)))}).is_success


def _four_weeks(now: datetime) -> Iterator[dict[str, Any]]:
    newest = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    for hours_ago in range(28 * 24):
        at = (newest - timedelta(hours=hours_ago)).isoformat()
        yield {"counter_id": "alive", "at": at, "count": 40}
        yield {"counter_id": "dead", "at": at, "count": 0 if hours_ago < 36 else 40}


def _is_scraped(prometheus: Prometheus) -> bool:
    """The last call twice, so that every rate has its two samples."""
    now = time.time()
    last = ("count_over_time(sensor_dead[10s]) >= 2", "airflow_dag_run_running_age_seconds")
    return all(prometheus.range(expression, now, now) for expression in last)


def _read_all(prometheus: Prometheus, started_at: float) -> list[tuple[Dashboard, Panel, Reading]]:
    now = time.time()
    return [
        (dashboard, panel, panel_readings.read(prometheus, query, started_at, now))
        for dashboard, panel, query in panels.every_query()
    ]


def test_every_target_is_up(stack: RunningStack) -> None:
    assert stack.prometheus.target_health() == dict.fromkeys(shipped_jobs(), "up")


def test_every_panel_expression_returns_data(stack: RunningStack) -> None:
    empty = {reading.query.expr for _, _, reading in stack.readings if not reading.values}

    assert empty == NO_DATA.keys()


def test_every_selected_label_exists(stack: RunningStack) -> None:
    for _, _, query in panels.every_query():
        for selector in panels.selectors(panels.substituted(query.expr)):
            series = stack.prometheus.series(selector.metric)
            labels = {label for member in series for label in member}

            assert series, selector
            assert selector.labels <= labels, selector


def test_alert_annotations_return_the_storys_alerts(stack: RunningStack) -> None:
    series = stack.prometheus.series('ALERTS{alertstate="firing"}')

    assert {"ModelPerformanceCritical", "HighDrift", "TrainingFailure"} <= {
        labels["alertname"] for labels in series
    }


def test_document_lists_every_panel_with_its_unit_and_reading(stack: RunningStack) -> None:
    written = panel_readings.document(stack.readings)

    if os.environ.get("UPDATE_GOLDEN"):
        panel_readings.DOCUMENT.write_text(written)

    documented = panel_readings.DOCUMENT.read_text()
    assert _without_readings(documented) == _without_readings(written)
    assert all(cells[4] for cells in _rows(documented))


def _without_readings(text: str) -> list[str]:
    return ["|".join(cells[:4] + cells[5:]) for cells in map(_cells, text.splitlines())]


def _rows(text: str) -> list[list[str]]:
    return [cells for cells in map(_cells, text.splitlines()) if len(cells) == 7 and cells[1].isdigit()]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]
