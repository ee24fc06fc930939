"""What one finished run adds to which counter. Pure; that it is added once is the ledger's business."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from monitoring.custom_exporters import xcom_metrics
from monitoring.custom_exporters.runs import FINISHED, Run
from monitoring.custom_exporters.xcom_metrics import XComCounter

RUNS_TOTAL = "airflow_dag_runs_total"
MAX_LABEL_CHARS = 100
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Series:
    metric: str
    labels: Labels = ()


def contributions(run: Run, xcoms: Mapping[str, Any]) -> dict[Series, float]:
    added = {Series(RUNS_TOTAL, (("dag_id", run.dag_id), ("state", run.state))): 1.0}
    for counter in xcom_metrics.COUNTERS:
        if counter.dag_id == run.dag_id and counter.key in xcoms:
            added |= _contribution(counter, xcoms[counter.key])
    return added


def beginnings(dag_ids: Iterable[str]) -> set[Series]:
    """The series that exist at 0 once these DAGs are known and all their runs counted."""
    dag_ids = frozenset(dag_ids)
    runs = {Series(RUNS_TOTAL, (("dag_id", dag), ("state", state))) for dag in dag_ids for state in FINISHED}
    ours = [counter for counter in xcom_metrics.COUNTERS if counter.dag_id in dag_ids]
    return runs.union(*(_known(counter) for counter in ours))


def _contribution(counter: XComCounter, value: Any) -> dict[Series, float]:
    if counter.label is None:
        amount = xcom_metrics.number(value)
        return {} if amount is None or amount < 0 else {Series(counter.metric): amount}
    if not isinstance(value, str) or not value:
        return {}
    return {Series(counter.metric, ((counter.label, value[:MAX_LABEL_CHARS]),)): 1.0}


def _known(counter: XComCounter) -> set[Series]:
    if counter.label is None:
        return {Series(counter.metric)}
    return {Series(counter.metric, ((counter.label, value),)) for value in counter.known}
