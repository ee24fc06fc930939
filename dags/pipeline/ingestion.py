"""Stores the counts since the newest hour in the warehouse, and those that arrived late before it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dags.pipeline import upserts
from dags.pipeline.clock import Clock
from dags.pipeline.paris_api import Count
from dags.pipeline.tables import raw_counts
from dags.pipeline.xcom import XCom, without_none

BATCH_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Ingested:
    records_fetched: int = 0
    """Rows the API sent."""
    records_count: int = 0
    """Rows with something new: unknown hours and corrected counts."""
    without_count: int = 0
    """Rows without a counter or a possible count; not stored, and fetched again within the look-back."""

    def __add__(self, other: "Ingested") -> "Ingested":
        return Ingested(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def deduplication_ratio(self) -> float | None:
        """The share of the rows sent that were known already. None when none was sent."""
        known = self.records_fetched - self.without_count - self.records_count
        return known / self.records_fetched if self.records_fetched else None


def fetch_since(
    newest: datetime | None, now: datetime, *, lookback: timedelta, first_fetch: timedelta
) -> datetime:
    return newest - lookback if newest else now - first_fetch


def newest_hour(conn: sa.Connection, now: datetime) -> datetime | None:
    """Up to now: a counter whose clock is ahead must not hide the hours that the others have yet to send."""
    hour = raw_counts.c.hour
    newest: datetime | None = conn.scalar(sa.select(sa.func.max(hour)).where(hour <= now))
    return newest


def ingest(engine: sa.Engine, counts: Iterable[Count], clock: Clock) -> Ingested:
    """Writes batch by batch: rows written before an error stay, and the next try finds them known."""
    total = Ingested()
    for batch in upserts.batches(counts, BATCH_ROWS):
        with engine.begin() as conn:
            # Stamped inside the transaction: a reader that has read up to a stamp has read all older rows.
            total += _write(conn, batch, clock())
    return total


def _write(conn: sa.Connection, batch: Sequence[Count], now: datetime) -> Ingested:
    counted = {(row.counter_id, row.hour): row for row in batch if row.count is not None}
    known = _known(conn, batch)
    new = [row for key, row in counted.items() if known.get(key) != row.count]
    upserts.upsert(conn, raw_counts, [_row(count, now) for count in new])
    return Ingested(len(batch), len(new), sum(row.count is None for row in batch))


def _known(conn: sa.Connection, batch: Sequence[Count]) -> Mapping[tuple[str, datetime], int]:
    """The stored counts of the hours this batch spans; rows come in order of time, so that is little more."""
    hours = [row.hour for row in batch]
    columns = raw_counts.c
    query = sa.select(columns.counter_id, columns.hour, columns.count).where(
        columns.hour.between(min(hours), max(hours))
    )
    return {(row.counter_id, row.hour): row[2] for row in conn.execute(query)}


def _row(count: Count, now: datetime) -> dict[str, Any]:
    return {
        "counter_id": count.counter_id,
        "hour": count.hour,
        "count": count.count,
        "counter_name": count.counter_name,
        "latitude": count.latitude,
        "longitude": count.longitude,
        "ingested_at": now,
    }


def to_xcom(ingested: Ingested, *, newest: datetime | None, day: datetime, duration_s: float) -> XCom:
    return without_none(
        {
            "status": "new_data" if ingested.records_count else "no_new_data",
            "records_fetched": ingested.records_fetched,
            "records_count": ingested.records_count,
            "records_without_count": ingested.without_count,
            "deduplication_ratio": ingested.deduplication_ratio,
            "ingestion_duration_seconds": round(duration_s, 3),
            "ingestion_date": day.date().isoformat(),
            "newest_hour": newest.isoformat() if newest else None,
        }
    )
