import itertools
import math
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.custom_exporters.xcom_metrics import COUNTERS, FETCH, MONITOR, PREDICT
from testbed.exporter.harness import ExporterHarness, RunningExporter
from testbed.exporter.scraped import Scraped

FETCHED = "bike_api_records_fetched_total"
AMOUNTS = [counter for counter in COUNTERS if counter.label is None]


def runs_of(scraped: Scraped, state: str, dag_id: str = FETCH) -> float | None:
    return scraped("airflow_dag_runs_total", dag_id=dag_id, state=state)


@pytest.mark.parametrize("counter", AMOUNTS, ids=lambda counter: counter.metric)
def test_amount_is_the_sum_over_runs(
    harness: ExporterHarness, exporter: RunningExporter, counter: Any
) -> None:
    harness.add_run(counter.dag_id, "run-1", xcoms={counter.key: 30})
    harness.add_run(counter.dag_id, "run-2", xcoms={counter.key: 12})

    scraped = exporter.poll()

    assert scraped(counter.metric) == 42


def test_run_is_counted_once(harness: ExporterHarness) -> None:
    harness.add_run(FETCH, xcoms={"records_fetched": 100})
    with harness.started() as first:
        first.poll()
        first.poll()

    with harness.started() as second:
        scraped = second.poll()

    assert scraped(FETCHED) == 100
    assert runs_of(scraped, "success") == 1


def test_cleared_run_is_counted_once(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.add_run(FETCH, xcoms={"records_fetched": 100})
    exporter.poll()
    harness.advance(hours=1)
    harness.add_run(FETCH, xcoms={"records_fetched": 70})

    scraped = exporter.poll()

    assert scraped(FETCHED) == 100
    assert runs_of(scraped, "success") == 1


def test_failed_then_successful_run_counts_as_both(
    harness: ExporterHarness, exporter: RunningExporter
) -> None:
    harness.add_run(FETCH, state="failed")
    exporter.poll()
    harness.advance(minutes=5)
    harness.add_run(FETCH, xcoms={"records_fetched": 100})

    scraped = exporter.poll()

    assert (runs_of(scraped, "failed"), runs_of(scraped, "success")) == (1, 1)
    assert scraped(FETCHED) == 100


def test_run_whose_end_is_visible_late_is_counted(
    harness: ExporterHarness, exporter: RunningExporter
) -> None:
    harness.add_run(FETCH, "seen first", xcoms={"records_fetched": 1})
    exporter.poll()
    earlier = harness.now - timedelta(minutes=3)
    harness.add_run(FETCH, "ended before it", end=earlier, xcoms={"records_fetched": 10})

    scraped = exporter.poll()

    assert scraped(FETCHED) == 11


def test_every_page_is_counted(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.airflow.page_limit = 7
    for number in range(30):
        harness.advance(minutes=1)
        harness.add_run(FETCH, f"run-{number}", xcoms={"records_fetched": 1})

    scraped = exporter.poll()

    assert scraped(FETCHED) == 30
    assert runs_of(scraped, "success") == 30


def test_run_cleared_during_paging_loses_no_other(
    harness: ExporterHarness, exporter: RunningExporter
) -> None:
    harness.airflow.page_limit = 7
    for number in range(30):
        harness.advance(hours=1)
        harness.add_run(FETCH, f"run-{number}", xcoms={"records_fetched": 1})
    pages = itertools.count(1)

    def clear_before_the_second_page(request: httpx.Request) -> None:
        # The later runs move up: the eighth is then on neither page.
        if b"order_by=end_date" in request.url.query and next(pages) == 2:
            harness.airflow.runs[FETCH, "run-0"].state = "running"

    harness.airflow.fault = clear_before_the_second_page
    interrupted, complete = exporter.poll(), exporter.poll()
    harness.advance(hours=1)
    harness.add_run(FETCH, "run-0", xcoms={"records_fetched": 1})
    ended_again = exporter.poll()

    totals = [scraped(FETCHED) for scraped in (interrupted, complete, ended_again)]
    assert totals == [None, 30, 30]


def test_event_counters_start_at_zero(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.airflow.dags = [MONITOR]

    scraped = exporter.poll()

    assert scraped("bike_training_runs_total", status="failed") == 0
    assert scraped("bike_training_runs_total", status="success") == 0
    assert scraped("bike_training_runs_total", status="test_success") == 0
    assert scraped("bike_training_runs_total", status="test_failed") == 0
    assert scraped("bike_model_deployments_total", decision="deploy") == 0
    assert runs_of(scraped, "failed", MONITOR) == 0


def test_other_metrics_are_absent_before_a_measurement(
    harness: ExporterHarness, exporter: RunningExporter
) -> None:
    harness.airflow.dags = [FETCH, PREDICT, MONITOR]

    scraped = exporter.poll()

    events = {"bike_training_runs_total", "bike_model_deployments_total"}
    assert scraped.named("bike_") == events
    assert scraped.named("model_") | scraped.named("drift_") == set()


def test_trainings_are_counted_by_outcome(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.add_run(MONITOR, "run-1", xcoms={"training_status": "success"})
    harness.add_run(MONITOR, "run-2", xcoms={"drift_share": 0.1})
    harness.add_run(MONITOR, "run-3", state="failed", tasks=[("fine_tune_model", "failed", 9.0)])

    scraped = exporter.poll()

    assert scraped("bike_training_runs_total", status="success") == 1
    assert scraped("bike_training_runs_total", status="failed") == 1


def test_trainings_in_test_mode_are_counted_apart(
    harness: ExporterHarness, exporter: RunningExporter
) -> None:
    failed = [("fine_tune_model", "failed", 9.0)]
    harness.add_run(MONITOR, "run-1", state="failed", tasks=failed)
    harness.add_run(MONITOR, "run-2", xcoms={"training_status": "test_success"})
    harness.add_run(MONITOR, "run-3", state="failed", tasks=failed, xcoms={"training_status": "test_failed"})

    scraped = exporter.poll()

    counts = {
        status: scraped("bike_training_runs_total", status=status)
        for status in ("success", "failed", "test_success", "test_failed")
    }
    assert counts == {"success": 0, "failed": 1, "test_success": 1, "test_failed": 1}


def test_decision_is_counted_once_carried_out(harness: ExporterHarness, exporter: RunningExporter) -> None:
    trained = ("fine_tune_model", "deployment", "deploy")
    harness.add_run(MONITOR, "run-1", xcoms=[trained, ("validate_new_champion", "deployment", "deploy")])
    harness.add_run(MONITOR, "promotion failed", state="failed", xcoms=[trained])

    scraped = exporter.poll()

    assert scraped("bike_model_deployments_total", decision="deploy") == 1


def test_unknown_decision_is_counted(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.add_run(MONITOR, xcoms=[("validate_new_champion", "deployment", "ask_a_human")])

    scraped = exporter.poll()

    assert scraped("bike_model_deployments_total", decision="ask_a_human") == 1


@pytest.mark.parametrize("value", [-1, True, "12", None, {"rows": 1}, math.nan, math.inf])
def test_invalid_amount_is_not_counted(
    harness: ExporterHarness, exporter: RunningExporter, value: Any
) -> None:
    harness.add_run(FETCH, xcoms={"records_fetched": value, "records_count": 5})

    scraped = exporter.poll()

    assert scraped(FETCHED) is None
    assert scraped("bike_records_ingested_total") == 5


def test_run_and_its_increments_are_stored_atomically(
    harness: ExporterHarness, exporter: RunningExporter
) -> None:
    with closing(sqlite3.connect(harness.folder / "state.db", isolation_level=None)) as other:
        refuse = "SELECT RAISE(ABORT, 'disk full') WHERE NEW.metric LIKE 'bike_%'"
        other.execute(f"CREATE TRIGGER full BEFORE INSERT ON counted BEGIN {refuse}; END")
        harness.add_run(FETCH, xcoms={"records_fetched": 7})
        failed = exporter.poll()
        other.execute("DROP TRIGGER full")

    scraped = exporter.poll()

    assert runs_of(failed, "success") is None
    assert runs_of(scraped, "success") == 1
    assert scraped(FETCHED) == 7


def test_outage_at_any_request_keeps_counters_exact() -> None:
    def counted(limit: int) -> tuple[float | None, int]:
        with ExporterHarness.quick() as harness:
            for number in range(3):
                harness.add_run(FETCH, f"run-{number}", xcoms={"records_fetched": 10, "records_count": 1})
            harness.airflow.fault = unavailable_after(harness, limit)
            with harness.started() as started:
                started.poll()
            requests = len(harness.airflow.requests)
            harness.airflow.fault = answers
            with harness.started() as again:
                return again.poll()(FETCHED), requests

    _, all_requests = counted(limit=1000)

    assert all_requests > 10
    assert {counted(limit=number)[0] for number in range(all_requests + 1)} == {30}


STEPS = st.lists(st.sampled_from(["ends", "fails", "cleared", "poll", "restart", "outage"]), max_size=25)


@settings(max_examples=30)
@given(steps=STEPS)
def test_property_each_run_is_counted_once(steps: list[str]) -> None:
    ended, failed = [], []
    with ExporterHarness.quick() as harness, ExitStack() as processes:
        harness.add_run(FETCH, "the first", xcoms={"records_fetched": 1000})
        started = processes.enter_context(harness.started())
        for number, step in enumerate(steps):
            harness.advance(minutes=4)
            match step:
                case "ends":
                    ended.append(number)
                    harness.add_run(FETCH, f"run-{number}", xcoms={"records_fetched": number})
                case "fails":
                    failed.append(number)
                    harness.add_run(FETCH, f"run-{number}", state="failed")
                case "cleared":
                    harness.add_run(FETCH, "the first", xcoms={"records_fetched": 1000})
                case "restart":
                    processes.close()
                    started = processes.enter_context(harness.started())
                case _:
                    harness.airflow.fault = (
                        unavailable_after(harness, number) if step == "outage" else answers
                    )
                    started.poll()

        harness.airflow.fault = answers
        scraped = started.poll()

    assert scraped(FETCHED) == 1000 + sum(ended)
    assert runs_of(scraped, "success") == 1 + len(ended)
    assert runs_of(scraped, "failed") == len(failed)


def answers(_request: httpx.Request) -> None:
    return None


def unavailable_after(
    harness: ExporterHarness, requests: int
) -> Callable[[httpx.Request], httpx.Response | None]:
    """Answers so many more requests, then none."""
    last = len(harness.airflow.requests) + requests
    return lambda _: httpx.Response(503) if len(harness.airflow.requests) > last else None
