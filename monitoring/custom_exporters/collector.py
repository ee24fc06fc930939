"""Answers a scrape from the board. It holds nothing that could reach Airflow: no scrape waits for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from monitoring.custom_exporters.metric_families import families
from monitoring.custom_exporters.refresher import Board, Clock


@dataclass(frozen=True, slots=True, eq=False)
class BoardCollector(Collector):
    board: Board
    clock: Clock
    stale_after: timedelta

    def collect(self) -> Iterable[Metric]:
        now = self.clock()
        return families(self.board.snapshot.as_of(now, self.stale_after), now)
