"""Answers a scrape from the newest snapshot. It has no access to Airflow, so no scrape waits for Airflow."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from monitoring.custom_exporters.metric_families import families
from monitoring.custom_exporters.refresher import Clock, SnapshotHolder


@dataclass(frozen=True, slots=True, eq=False)
class SnapshotCollector(Collector):
    holder: SnapshotHolder
    clock: Clock
    stale_after: timedelta

    def collect(self) -> Iterable[Metric]:
        now = self.clock()
        return families(self.holder.snapshot.as_of(now, self.stale_after), now)
