"""Polls Airflow: counts the runs that have ended since the last poll, and returns a snapshot of the present.

An idle poll is three requests, however many DAGs there are; a finished run costs a few more, once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitoring.custom_exporters import counter_increments, xcom_metrics
from monitoring.custom_exporters.airflow_api import Airflow
from monitoring.custom_exporters.run_store import RunStore
from monitoring.custom_exporters.runs import Ended, Run
from monitoring.custom_exporters.snapshot import DagState, Snapshot

OVERLAP = timedelta(minutes=10)
"""Finished runs are listed again for this long: an end is dated before it is committed, so a later end may
be visible first."""


@dataclass(slots=True)
class Poller:
    airflow: Airflow
    store: RunStore
    only: frozenset[str] = frozenset()
    """Show only these DAGs; empty: all."""
    _newest: dict[str, Ended] = field(default_factory=dict)
    """By DAG. Kept between polls, because a finished run does not change."""

    def poll(self, clock: Callable[[], datetime]) -> Snapshot:
        """Raises Unavailable and sqlite3.Error; runs counted before the error stay counted."""
        started = clock()
        dag_ids = self.airflow.dag_ids()
        shown = dag_ids & self.only if self.only else dag_ids
        active = self.airflow.active_runs()
        ended = self._count_ended()
        self.store.start_at_zero(counter_increments.initial_series(dag_ids))
        # A run that ended between the two requests is not active as well.
        dags = self._states(shown, [run for run in active if (run.dag_id, run.run_id) not in ended])
        return Snapshot(
            up=True,
            complete=True,
            at=clock(),
            took_s=max((clock() - started).total_seconds(), 0.0),
            totals=self.totals(),
            dags=dags,
            values=self._values(dags),
        )

    def totals(self) -> dict[counter_increments.Series, float]:
        return {series: total for series, total in self.store.totals().items() if self._shows(series)}

    def _shows(self, series: counter_increments.Series) -> bool:
        dag_id = dict(series.labels).get("dag_id")
        return not self.only or dag_id is None or dag_id in self.only

    def _count_ended(self) -> set[tuple[str, str]]:
        """The names of the runs that were new."""
        end = self.store.newest_end()
        new = set()
        for page in self.airflow.finished_runs(end - OVERLAP if end else None):
            for run in page:
                if not self.store.has(run):
                    self._count(run)
                    new.add((run.dag_id, run.run_id))
        return new

    def _count(self, run: Run) -> None:
        ended = self._ended(run) if xcom_metrics.keys_of(run.dag_id) else Ended(run)
        lasting = xcom_metrics.gauge_values(ended, lasting=True)
        self.store.record(run, counter_increments.increments(ended), lasting)

    def _ended(self, run: Run) -> Ended:
        keys = xcom_metrics.keys_of(run.dag_id)
        return Ended(run, self.airflow.tasks(run), self.airflow.xcoms(run, keys) if keys else ())

    def _states(self, dag_ids: frozenset[str], active: list[Run]) -> tuple[DagState, ...]:
        newest = {dag: run for dag, run in self.store.newest_runs().items() if dag in dag_ids}
        successes = self.store.last_successes()
        self._newest = {dag: self._cached(run) or self._ended(run) for dag, run in newest.items()}
        return tuple(
            DagState(
                dag_id=dag,
                newest=self._newest.get(dag),
                last_success=successes.get(dag),
                active=tuple(run for run in active if run.dag_id == dag),
            )
            for dag in sorted(dag_ids)
        )

    def _cached(self, run: Run) -> Ended | None:
        ended = self._newest.get(run.dag_id)
        return ended if ended and ended.run == run else None

    def _values(self, dags: tuple[DagState, ...]) -> dict[str, float]:
        """By metric, of the DAGs that are shown."""
        shown = {dag.dag_id for dag in dags}
        wanted = {gauge.metric for gauge in xcom_metrics.GAUGES if gauge.dag_id in shown}
        kept = {metric: value for metric, value in self.store.lasting_values().items() if metric in wanted}
        now = [xcom_metrics.gauge_values(dag.newest, lasting=False) for dag in dags if dag.newest]
        return {metric: value for values in (kept, *now) for metric, value in values.items()}
