"""Stores what the city has counted since the newest hour we know, and what arrived late before it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dags.pipeline import upserts
from dags.pipeline.clock import Clock
from dags.pipeline.paris_api import Count
from dags.pipeline.tables import raw_counts

BATCH_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Ingested:
    records_fetched: int = 0
    """Rows the API sent."""
    records_count: int = 0
    """Rows that told something new: unknown hours and corrected counts."""
    without_count: int = 0
    """Rows without a counter or a possible count; not stored, and sought again within the look-back."""

    def __add__(self, other: "Ingested") -> "Ingested":
        return Ingested(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def deduplication_ratio(self) -> float | None:
        """The share of what was sent that was known already. None when nothing was sent."""
        known = self.records_fetched - self.without_count - self.records_count
        return known / self.records_fetched if self.records_fetched else None


def fetch_since(
    newest: datetime | None, now: datetime, *, lookback: timedelta, first_fetch: timedelta
) -> datetime:
    return newest - lookback if newest else now - first_fetch


def newest_hour(conn: sa.Connection, now: datetime) -> datetime | None:
    """Up to now: one counter whose clock is ahead must not hide what all others have yet to send."""
    hour = raw_counts.c.hour
    newest: datetime | None = conn.scalar(sa.select(sa.func.max(hour)).where(hour <= now))
    return newest


def ingest(engine: sa.Engine, counts: Iterable[Count], clock: Clock) -> Ingested:
    """Writes batch by batch: what was written before an error stays, and the next try finds it known."""
    total = Ingested()
    for batch in upserts.batches(counts, BATCH_ROWS):
        with engine.begin() as conn:
            # Stamped inside the transaction: who reads up to a stamp has read all that is older.
            total += _write(conn, batch, clock())
    return total


def _write(conn: sa.Connection, batch: Sequence[Count], now: datetime) -> Ingested:
    counted = {(one.counter_id, one.hour): one for one in batch if one.count is not None}
    known = _known(conn, batch)
    new = [one for key, one in counted.items() if known.get(key) != one.count]
    upserts.upsert(conn, raw_counts, [_row(one, now) for one in new])
    return Ingested(len(batch), len(new), sum(one.count is None for one in batch))


def _known(conn: sa.Connection, batch: Sequence[Count]) -> Mapping[tuple[str, datetime], int]:
    """What is stored of the hours this batch spans; in the order of time that is little more."""
    hours = [one.hour for one in batch]
    columns = raw_counts.c
    asked = sa.select(columns.counter_id, columns.hour, columns.count).where(
        columns.hour.between(min(hours), max(hours))
    )
    return {(row.counter_id, row.hour): row[2] for row in conn.execute(asked)}


def _row(one: Count, now: datetime) -> dict[str, Any]:
    return {
        "counter_id": one.counter_id,
        "hour": one.hour,
        "count": one.count,
        "counter_name": one.counter_name,
        "latitude": one.latitude,
        "longitude": one.longitude,
        "ingested_at": now,
    }


def told(done: Ingested, *, newest: datetime | None, day: datetime, duration_s: float) -> dict[str, Any]:
    """As XCom: what was not measured is absent, never a number that means nothing."""
    found = {
        "status": "new_data" if done.records_count else "no_new_data",
        "records_fetched": done.records_fetched,
        "records_count": done.records_count,
        "records_without_count": done.without_count,
        "deduplication_ratio": done.deduplication_ratio,
        "ingestion_duration_seconds": round(duration_s, 3),
        "ingestion_date": day.date().isoformat(),
        "newest_hour": newest.isoformat() if newest else None,
    }
    return {key: value for key, value in found.items() if value is not None}
