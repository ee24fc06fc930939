"""The results of a year, week by week: stored as JSON, read by the table, the picture and the document."""

from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict

INFORMATIONAL = "info"
WEEK = timedelta(days=7)


class Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(Value):
    """r2 and rmse are None when the service could not compute them."""

    r2: float | None = None
    rmse: float | None = None


class Week(Value):
    """One Monday's run of monitor_and_fine_tune, and the daily runs of the week before it."""

    at: datetime
    measured: Score = Score()
    """The champion on the counts published of the last seven days: the pipeline decided on this."""
    forecast: Score = Score()
    """Of the forecasts that were kept in the week, against the counts known by then."""
    drift_share: float | None = None
    decision: str | None = None
    reason: str | None = None
    failed_task: str | None = None
    trained: bool = False
    training_s: float | None = None
    deployment: str | None = None
    improvement: float | None = None
    champion: str | None = None
    """The champion after this run."""
    rows_new: int = 0
    forecasts: int = 0
    opened: tuple[str, ...] = ()
    """Names of the episodes that began in this run or since the run before."""
    resolved: tuple[str, ...] = ()
    took_s: float = 0.0

    @property
    def first_day(self) -> date:
        return (self.at - WEEK).date()

    @property
    def last_day(self) -> date:
        return self.at.date() - timedelta(days=1)

    @property
    def deployed(self) -> bool:
        return self.deployment == "deploy"


class Alert(Value):
    """As in the router's history, in simulated time."""

    id: int
    alertname: str
    severity: str
    source: str
    incident_id: int
    starts_at: datetime
    ends_at: datetime | None
    repeats: int

    @property
    def is_announcement(self) -> bool:
        """An announcement that was never open."""
        return self.severity == INFORMATIONAL


class EvaluatedWeek(Value):
    """A whole week, Monday to Sunday, evaluated when all its counts had arrived."""

    first_day: date
    adaptive: Score
    """By the champion that answered in that week."""
    kept: Score
    """By the first champion."""
    autumn: Score | None = None
    """By a model of 2020-09-01 to 2020-11-30, from the week after it."""


class Year(Value):
    source: str
    """Of the counts: "city" or "generated"."""
    model_type: str
    r2_critical: float
    r2_warning: float
    rmse_limit: float
    drift_limit: float
    weeks: tuple[Week, ...]
    alerts: tuple[Alert, ...]
    evaluated: tuple[EvaluatedWeek, ...]
    cards: dict[str, int]
    """The router's ledger."""
    discord: dict[str, int]
    """Messages, edits and answers of 429 of the fake Discord."""
    took_s: float
