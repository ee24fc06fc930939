"""Bodies of requests and answers. Unknown keys are errors: a misspelt option must not be ignored silently."""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StrictBool,
    StrictFloat,
    StrictInt,
    model_validator,
)

from backend.regmodel.data.counts import Window
from backend.regmodel.data.observations import Observation
from backend.regmodel.data.source import Origin
from backend.regmodel.jobs.runs import Run, State
from backend.regmodel.model import hyperparameters
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.model.hyperparameters import Hyperparameter
from backend.regmodel.registry.summary import Expected, Model, Span

FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
MAX_POSTED = 50_000
MAX_COUNT = 1_000_000
"""Per hour. Far larger numbers overflow when they are squared for a score."""


def _in_range(at: datetime) -> datetime:
    if not FIRST <= at < LAST:
        raise ValueError(f"must lie between {FIRST:%Y} and {LAST:%Y}")
    return at


Moment = Annotated[AwareDatetime, AfterValidator(_in_range)]
CounterId = Annotated[str, Field(min_length=1, max_length=100)]
ShortText = Annotated[str, Field(strict=True, max_length=40)]
RunId = Annotated[str, Field(min_length=1, max_length=100)]


HyperparameterName = Annotated[str, Field(min_length=1, max_length=40)]
HyperparameterValue = (
    StrictBool | StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)] | ShortText | None
)


def _within_limits(values: dict[str, Hyperparameter]) -> dict[str, Hyperparameter]:
    hyperparameters.check(values)
    return values


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Timespan(Body):
    start: Moment
    end: Moment

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.start >= self.end:
            raise ValueError("end must be later than start")
        return self

    @property
    def window(self) -> Window:
        return Window(self.start, self.end)


class ForecastRow(Body):
    counter_id: CounterId
    at: Moment


class CountRow(ForecastRow):
    count: Annotated[FiniteFloat, Field(ge=0, le=MAX_COUNT)]

    def observation(self) -> Observation:
        return Observation(self.counter_id, self.at, self.count)


class PredictRequest(Body):
    model_type: ModelType | None = None
    rows: list[ForecastRow] = Field(min_length=1, max_length=MAX_POSTED)
    allow_stale: bool = False
    """Forecast also further ahead of the newest count than REGMODEL_MAX_DAYS_AHEAD."""


class Prediction(Body):
    counter_id: str
    at: datetime
    count: float
    """Bicycles in the hour that begins at `at` (cut to the hour)."""


class PredictResponse(Body):
    model_type: ModelType
    champion_run_id: str
    newest_observation: datetime | None
    """The beginning of the newest recorded hour; null without any count."""
    data_age_hours: float | None
    """How long ago that hour ended."""
    predictions: list[Prediction]
    unknown_counters: list[str]
    """Not in the champion's training: forecast from their own recent counts, or from the city's mean week."""


class TrainRequest(Body):
    model_type: ModelType | None = None
    start: Moment | None = None
    end: Moment | None = None
    test_mode: bool = False
    promote_if_better: bool = False
    holdout_days: int | None = Field(default=None, ge=1, le=60)
    hyperparameters: Annotated[
        dict[HyperparameterName, HyperparameterValue], AfterValidator(_within_limits)
    ] = Field(default={}, max_length=20)

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.start and self.end and self.start >= self.end:
            raise ValueError("end must be later than start")
        return self


class RunResponse(Body):
    run_id: str
    model_type: ModelType
    state: State
    stage: str
    submitted_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    reason: str | None
    """The reason of a failure."""
    interrupted: bool
    """It failed because the service stopped: order it again, the same Idempotency-Key gives a new run."""
    promoted: bool
    result: Model | None

    @classmethod
    def of(cls, run: Run, stage: str) -> Self:
        fields = run.model_dump(exclude={"idempotency_key", "result", "test_mode"})
        return cls(**fields, stage=stage, result=run.result)


class EvaluateRequest(Timespan):
    model_type: ModelType | None = None
    run_id: RunId | None = None
    rows: list[CountRow] = Field(default=[], max_length=MAX_POSTED)


class EvaluateResponse(Body):
    status: Literal["computed", "not_computed"]
    reason: str | None = None
    model_type: ModelType
    run_id: str
    start: datetime
    end: datetime
    r2: float | None = None
    rmse: float | None = None
    mae: float | None = None
    rows: int = 0
    gauge_set: bool = False
    """Only a computed score of the champion moves model_r2_score and model_rmse."""


class MonitorRequest(Timespan):
    model_type: ModelType | None = None
    reference: Timespan | None = None
    """Default: the window the champion was fitted on."""
    rows: list[CountRow] = Field(default=[], max_length=MAX_POSTED)


class MonitorResponse(Body):
    status: Literal["computed", "not_computed"]
    reason: str | None = None
    start: datetime
    end: datetime
    reference: Span
    drift_detected: bool | None = None
    drift_share: float | None = None
    drifted_features_count: int | None = None
    drifted_features: list[str] = []
    compared_features: int = 0
    not_compared: list[str] = []
    method: str
    column_threshold: float
    share_threshold: float


class PromoteRequest(Body):
    model_type: ModelType
    run_id: RunId
    expected_champion: RunId | None = None
    """When set and another model is champion, nothing is promoted (409); null expects no champion."""

    @property
    def expected(self) -> str | Expected | None:
        return self.expected_champion if "expected_champion" in self.model_fields_set else Expected.ANYTHING


class PromoteResponse(Body):
    model_type: ModelType
    run_id: str
    replaced: str | None
    registry_version: int


class ObservationsRequest(Body):
    rows: list[CountRow] = Field(min_length=1, max_length=MAX_POSTED)


class ObservationsResponse(Body):
    stored: int
    data: Span


class DataInfo(Body):
    source: Origin
    start: datetime
    end: datetime
    counters: int


class Sensor(Body):
    counter_id: str
    since: datetime
    """The first of its zeros."""
    usual: float
    """Mean count an hour before."""


class SensorsResponse(Body):
    counters: int
    dead: list[Sensor]
    """Counters that have reported only 0 for at least a day where at least 5 an hour are usual."""


class HealthResponse(Body):
    status: Literal["ok", "degraded"]
    detail: str | None
    champions: dict[ModelType, str]
    registry_version: int
    data: DataInfo
