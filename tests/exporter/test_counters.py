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
from testbed.exporter.bench import Bench, Started
from testbed.exporter.scraped import Scraped

FETCHED = "bike_api_records_fetched_total"
AMOUNTS = [one for one in COUNTERS if one.label is None]


def runs_of(scraped: Scraped, state: str, dag_id: str = FETCH) -> float | None:
    return scraped("airflow_dag_runs_total", dag_id=dag_id, state=state)


@pytest.mark.parametrize("counter", AMOUNTS, ids=lambda one: one.metric)
def test_an_amount_is_the_sum_over_runs(bench: Bench, exporter: Started, counter: Any) -> None:
    bench.ran(counter.dag_id, "run-1", xcoms={counter.key: 30})
    bench.ran(counter.dag_id, "run-2", xcoms={counter.key: 12})

    scraped = exporter.looked()

    assert scraped(counter.metric) == 42


def test_a_run_is_counted_once_however_often_it_is_seen(bench: Bench) -> None:
    bench.ran(FETCH, xcoms={"records_fetched": 100})
    with bench.started() as first:
        first.looked()
        first.looked()

    with bench.started() as second:
        scraped = second.looked()

    assert scraped(FETCHED) == 100
    assert runs_of(scraped, "success") == 1


def test_a_run_that_is_cleared_and_runs_again_is_counted_once(bench: Bench, exporter: Started) -> None:
    bench.ran(FETCH, xcoms={"records_fetched": 100})
    exporter.looked()
    bench.passes(hours=1)
    bench.ran(FETCH, xcoms={"records_fetched": 70})

    scraped = exporter.looked()

    assert scraped(FETCHED) == 100
    assert runs_of(scraped, "success") == 1


def test_a_run_that_failed_and_then_succeeded_counts_as_both(bench: Bench, exporter: Started) -> None:
    bench.ran(FETCH, state="failed")
    exporter.looked()
    bench.passes(minutes=5)
    bench.ran(FETCH, xcoms={"records_fetched": 100})

    scraped = exporter.looked()

    assert (runs_of(scraped, "failed"), runs_of(scraped, "success")) == (1, 1)
    assert scraped(FETCHED) == 100


def test_a_run_whose_end_shows_late_is_counted(bench: Bench, exporter: Started) -> None:
    bench.ran(FETCH, "seen first", xcoms={"records_fetched": 1})
    exporter.looked()
    earlier = bench.now - timedelta(minutes=3)
    bench.ran(FETCH, "ended before it", end=earlier, xcoms={"records_fetched": 10})

    scraped = exporter.looked()

    assert scraped(FETCHED) == 11


def test_every_page_is_counted_whatever_its_size(bench: Bench, exporter: Started) -> None:
    bench.airflow.page_limit = 7
    for number in range(30):
        bench.passes(minutes=1)
        bench.ran(FETCH, f"run-{number}", xcoms={"records_fetched": 1})

    scraped = exporter.looked()

    assert scraped(FETCHED) == 30
    assert runs_of(scraped, "success") == 30


def test_no_run_is_lost_when_one_is_cleared_while_the_pages_are_read(bench: Bench, exporter: Started) -> None:
    bench.airflow.page_limit = 7
    for number in range(30):
        bench.passes(hours=1)
        bench.ran(FETCH, f"run-{number}", xcoms={"records_fetched": 1})
    pages = itertools.count(1)

    def cleared_before_the_second_page(request: httpx.Request) -> None:
        # Those that stand behind it move up by one: what was the eighth is on no page any more.
        if b"order_by=end_date" in request.url.query and next(pages) == 2:
            bench.airflow.runs[FETCH, "run-0"].state = "running"

    bench.airflow.fault = cleared_before_the_second_page
    broken_off, whole = exporter.looked(), exporter.looked()
    bench.passes(hours=1)
    bench.ran(FETCH, "run-0", xcoms={"records_fetched": 1})
    ended_again = exporter.looked()

    seen = [one(FETCHED) for one in (broken_off, whole, ended_again)]
    assert seen == [None, 30, 30]


def test_events_exist_at_zero_once_their_dag_is_known(bench: Bench, exporter: Started) -> None:
    bench.airflow.dags = [MONITOR]

    scraped = exporter.looked()

    assert scraped("bike_training_runs_total", status="failed") == 0
    assert scraped("bike_training_runs_total", status="success") == 0
    assert scraped("bike_model_deployments_total", decision="deploy") == 0
    assert runs_of(scraped, "failed", MONITOR) == 0


def test_nothing_is_zero_before_it_was_measured(bench: Bench, exporter: Started) -> None:
    bench.airflow.dags = [FETCH, PREDICT, MONITOR]

    scraped = exporter.looked()

    events = {"bike_training_runs_total", "bike_model_deployments_total"}
    assert scraped.named("bike_") == events
    assert scraped.named("model_") | scraped.named("drift_") == set()


def test_a_training_counts_by_how_it_ended(bench: Bench, exporter: Started) -> None:
    bench.ran(MONITOR, "run-1", xcoms={"training_status": "success"})
    bench.ran(MONITOR, "run-2", xcoms={"drift_share": 0.1})
    bench.ran(MONITOR, "run-3", state="failed", tasks=[("fine_tune_model", "failed", 9.0)])

    scraped = exporter.looked()

    assert scraped("bike_training_runs_total", status="success") == 1
    assert scraped("bike_training_runs_total", status="failed") == 1


def test_a_decision_counts_once_it_was_carried_out(bench: Bench, exporter: Started) -> None:
    trained = ("fine_tune_model", "deployment", "deploy")
    bench.ran(MONITOR, "run-1", xcoms=[trained, ("validate_new_champion", "deployment", "deploy")])
    bench.ran(MONITOR, "promotion failed", state="failed", xcoms=[trained])

    scraped = exporter.looked()

    assert scraped("bike_model_deployments_total", decision="deploy") == 1


def test_a_decision_nobody_foresaw_is_counted_too(bench: Bench, exporter: Started) -> None:
    bench.ran(MONITOR, xcoms=[("validate_new_champion", "deployment", "ask_a_human")])

    scraped = exporter.looked()

    assert scraped("bike_model_deployments_total", decision="ask_a_human") == 1


@pytest.mark.parametrize("value", [-1, True, "12", None, {"rows": 1}, math.nan, math.inf])
def test_what_is_no_amount_is_not_counted(bench: Bench, exporter: Started, value: Any) -> None:
    bench.ran(FETCH, xcoms={"records_fetched": value, "records_count": 5})

    scraped = exporter.looked()

    assert scraped(FETCHED) is None
    assert scraped("bike_records_ingested_total") == 5


def test_a_run_is_recorded_with_its_counts_or_not_at_all(bench: Bench, exporter: Started) -> None:
    with closing(sqlite3.connect(bench.folder / "state.db", isolation_level=None)) as other:
        refuse = "SELECT RAISE(ABORT, 'disk full') WHERE NEW.metric LIKE 'bike_%'"
        other.execute(f"CREATE TRIGGER full BEFORE INSERT ON counted BEGIN {refuse}; END")
        bench.ran(FETCH, xcoms={"records_fetched": 7})
        failed = exporter.looked()
        other.execute("DROP TRIGGER full")

    scraped = exporter.looked()

    assert runs_of(failed, "success") is None
    assert runs_of(scraped, "success") == 1
    assert scraped(FETCHED) == 7


def test_nothing_is_lost_or_counted_twice_wherever_airflow_goes_away() -> None:
    def counted(away_from: int) -> tuple[float | None, int]:
        with Bench.quick() as bench:
            for number in range(3):
                bench.ran(FETCH, f"run-{number}", xcoms={"records_fetched": 10, "records_count": 1})
            bench.airflow.fault = away_after(bench, away_from)
            with bench.started() as started:
                started.looked()
            asked = len(bench.airflow.requests)
            bench.airflow.fault = answers
            with bench.started() as again:
                return again.looked()(FETCHED), asked

    _, all_requests = counted(away_from=1000)

    assert all_requests > 10
    assert {counted(away_from=number)[0] for number in range(all_requests + 1)} == {30}


STEPS = st.lists(st.sampled_from(["ends", "fails", "cleared", "look", "restart", "away"]), max_size=25)


@settings(max_examples=30)
@given(steps=STEPS)
def test_whatever_happens_counters_tell_each_run_once(steps: list[str]) -> None:
    ended, failed = [], []
    with Bench.quick() as bench, ExitStack() as processes:
        bench.ran(FETCH, "the first", xcoms={"records_fetched": 1000})
        started = processes.enter_context(bench.started())
        for number, step in enumerate(steps):
            bench.passes(minutes=4)
            match step:
                case "ends":
                    ended.append(number)
                    bench.ran(FETCH, f"run-{number}", xcoms={"records_fetched": number})
                case "fails":
                    failed.append(number)
                    bench.ran(FETCH, f"run-{number}", state="failed")
                case "cleared":
                    bench.ran(FETCH, "the first", xcoms={"records_fetched": 1000})
                case "restart":
                    processes.close()
                    started = processes.enter_context(bench.started())
                case _:
                    bench.airflow.fault = away_after(bench, number) if step == "away" else answers
                    started.looked()

        bench.airflow.fault = answers
        scraped = started.looked()

    assert scraped(FETCHED) == 1000 + sum(ended)
    assert runs_of(scraped, "success") == 1 + len(ended)
    assert runs_of(scraped, "failed") == len(failed)


def answers(_request: httpx.Request) -> None:
    return None


def away_after(bench: Bench, requests: int) -> Callable[[httpx.Request], httpx.Response | None]:
    """Answers so many more requests, then none."""
    last = len(bench.airflow.requests) + requests
    return lambda _: httpx.Response(503) if len(bench.airflow.requests) > last else None
