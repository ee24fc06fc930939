"""Counts in the body of a request. One mistaken date would make the grid a century long for everybody."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from backend.regmodel.app.problems import FieldError, Refused
from backend.regmodel.app.schemas import Counted
from backend.regmodel.data.observations import Observation, TooWide

AHEAD = timedelta(days=1)
"""The sender's clock may be fast, and an hour is counted under its beginning; more is a mistake."""
BACK = timedelta(days=20 * 365)
MAX_TOLD = 20


def observed(rows: Sequence[Counted], now: datetime) -> list[Observation]:
    """Raises the 422 that names the counts which are dated too far from now."""
    earliest, latest = now - BACK, now + AHEAD
    wrong = [number for number, row in enumerate(rows) if not earliest <= row.at <= latest]
    if wrong:
        message = f"a count must lie between {earliest:%Y-%m-%d} and {latest:%Y-%m-%dT%H:%MZ}"
        errors = [FieldError(field=f"rows.{number}.at", message=message) for number in wrong[:MAX_TOLD]]
        raise Refused(422, "Invalid request", f"{errors[0].field}: {message}", errors)
    return [row.observation() for row in rows]


def too_wide(error: TooWide) -> Refused:
    found = FieldError(field="rows", message=str(error))
    return Refused(422, "Invalid request", f"rows: {error}", [found])
