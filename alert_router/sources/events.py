"""The body of POST /events: direct reports from the DAGs and the backend."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, FiniteFloat, TypeAdapter, ValidationError

from alert_router.sources.alertmanager import Text, Time
from alert_router.sources.errors import FieldError, InvalidBody, errors_of

SOURCE = "events"
LAST_YEAR = 9000
"""So that an expiry can be added to a time."""


def _before_last_year(value: datetime) -> datetime:
    if value.year > LAST_YEAR:
        raise ValueError(f"must lie before the year {LAST_YEAR + 1}")
    return value


Name = Annotated[Text, Field(min_length=1, max_length=250)]
LongText = Annotated[Text, Field(max_length=20_000)]


class _Event(BaseModel):
    dag_id: Name
    run_id: Name
    occurred_at: Annotated[Time, AfterValidator(_before_last_year)]
    task_id: Text | None = None
    try_number: int | None = None
    model_type: Name | None = None


class _TrainingEvent(_Event):
    test_mode: bool = False
    """A trial: it neither opens nor resolves an alert about the real trainings."""


class TrainingSuccess(_TrainingEvent):
    type: Literal["training_success"]
    improvement: FiniteFloat | None = None
    decision: Text
    new_r2: FiniteFloat | None = None
    old_r2: FiniteFloat | None = None


class TrainingFailure(_TrainingEvent):
    type: Literal["training_failure"]
    error_message: LongText


class _MonitoringEvent(_Event):
    """An observation that a later check can find resolved."""

    status: Literal["firing", "resolved"] = "firing"


class DriftAlert(_MonitoringEvent):
    type: Literal["drift_alert"]
    drift_share: Annotated[FiniteFloat, Field(ge=0, le=1)]
    r2: FiniteFloat | None = None
    drifted_features: list[Text] = []


class PerformanceAlert(_MonitoringEvent):
    type: Literal["performance_alert"]
    r2: FiniteFloat
    rmse: FiniteFloat | None = None
    thresholds: dict[Text, FiniteFloat] = {}
    """By name: r2_critical, r2_warning, rmse."""


class ApiError(_Event):
    type: Literal["api_error"]
    endpoint: Name
    error: LongText


Event = Annotated[
    TrainingSuccess | TrainingFailure | DriftAlert | PerformanceAlert | ApiError, Field(discriminator="type")
]
_ADAPTER: TypeAdapter[Event] = TypeAdapter(Event)
_TYPES = tuple(_ADAPTER.json_schema()["discriminator"]["mapping"])


def schema(ref_template: str) -> dict[str, Any]:
    """The JSON Schema of an event, for the API's documentation."""
    return _ADAPTER.json_schema(ref_template=ref_template)


def parse(body: bytes) -> Event:
    """Raises InvalidBody, naming the fields."""
    try:
        return _ADAPTER.validate_json(body)
    except ValidationError as error:
        raise InvalidBody(*_field_errors(error)) from error


def _field_errors(error: ValidationError) -> tuple[FieldError, ...]:
    """Fields are named as the sender wrote them, without the event's type that pydantic puts before them."""
    if error.errors()[0]["type"].startswith("union_tag"):
        return (FieldError("type", f"must be one of {', '.join(_TYPES)}"),)
    return tuple(replace(item, field=item.field.partition(".")[2]) for item in errors_of(error))
