"""The JSON of /insights and of /alerts/{id}/why. Field names are part of the API."""

from datetime import date, datetime
from typing import Self

from alert_router.domain.percentiles import Percentiles
from alert_router.store.insights import Insights, Totals
from alert_router.store.why import Answer
from alert_router.web.schemas import Out


class PercentilesOut(Out):
    """Seconds; null where there is nothing to count."""

    median: int | None
    p90: int | None


class DayCountOut(Out):
    day: date
    severity: str
    count: int


class NoisyOut(Out):
    alertname: str
    count: int
    median_duration_s: int | None


class HabitOut(NoisyOut):
    previous: int
    """How often it began in the span before."""
    ended: int
    unattended: int
    """Over, and nobody had acknowledged them."""
    flapping: int
    silenced: int
    longest_s: int
    longest_id: int | None
    """The alert that fired longest."""
    by_week: list[int]
    sentence: str
    """What that suggests; may be empty."""


class HeatCellOut(Out):
    weekday: int
    """0 is Monday."""
    hour: int
    count: int


class TotalsOut(Out):
    alerts: int
    incidents: int
    notified: int
    """New messages that people were notified by."""
    at_night: int
    """Of those, how many between 22:00 and 07:00."""
    duplicates: int
    """Reports that brought nothing new, and so were suppressed."""
    time_to_acknowledge_s: PercentilesOut
    time_to_resolve_s: PercentilesOut


class InsightsOut(TotalsOut):
    since: datetime
    until: datetime
    by_day: list[DayCountOut]
    noisiest: list[NoisyOut]
    flapping: list[HabitOut]
    longest: list[HabitOut]
    never_acted_on: list[HabitOut]
    trends: list[HabitOut]
    """Of every alertname, the noisiest first."""
    heat: list[HeatCellOut]
    """The 168 hours of a week."""
    previous: TotalsOut
    """Of the span of the same length before it."""

    @classmethod
    def of_insights(cls, found: Insights) -> Self:
        return cls.model_validate(
            _totals(found.totals)
            | {
                "since": found.since,
                "until": found.until,
                "by_day": found.by_day,
                "noisiest": list(found.noisiest),
                "flapping": list(found.flapping),
                "longest": list(found.longest),
                "never_acted_on": list(found.never_acted_on),
                "trends": list(found.habits),
                "heat": found.heat,
                "previous": _totals(found.previous),
            }
        )


def _totals(totals: Totals) -> dict[str, object]:
    names = ("alerts", "incidents", "notified", "at_night", "duplicates")
    return {
        **{name: getattr(totals, name) for name in names},
        "time_to_acknowledge_s": _percentiles(totals.time_to_acknowledge),
        "time_to_resolve_s": _percentiles(totals.time_to_resolve),
    }


def _percentiles(values: Percentiles) -> PercentilesOut:
    return PercentilesOut(median=values.median, p90=values.p90)


class ExplainedOut(Out):
    at: datetime
    action: str
    """create, edit or none."""
    reason: str
    sentence: str


class AnswerOut(Out):
    channel: str
    announced_at: datetime | None
    """When a message announced the alert; null: none has."""
    message_url: str | None
    sentence: str
    """Why there was, or was not, a new message."""
    decisions: list[ExplainedOut]


class WhyOut(Out):
    alert_id: int
    channels: list[AnswerOut]

    @classmethod
    def of(cls, alert_id: int, answers: tuple[Answer, ...]) -> Self:
        return cls.model_validate({"alert_id": alert_id, "channels": answers})
