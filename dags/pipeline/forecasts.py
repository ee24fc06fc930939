"""Stores the forecasts of the next hours, and pairs those whose hours are known by now with their counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dags.pipeline import ingestion, upserts
from dags.pipeline.scores import Pair
from dags.pipeline.tables import predictions, raw_counts

HORIZON_HOURS = 48
ACTIVE_WITHIN = timedelta(days=30)
"""A counter that has sent nothing for a month is gone; the city takes some down every year."""


@dataclass(frozen=True, slots=True)
class Point:
    counter_id: str
    hour: datetime


@dataclass(frozen=True, slots=True)
class Source:
    """Which model forecast, and when."""

    model_type: str
    champion_run_id: str | None
    issued_at: datetime


def hours_ahead(now: datetime, hours: int = HORIZON_HOURS) -> list[datetime]:
    """The first is the hour that begins next."""
    start = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return [start + timedelta(hours=number) for number in range(hours)]


def active_counters(conn: sa.Connection, now: datetime) -> list[str]:
    """In order of their name. Active as of the newest stored hour, not of now: the city may be days late."""
    newest = ingestion.newest_hour(conn, now) or now
    query = (
        sa.select(raw_counts.c.counter_id)
        .where(raw_counts.c.hour > newest - ACTIVE_WITHIN, raw_counts.c.counter_id != "")
        .distinct()
        .order_by(raw_counts.c.counter_id)
    )
    return list(conn.scalars(query))


def points(counters: Sequence[str], hours: Sequence[datetime]) -> list[Point]:
    return [Point(counter, hour) for counter in counters for hour in hours]


def save(conn: sa.Connection, points: Sequence[Point], values: Sequence[float], source: Source) -> int:
    rows = [_row(point, value, source) for point, value in zip(points, values, strict=True)]
    return upserts.upsert(conn, predictions, rows)


def scored_pairs(conn: sa.Connection, *, since: datetime) -> list[Pair]:
    """Forecasts made before their hour began, of hours since then that have been counted."""
    query = (
        sa.select(predictions.c.predicted, raw_counts.c["count"])
        .join(
            raw_counts,
            sa.and_(
                raw_counts.c.counter_id == predictions.c.counter_id, raw_counts.c.hour == predictions.c.hour
            ),
        )
        # Written out for both tables: BigQuery prunes partitions by constants, not through a join.
        .where(predictions.c.hour >= since, raw_counts.c.hour >= since)
        .where(predictions.c.issued_at < predictions.c.hour)
    )
    return [(float(row[0]), float(row[1])) for row in conn.execute(query)]


def _row(point: Point, value: float, source: Source) -> dict[str, Any]:
    return {
        "counter_id": point.counter_id,
        "hour": point.hour,
        "issued_on": source.issued_at.astimezone(UTC).date(),
        "predicted": value,
        "model_type": source.model_type,
        "champion_run_id": source.champion_run_id,
        "issued_at": source.issued_at,
    }
