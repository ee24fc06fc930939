"""What the past of an alertname suggests to the person who owns its rule. Pure."""

from dataclasses import dataclass

from alert_router.domain.percentiles import Percentiles

MIN_EPISODES = 3
"""Fewer are no habit."""
MOSTLY = 0.8
SHORT_S = 3600
STEPS_MIN = (5, 10, 15, 30, 60)
"""Values of `for` that people write."""
DAYS_A_WEEK = 7
NO_DURATIONS = Percentiles()


@dataclass(frozen=True, slots=True)
class Past:
    """Of one alertname in a span of days."""

    alerts: int
    ended: int
    unattended: int
    """Over, and nobody had acknowledged them."""
    flapping: int
    days: float
    durations: Percentiles = NO_DURATIONS

    @property
    def a_week(self) -> float:
        return self.alerts * DAYS_A_WEEK / self.days


def advice(past: Past) -> str:
    """Such as "fires 9 times a week, over by itself in 11 of 12: raise `for` to 15 min?"."""
    if past.alerts < MIN_EPISODES:
        return ""
    facts = [f"fires {_times(past.a_week)}"]
    if past.ended:
        facts.append(f"over by itself in {past.unattended} of {past.ended}")
    suggestion = _suggestion(past)
    return ", ".join(facts) + (f": {suggestion}" if suggestion else "")


def _times(a_week: float) -> str:
    if a_week >= 2 * DAYS_A_WEEK:
        return f"{a_week / DAYS_A_WEEK:.0f} times a day"
    if a_week >= 1.5:  # noqa: PLR2004 - rounds to two
        return f"{a_week:.0f} times a week"
    return "about once a week" if a_week >= 0.75 else "less than once a week"  # noqa: PLR2004


def _suggestion(past: Past) -> str:
    if not past.ended or past.unattended < MOSTLY * past.ended:
        return ""
    p90 = past.durations.p90
    if p90 is not None and p90 < SHORT_S:
        return f"raise `for` to {_step(p90)} min?"
    if past.flapping > past.alerts / 2:
        return "it flaps: add `keep_firing_for`?"
    return "nobody acts on it: is it needed?"


def _step(seconds: int) -> int:
    return next(minutes for minutes in STEPS_MIN if minutes * 60 > seconds)
