"""Builds small results for tests; by default every week is good."""

from datetime import UTC, datetime, timedelta
from typing import Any

from testbed.year.results import Alert, EvaluatedWeek, Score, Week, Year

MONDAY = datetime(2020, 12, 21, 6, tzinfo=UTC)
GOOD, BAD = Score(r2=0.9, rmse=20.0), Score(r2=0.5, rmse=100.0)


def weeks_later(count: int) -> datetime:
    return MONDAY + timedelta(weeks=count)


def week(number: int = 0, **changes: Any) -> Week:
    return Week(
        **{"at": weeks_later(number), "measured": GOOD, "drift_share": 0.1, "decision": "ok", **changes}
    )


def evaluated(number: int = 0, **changes: Any) -> EvaluatedWeek:
    first_day = week(number).first_day
    return EvaluatedWeek(**{"first_day": first_day, "adaptive": GOOD, "kept": GOOD, **changes})


def alert(number: int = 1, *, begins: int = 0, ends: int | None = None, **changes: Any) -> Alert:
    """begins, ends: in weeks after the first Monday."""
    defaults = {
        "id": number,
        "alertname": "HighDrift",
        "severity": "warning",
        "source": "events",
        "incident_id": 7,
        "starts_at": weeks_later(begins),
        "ends_at": None if ends is None else weeks_later(ends),
        "repeats": 0,
    }
    return Alert(**{**defaults, **changes})


def year(**changes: Any) -> Year:
    defaults = {
        "source": "city",
        "model_type": "rf",
        "r2_critical": 0.65,
        "r2_warning": 0.70,
        "rmse_limit": 90.0,
        "drift_limit": 0.5,
        "weeks": (week(0), week(1)),
        "alerts": (),
        "evaluated": (evaluated(0), evaluated(1)),
        "cards": {"wanted": 1},
        "discord": {"messages": 1},
        "took_s": 60.0,
    }
    return Year(**{**defaults, **changes})
