"""What a finished run adds to which counter. Pure; the run store adds it exactly once."""

from collections.abc import Iterable
from dataclasses import dataclass

from monitoring.custom_exporters import xcom_metrics
from monitoring.custom_exporters.runs import FAILED, FINISHED, Ended
from monitoring.custom_exporters.xcom_metrics import XComCounter

RUNS_TOTAL = "airflow_dag_runs_total"
MAX_LABEL_CHARS = 100
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Series:
    metric: str
    labels: Labels = ()


def increments(ended: Ended) -> dict[Series, float]:
    run = ended.run
    totals = {Series(RUNS_TOTAL, (("dag_id", run.dag_id), ("state", run.state))): 1.0}
    for counter in xcom_metrics.COUNTERS:
        if counter.dag_id == run.dag_id:
            totals |= _event(counter, counter.label, ended) if counter.label else _amount(counter, ended)
    return totals


def initial_series(dag_ids: Iterable[str]) -> set[Series]:
    """The event counters that start at 0 for these DAGs, so that the first event is an increase.

    Amounts, such as rows fetched, start with the first measured amount.
    """
    dag_ids = frozenset(dag_ids)
    runs = {Series(RUNS_TOTAL, (("dag_id", dag), ("state", state))) for dag in dag_ids for state in FINISHED}
    events = {
        Series(counter.metric, ((counter.label, value),))
        for counter in xcom_metrics.COUNTERS
        if counter.label and counter.dag_id in dag_ids
        for value in counter.known
    }
    return runs | events


def _amount(counter: XComCounter, ended: Ended) -> dict[Series, float]:
    amount = xcom_metrics.number(ended.pushed(counter.key, counter.task_id))
    # A counter never goes down.
    return {} if amount is None or amount < 0 else {Series(counter.metric): amount}


def _event(counter: XComCounter, label: str, ended: Ended) -> dict[Series, float]:
    value = ended.pushed(counter.key, counter.task_id)
    if value is None and counter.failing_task and ended.failed(counter.failing_task):
        value = FAILED
    if not isinstance(value, str) or not value:
        return {}
    return {Series(counter.metric, ((label, value[:MAX_LABEL_CHARS]),)): 1.0}
