from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from monitoring.custom_exporters.xcom_metrics import (
    FETCH,
    GAUGES,
    MONITOR,
    PREDICT,
    XComGauge,
    flag,
    timestamp,
)
from testbed.exporter.harness import NOON, ExporterHarness, RunningExporter

LASTING = [gauge for gauge in GAUGES if gauge.lasting]
PASSING = [gauge for gauge in GAUGES if not gauge.lasting]


def pushed(gauge: XComGauge) -> tuple[Any, float]:
    """The XCom value, and the metric's value for it."""
    if gauge.read is flag:
        return True, 1.0
    return (NOON.isoformat(), NOON.timestamp()) if gauge.read is timestamp else (0.625, 0.625)


@pytest.mark.parametrize("gauge", GAUGES, ids=lambda gauge: gauge.metric)
def test_gauge_has_its_xcoms_value(
    harness: ExporterHarness, exporter: RunningExporter, gauge: XComGauge
) -> None:
    value, expected = pushed(gauge)
    harness.add_run(gauge.dag_id, xcoms={gauge.key: value})

    scraped = exporter.poll()

    assert scraped(gauge.metric) == expected


@pytest.mark.parametrize("gauge", PASSING, ids=lambda gauge: gauge.metric)
def test_gauge_absent_when_newest_run_did_not_push(
    harness: ExporterHarness, exporter: RunningExporter, gauge: XComGauge
) -> None:
    harness.add_run(gauge.dag_id, "run-1", xcoms={gauge.key: pushed(gauge)[0]})
    exporter.poll()
    harness.advance(days=1)
    harness.add_run(gauge.dag_id, "run-2", state="failed")

    scraped = exporter.poll()

    assert scraped(gauge.metric) is None


@pytest.mark.parametrize("gauge", LASTING, ids=lambda gauge: gauge.metric)
def test_training_gauges_last_until_the_next_training(harness: ExporterHarness, gauge: XComGauge) -> None:
    harness.add_run(gauge.dag_id, "run-1", xcoms={gauge.key: 0.625})
    with harness.started() as first:
        first.poll()
    harness.advance(weeks=1)
    harness.add_run(gauge.dag_id, "run-2", xcoms={"drift_share": 0.1})

    with harness.started() as second:
        scraped = second.poll()

    assert scraped(gauge.metric) == 0.625


def test_backfill_does_not_replace_the_newest_run(
    harness: ExporterHarness, exporter: RunningExporter
) -> None:
    harness.add_run(PREDICT, "today", xcoms={"rmse": 40.0})
    harness.add_run(MONITOR, "today", xcoms={"improvement": 0.04})
    exporter.poll()
    harness.advance(hours=1)
    old = NOON - timedelta(days=30)
    harness.add_run(PREDICT, "a month ago", run_after=old, xcoms={"rmse": 99.0})
    harness.add_run(MONITOR, "a month ago", run_after=old, xcoms={"improvement": 0.9})

    scraped = exporter.poll()

    assert scraped("bike_prediction_rmse") == 40.0
    assert scraped("bike_model_improvement_delta") == 0.04


def test_cleared_run_has_its_new_values(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.add_run(PREDICT, xcoms={"rmse": 40.0})
    exporter.poll()
    harness.advance(minutes=5)
    harness.add_run(PREDICT, took_s=7.0, xcoms={"rmse": 35.0})

    scraped = exporter.poll()

    assert scraped("bike_prediction_rmse") == 35.0
    assert scraped("airflow_dag_run_duration_seconds", dag_id=PREDICT) == 7.0


def test_later_of_two_xcoms_with_a_key_counts(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.add_run(MONITOR, xcoms=[("first", "improvement", 0.1), ("second", "improvement", 0.2)])

    scraped = exporter.poll()

    assert scraped("bike_model_improvement_delta") == 0.2


@pytest.mark.parametrize("value", ["0.5", True, None, [1], float("nan"), float("-inf")])
def test_non_numbers_are_absent(harness: ExporterHarness, exporter: RunningExporter, value: Any) -> None:
    harness.add_run(PREDICT, xcoms={"rmse": value, "mae": 3})

    scraped = exporter.poll()

    assert scraped("bike_prediction_rmse") is None
    assert scraped("bike_prediction_mae") == 3


@pytest.mark.parametrize("value", ["2026-11-02T10:00:00", "yesterday", 5, None])
def test_time_without_a_zone_is_absent(value: Any) -> None:
    assert timestamp(value) is None


def test_durations_of_the_newest_run(harness: ExporterHarness, exporter: RunningExporter) -> None:
    tasks = [
        ("mapped", "success", 3.0),
        ("mapped", "failed", 8.0),
        ("mapped", "success", 4.0),
        ("skipped", "skipped", 0.0),
        ("not_reached", "upstream_failed", 0.0),
        ("removed", None, None),
    ]
    harness.add_run("any", "run-1", took_s=5.0)
    harness.advance(hours=1)
    harness.add_run("any", "run-2", took_s=12.5, state="failed", tasks=tasks)

    scraped = exporter.poll()

    assert scraped("airflow_dag_run_duration_seconds", dag_id="any") == 12.5
    assert scraped("airflow_task_duration_seconds", dag_id="any", task_id="mapped") == 8.0
    assert scraped.text.count("airflow_task_duration_seconds{") == 1


def test_last_success_age_grows_between_polls(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.add_run(FETCH, "good")
    harness.advance(minutes=10)
    harness.add_run(FETCH, "bad", state="failed")
    exporter.poll()
    harness.advance(minutes=2)

    scraped = exporter.scrape()

    assert scraped("airflow_dag_last_success_timestamp_seconds", dag_id=FETCH) == NOON.timestamp()
    assert scraped("airflow_dag_last_success_age_seconds", dag_id=FETCH) == 12 * 60


def test_no_age_without_a_success(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.add_run(FETCH, state="failed")

    scraped = exporter.poll()

    assert scraped("airflow_dag_last_success_age_seconds", dag_id=FETCH) is None


def test_active_runs_and_longest_running_age(harness: ExporterHarness, exporter: RunningExporter) -> None:
    for minutes in (3, 9):
        start = NOON - timedelta(minutes=minutes)
        harness.airflow.run(FETCH, f"since {minutes}", state="running", start=start)
    harness.airflow.run(FETCH, "waits", state="queued", start=None)
    harness.airflow.dags.append(PREDICT)

    scraped = exporter.poll()

    assert scraped("airflow_dag_active_runs", dag_id=FETCH, state="running") == 2
    assert scraped("airflow_dag_active_runs", dag_id=FETCH, state="queued") == 1
    assert scraped("airflow_dag_run_running_age_seconds", dag_id=FETCH) == 9 * 60
    assert scraped("airflow_dag_active_runs", dag_id=PREDICT, state="running") == 0
    assert scraped("airflow_dag_run_running_age_seconds", dag_id=PREDICT) is None


def test_run_ending_during_a_poll_is_not_running(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.airflow.run(FETCH, "run-1", state="running", start=NOON)

    def ends(request: httpx.Request) -> None:
        if request.url.params.get_list("state") == ["success", "failed"]:
            harness.add_run(FETCH, "run-1")

    harness.airflow.fault = ends

    scraped = exporter.poll()

    assert scraped("airflow_dag_runs_total", dag_id=FETCH, state="success") == 1
    assert scraped("airflow_dag_active_runs", dag_id=FETCH, state="running") == 0


def test_cleared_run_is_running_again(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.add_run(FETCH, "run-1")
    exporter.poll()
    harness.airflow.run(FETCH, "run-1", state="running", start=harness.now)

    scraped = exporter.poll()

    assert scraped("airflow_dag_active_runs", dag_id=FETCH, state="running") == 1


def test_only_selected_dags_have_series(harness: ExporterHarness) -> None:
    harness.add_run(FETCH, xcoms={"deduplication_ratio": 0.5})
    harness.add_run("another")

    with harness.started(dag_ids=frozenset({"another"})) as exporter:
        scraped = exporter.poll()

    assert scraped("airflow_dag_runs_total", dag_id="another", state="success") == 1
    assert FETCH not in scraped.text
    assert scraped("bike_deduplication_ratio") is None


def test_removed_dag_has_no_gauges(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.add_run(FETCH, xcoms={"deduplication_ratio": 0.5, "records_fetched": 4})
    exporter.poll()
    harness.airflow.dags.remove(FETCH)

    scraped = exporter.poll()

    assert scraped("bike_deduplication_ratio") is None
    assert scraped("airflow_dag_run_duration_seconds", dag_id=FETCH) is None
    assert scraped("bike_api_records_fetched_total") == 4


def test_deleted_run_keeps_counters_and_drops_gauges(harness: ExporterHarness) -> None:
    harness.add_run(FETCH, xcoms={"deduplication_ratio": 0.5, "records_fetched": 4})
    with harness.started() as first:
        first.poll()
    harness.airflow.runs.clear()

    with harness.started() as second:
        scraped = second.poll()

    assert scraped("airflow_up") == 1
    assert scraped("bike_deduplication_ratio") is None
    assert scraped("bike_api_records_fetched_total") == 4


def test_names_are_quoted_in_urls(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.add_run(
        FETCH,
        "manual__2026-11-02T12:00:00+00:00 50%2B? #1",
        tasks=[("group.task one", "success", 1.0)],
        xcoms=[("group.task one", "records_fetched", 3)],
    )

    scraped = exporter.poll()

    assert scraped("bike_api_records_fetched_total") == 3


def test_idle_poll_is_three_requests(harness: ExporterHarness, exporter: RunningExporter) -> None:
    for number in range(5):
        harness.add_run(f"dag-{number}")
    harness.add_run(FETCH, xcoms={"records_fetched": 3})
    exporter.poll()
    harness.airflow.requests.clear()

    exporter.poll()

    runs = "GET /api/v2/dags/~/dagRuns"
    assert harness.airflow.requests == ["GET /api/v2/dags", runs, runs]


def test_airflows_clock_ahead_gives_age_zero(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.add_run(FETCH, end=NOON + timedelta(seconds=20))

    scraped = exporter.poll()

    assert scraped("airflow_dag_last_success_age_seconds", dag_id=FETCH) == 0
    assert datetime.fromtimestamp(NOON.timestamp() + 20, NOON.tzinfo) > harness.now
