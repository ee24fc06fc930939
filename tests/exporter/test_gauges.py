from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from monitoring.custom_exporters.xcom_metrics import FETCH, GAUGES, MONITOR, PREDICT, XComGauge, flag, moment
from testbed.exporter.bench import NOON, Bench, Started

LASTING = [one for one in GAUGES if one.lasting]
PASSING = [one for one in GAUGES if not one.lasting]


def pushed(gauge: XComGauge) -> tuple[Any, float]:
    """What a DAG would push for it, and what the metric says then."""
    if gauge.read is flag:
        return True, 1.0
    return (NOON.isoformat(), NOON.timestamp()) if gauge.read is moment else (0.625, 0.625)


@pytest.mark.parametrize("gauge", GAUGES, ids=lambda one: one.metric)
def test_a_gauge_is_the_xcom_it_comes_from(bench: Bench, exporter: Started, gauge: XComGauge) -> None:
    value, expected = pushed(gauge)
    bench.ran(gauge.dag_id, xcoms={gauge.key: value})

    scraped = exporter.looked()

    assert scraped(gauge.metric) == expected


@pytest.mark.parametrize("gauge", PASSING, ids=lambda one: one.metric)
def test_what_the_newest_run_did_not_measure_is_absent(
    bench: Bench, exporter: Started, gauge: XComGauge
) -> None:
    bench.ran(gauge.dag_id, "run-1", xcoms={gauge.key: pushed(gauge)[0]})
    exporter.looked()
    bench.passes(days=1)
    bench.ran(gauge.dag_id, "run-2", state="failed")

    scraped = exporter.looked()

    assert scraped(gauge.metric) is None


@pytest.mark.parametrize("gauge", LASTING, ids=lambda one: one.metric)
def test_a_trainings_facts_hold_until_the_next_training(bench: Bench, gauge: XComGauge) -> None:
    bench.ran(gauge.dag_id, "run-1", xcoms={gauge.key: 0.625})
    with bench.started() as first:
        first.looked()
    bench.passes(weeks=1)
    bench.ran(gauge.dag_id, "run-2", xcoms={"drift_share": 0.1})

    with bench.started() as second:
        scraped = second.looked()

    assert scraped(gauge.metric) == 0.625


def test_a_backfill_of_an_old_day_does_not_become_the_present(bench: Bench, exporter: Started) -> None:
    bench.ran(PREDICT, "today", xcoms={"rmse": 40.0})
    bench.ran(MONITOR, "today", xcoms={"improvement": 0.04})
    exporter.looked()
    bench.passes(hours=1)
    old = NOON - timedelta(days=30)
    bench.ran(PREDICT, "a month ago", run_after=old, xcoms={"rmse": 99.0})
    bench.ran(MONITOR, "a month ago", run_after=old, xcoms={"improvement": 0.9})

    scraped = exporter.looked()

    assert scraped("bike_prediction_rmse") == 40.0
    assert scraped("bike_model_improvement_delta") == 0.04


def test_a_run_that_was_cleared_and_ran_again_tells_its_new_values(bench: Bench, exporter: Started) -> None:
    bench.ran(PREDICT, xcoms={"rmse": 40.0})
    exporter.looked()
    bench.passes(minutes=5)
    bench.ran(PREDICT, took_s=7.0, xcoms={"rmse": 35.0})

    scraped = exporter.looked()

    assert scraped("bike_prediction_rmse") == 35.0
    assert scraped("airflow_dag_run_duration_seconds", dag_id=PREDICT) == 7.0


def test_of_two_tasks_that_push_a_key_the_later_counts(bench: Bench, exporter: Started) -> None:
    bench.ran(MONITOR, xcoms=[("first", "improvement", 0.1), ("second", "improvement", 0.2)])

    scraped = exporter.looked()

    assert scraped("bike_model_improvement_delta") == 0.2


@pytest.mark.parametrize("value", ["0.5", True, None, [1], float("nan"), float("-inf")])
def test_what_is_no_number_is_absent(bench: Bench, exporter: Started, value: Any) -> None:
    bench.ran(PREDICT, xcoms={"rmse": value, "mae": 3})

    scraped = exporter.looked()

    assert scraped("bike_prediction_rmse") is None
    assert scraped("bike_prediction_mae") == 3


@pytest.mark.parametrize("value", ["2026-11-02T10:00:00", "yesterday", 5, None])
def test_a_time_without_a_zone_is_no_moment(value: Any) -> None:
    assert moment(value) is None


def test_durations_are_those_of_the_newest_run(bench: Bench, exporter: Started) -> None:
    tasks = [
        ("mapped", "success", 3.0),
        ("mapped", "failed", 8.0),
        ("mapped", "success", 4.0),
        ("skipped", "skipped", 0.0),
        ("not_reached", "upstream_failed", 0.0),
        ("removed", None, None),
    ]
    bench.ran("any", "run-1", took_s=5.0)
    bench.passes(hours=1)
    bench.ran("any", "run-2", took_s=12.5, state="failed", tasks=tasks)

    scraped = exporter.looked()

    assert scraped("airflow_dag_run_duration_seconds", dag_id="any") == 12.5
    assert scraped("airflow_task_duration_seconds", dag_id="any", task_id="mapped") == 8.0
    assert scraped.text.count("airflow_task_duration_seconds{") == 1


def test_the_age_of_the_last_success_grows_between_looks(bench: Bench, exporter: Started) -> None:
    bench.ran(FETCH, "good")
    bench.passes(minutes=10)
    bench.ran(FETCH, "bad", state="failed")
    exporter.looked()
    bench.passes(minutes=2)

    scraped = exporter.scraped()

    assert scraped("airflow_dag_last_success_timestamp_seconds", dag_id=FETCH) == NOON.timestamp()
    assert scraped("airflow_dag_last_success_age_seconds", dag_id=FETCH) == 12 * 60


def test_a_dag_that_never_succeeded_has_no_age(bench: Bench, exporter: Started) -> None:
    bench.ran(FETCH, state="failed")

    scraped = exporter.looked()

    assert scraped("airflow_dag_last_success_age_seconds", dag_id=FETCH) is None


def test_runs_that_have_not_ended_are_counted_and_the_longest_is_timed(
    bench: Bench, exporter: Started
) -> None:
    for minutes in (3, 9):
        start = NOON - timedelta(minutes=minutes)
        bench.airflow.run(FETCH, f"since {minutes}", state="running", start=start)
    bench.airflow.run(FETCH, "waits", state="queued", start=None)
    bench.airflow.dags.append(PREDICT)

    scraped = exporter.looked()

    assert scraped("airflow_dag_active_runs", dag_id=FETCH, state="running") == 2
    assert scraped("airflow_dag_active_runs", dag_id=FETCH, state="queued") == 1
    assert scraped("airflow_dag_run_running_age_seconds", dag_id=FETCH) == 9 * 60
    assert scraped("airflow_dag_active_runs", dag_id=PREDICT, state="running") == 0
    assert scraped("airflow_dag_run_running_age_seconds", dag_id=PREDICT) is None


def test_a_run_that_ends_during_a_look_is_not_running_as_well(bench: Bench, exporter: Started) -> None:
    bench.airflow.run(FETCH, "run-1", state="running", start=NOON)

    def ends(request: httpx.Request) -> None:
        if request.url.params.get_list("state") == ["success", "failed"]:
            bench.ran(FETCH, "run-1")

    bench.airflow.fault = ends

    scraped = exporter.looked()

    assert scraped("airflow_dag_runs_total", dag_id=FETCH, state="success") == 1
    assert scraped("airflow_dag_active_runs", dag_id=FETCH, state="running") == 0


def test_a_run_that_was_cleared_and_runs_again_is_running(bench: Bench, exporter: Started) -> None:
    bench.ran(FETCH, "run-1")
    exporter.looked()
    bench.airflow.run(FETCH, "run-1", state="running", start=bench.now)

    scraped = exporter.looked()

    assert scraped("airflow_dag_active_runs", dag_id=FETCH, state="running") == 1


def test_only_the_dags_asked_for_have_series(bench: Bench) -> None:
    bench.ran(FETCH, xcoms={"deduplication_ratio": 0.5})
    bench.ran("another")

    with bench.started(dag_ids=frozenset({"another"})) as exporter:
        scraped = exporter.looked()

    assert scraped("airflow_dag_runs_total", dag_id="another", state="success") == 1
    assert FETCH not in scraped.text
    assert scraped("bike_deduplication_ratio") is None


def test_a_dag_that_is_gone_has_no_present(bench: Bench, exporter: Started) -> None:
    bench.ran(FETCH, xcoms={"deduplication_ratio": 0.5, "records_fetched": 4})
    exporter.looked()
    bench.airflow.dags.remove(FETCH)

    scraped = exporter.looked()

    assert scraped("bike_deduplication_ratio") is None
    assert scraped("airflow_dag_run_duration_seconds", dag_id=FETCH) is None
    assert scraped("bike_api_records_fetched_total") == 4


def test_a_run_that_was_deleted_leaves_its_counts_and_no_values(bench: Bench) -> None:
    bench.ran(FETCH, xcoms={"deduplication_ratio": 0.5, "records_fetched": 4})
    with bench.started() as first:
        first.looked()
    bench.airflow.runs.clear()

    with bench.started() as second:
        scraped = second.looked()

    assert scraped("airflow_up") == 1
    assert scraped("bike_deduplication_ratio") is None
    assert scraped("bike_api_records_fetched_total") == 4


def test_names_that_need_quoting_are_found(bench: Bench, exporter: Started) -> None:
    bench.ran(
        FETCH,
        "manual__2026-11-02T12:00:00+00:00 50%2B? #1",
        tasks=[("group.task one", "success", 1.0)],
        xcoms=[("group.task one", "records_fetched", 3)],
    )

    scraped = exporter.looked()

    assert scraped("bike_api_records_fetched_total") == 3


def test_a_quiet_look_is_three_requests(bench: Bench, exporter: Started) -> None:
    for number in range(5):
        bench.ran(f"dag-{number}")
    bench.ran(FETCH, xcoms={"records_fetched": 3})
    exporter.looked()
    bench.airflow.requests.clear()

    exporter.looked()

    runs = "GET /api/v2/dags/~/dagRuns"
    assert bench.airflow.requests == ["GET /api/v2/dags", runs, runs]


def test_airflows_clock_may_be_ahead(bench: Bench, exporter: Started) -> None:
    bench.ran(FETCH, end=NOON + timedelta(seconds=20))

    scraped = exporter.looked()

    assert scraped("airflow_dag_last_success_age_seconds", dag_id=FETCH) == 0
    assert datetime.fromtimestamp(NOON.timestamp() + 20, NOON.tzinfo) > bench.now
