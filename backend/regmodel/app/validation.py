"""Counts in the body of a request. One wrong date would make the grid a century long for everybody."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from backend.regmodel.app.problems import MAX_ERRORS, FieldError, ProblemError
from backend.regmodel.app.schemas import CountRow
from backend.regmodel.data.observations import Observation

MAX_AHEAD = timedelta(days=1)
"""The sender's clock may be fast, and an hour is counted under its beginning."""
MAX_AGE = timedelta(days=20 * 365)


def to_observations(rows: Sequence[CountRow], now: datetime) -> list[Observation]:
    """Raises the 422 that names the counts which are dated too far from now."""
    earliest, latest = now - MAX_AGE, now + MAX_AHEAD
    out_of_range = [number for number, row in enumerate(rows) if not earliest <= row.at <= latest]
    if out_of_range:
        message = f"a count must lie between {earliest:%Y-%m-%d} and {latest:%Y-%m-%dT%H:%MZ}"
        errors = [FieldError(field=f"rows.{n}.at", message=message) for n in out_of_range[:MAX_ERRORS]]
        raise ProblemError(422, "Invalid request", f"{errors[0].field}: {message}", errors)
    return [row.observation() for row in rows]
