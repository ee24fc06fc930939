"""Turns a snapshot into Prometheus families. Pure: the same snapshot at the same time gives the same text."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily

from monitoring.custom_exporters import xcom_metrics
from monitoring.custom_exporters.counter_increments import RUNS_TOTAL, Series
from monitoring.custom_exporters.snapshot import DagState, Snapshot

DAG = ("dag_id",)
COUNTERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (RUNS_TOTAL, "Runs that have ended, by state; each run once.", ("dag_id", "state")),
    *(
        (counter.metric, counter.help, (counter.label,) if counter.label else ())
        for counter in xcom_metrics.COUNTERS
    ),
)


def families(snapshot: Snapshot, now: datetime) -> Iterator[Metric]:
    """A family without samples is left out."""
    every = (*_exporter(snapshot), *_dags(snapshot.dags, now), *_xcoms(snapshot), *_counters(snapshot))
    return (family for family in every if family.samples)


def _exporter(snapshot: Snapshot) -> Iterator[Metric]:
    known = (
        ("airflow_up", "Whether Airflow answered at the last poll.", snapshot.up),
        (
            "airflow_exporter_refresh_ok",
            "Whether the last poll of Airflow was completed.",
            snapshot.complete,
        ),
        (
            "airflow_exporter_refresh_duration_seconds",
            "Duration of the last poll of Airflow.",
            snapshot.took_s,
        ),
    )
    return (GaugeMetricFamily(name, text, value) for name, text, value in known)


def _dags(dags: Iterable[DagState], now: datetime) -> Iterable[Metric]:
    run = GaugeMetricFamily(
        "airflow_dag_run_duration_seconds", "Duration of the newest run that has ended.", labels=DAG
    )
    task = GaugeMetricFamily(
        "airflow_task_duration_seconds",
        "Duration of the task in the newest run that has ended.",
        labels=("dag_id", "task_id"),
    )
    active = GaugeMetricFamily(
        "airflow_dag_active_runs", "Runs that have not ended, by state.", labels=("dag_id", "state")
    )
    success = GaugeMetricFamily(
        "airflow_dag_last_success_timestamp_seconds", "When a run last succeeded, in Unix time.", labels=DAG
    )
    age = GaugeMetricFamily(
        "airflow_dag_last_success_age_seconds", "Time since a run last succeeded.", labels=DAG
    )
    running = GaugeMetricFamily(
        "airflow_dag_run_running_age_seconds",
        "Time for which the longest of the running runs has run.",
        labels=DAG,
    )
    for dag in dags:
        active.add_metric((dag.dag_id, "queued"), dag.queued)
        active.add_metric((dag.dag_id, "running"), dag.running)
        if dag.newest and dag.newest.run.duration_s is not None:
            run.add_metric((dag.dag_id,), dag.newest.run.duration_s)
        for task_id, seconds in sorted(dag.newest.task_seconds.items()) if dag.newest else ():
            task.add_metric((dag.dag_id, task_id), seconds)
        if dag.last_success:
            success.add_metric((dag.dag_id,), dag.last_success.timestamp())
            age.add_metric((dag.dag_id,), _age_s(dag.last_success, now))
        if dag.running_since:
            running.add_metric((dag.dag_id,), _age_s(dag.running_since, now))
    return (run, task, active, success, age, running)


def _xcoms(snapshot: Snapshot) -> Iterator[Metric]:
    for gauge in xcom_metrics.GAUGES:
        if gauge.metric in snapshot.values:
            yield _gauge(gauge.metric, gauge.help, snapshot.values[gauge.metric])


def _gauge(metric: str, text: str, value: float) -> Metric:
    family: Metric
    if metric.endswith("_count"):
        # The name is fixed, and promtool reserves _count for summaries: so this is a summary without a sum.
        family = SummaryMetricFamily(metric.removesuffix("_count"), text)
        family.add_sample(metric, {}, value)
        return family
    return GaugeMetricFamily(metric, text, value)


def _counters(snapshot: Snapshot) -> Iterator[Metric]:
    for metric, text, labels in COUNTERS:
        family = CounterMetricFamily(metric, text, labels=labels)
        for series, total in sorted(snapshot.totals.items(), key=_by_labels):
            if series.metric == metric:
                family.add_metric([value for _, value in series.labels], total)
        yield family


def _by_labels(item: tuple[Series, float]) -> tuple[tuple[str, str], ...]:
    return item[0].labels


def _age_s(since: datetime, now: datetime) -> float:
    """Never negative: Airflow's clock may be a little ahead."""
    return max((now - since).total_seconds(), 0.0)
