"""A fortnight of daily fetches from a city that publishes late, leaves gaps and has bad days."""

from datetime import timedelta

import sqlalchemy as sa

from dags.pipeline import fetching, settings
from dags.pipeline.tables import raw_counts
from testbed.fakes.paris.publication import Habits
from testbed.fakes.paris.state import Fault, ParisState
from testbed.pipeline.fake_router import NOON

DAY = timedelta(days=1)


def test_fortnight_of_late_counts_and_faults_loses_no_hour(
    paris: ParisState, paris_url: str, engine: sa.Engine, warehouse_url: str
) -> None:
    paris.habits = Habits(null_counts=0.05, null_places=0.2)
    configured = settings.load(warehouse_url=warehouse_url, paris_url=paris_url, first_fetch_days=5)

    xcoms = []
    for day in range(14):
        paris.now = NOON + DAY * day
        if day % 5 == 3:
            paris.faults.extend([Fault(status=503), Fault(), Fault(status=500)])
        xcoms.append(fetching.fetch(configured, paris.now, sleep=lambda _: None, clock=lambda: paris.now))

    # Nulls stay null for a day after they arrived, which is two days after their hour at the latest.
    first, last = NOON - 5 * DAY, paris.now - 3 * DAY
    wanted = {
        (counter.id, hour): count
        for hour, counts in zip(paris.year.hours, paris.year.counts, strict=True)
        for counter, count in zip(paris.year.counters, counts, strict=True)
        if first <= hour <= last
    }
    with engine.begin() as conn:
        stored = {(row.counter_id, row.hour): row[2] for row in conn.execute(sa.select(raw_counts))}
    assert {key: stored.get(key) for key in wanted} == wanted
    assert sum(xcom["records_count"] for xcom in xcoms) == len(stored), "each hour was new once"
    assert any(xcom["records_without_count"] for xcom in xcoms)
    assert all(0 < xcom["deduplication_ratio"] < 1 for xcom in xcoms[1:])
