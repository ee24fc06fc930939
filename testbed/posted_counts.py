"""Counts of commuters as POST /observations takes them: a wave a day, half of it at weekends."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

HOUR = timedelta(hours=1)


def commuters(counters: int, *, days: int, until: datetime) -> Iterator[dict[str, Any]]:
    """Every hour of so many days before `until`, of counter-0, counter-1, ...; the last is the busiest."""
    for number in range(counters):
        for hours_ago in range(1, days * 24 + 1):
            at = until - hours_ago * HOUR
            wave = (20 + 10 * number) * (1.2 - math.cos(2 * math.pi * at.hour / 24))
            yield row(f"counter-{number}", at, round(wave * (0.5 if at.weekday() >= 5 else 1)))


def row(counter: str, at: datetime, count: int) -> dict[str, Any]:
    return {"counter_id": counter, "at": at.isoformat(), "count": count}
