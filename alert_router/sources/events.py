"""The body of POST /events: direct reports of jobs, DAGs, scripts and services."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    Field,
    FiniteFloat,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from alert_router.sources.alertmanager import Text
from alert_router.sources.errors import FieldError, InvalidBody, errors_of
from alert_router.sources.event_fields import EventLabels, Link, LongText, Moment, Name, Report

SOURCE = "events"
MAX_DURATION_S = 1e9
"""Thirty years."""


class _DagEvent(Report):
    dag_id: Name
    run_id: Name
    occurred_at: Moment
    task_id: Text | None = None
    try_number: int | None = None
    model_type: Name | None = None


class _TrainingEvent(_DagEvent):
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


class _MonitoringEvent(_DagEvent):
    """An observation that a later check can find resolved."""

    status: Literal["firing", "resolved"] = "firing"


class DriftAlert(_MonitoringEvent):
    type: Literal["drift_alert"]
    drift_share: Annotated[FiniteFloat, Field(ge=0, le=1)]
    r2: FiniteFloat | None = None
    drifted_features: Annotated[list[Text], Field(default_factory=list)]


class PerformanceAlert(_MonitoringEvent):
    type: Literal["performance_alert"]
    r2: FiniteFloat
    rmse: FiniteFloat | None = None
    thresholds: Annotated[dict[Text, FiniteFloat], Field(default_factory=dict)]
    """By name: r2_critical, r2_warning, rmse."""


class ApiError(_DagEvent):
    type: Literal["api_error"]
    endpoint: Name
    error: LongText


class GenericEvent(Report):
    """Anything that begins and ends, or just happens."""

    type: Literal["event"]
    status: Literal["firing", "resolved", "info"]
    """firing opens an alert, resolved ends it; info is shown once."""
    name: Name
    """The alertname: "BackupFailed"."""
    key: Name | None = None
    """Tells events of one name apart, such as the database's name; firing and resolved have the same."""
    severity: Name | None = None
    """critical, error, warning, info; warning unless given, info for an info."""
    summary: LongText = ""
    description: LongText = ""
    labels: Annotated[EventLabels, Field(default_factory=dict)]
    """For routes and filters; without a key, they tell events of one name apart."""
    mark: bool = False
    """An info that is a mark on charts, such as a deployment, and makes no card."""
    occurred_at: Moment | None = None
    """When it happened; the time of receipt unless given. A repeat with the same time is the same event."""

    @model_validator(mode="after")
    def _only_info_is_a_mark(self) -> Self:
        if self.mark and self.status != "info":
            raise ValueError("only an event of status info is a mark")
        return self


class RunReport(Report):
    """One run of a job. A failed run fires until a later run succeeds."""

    type: Literal["run"]
    job: Name
    run_id: Name
    state: Literal["started", "succeeded", "failed"]
    severity: Name | None = None
    """Of a failed run; error unless given."""
    summary: LongText = ""
    """For people; "backup failed" unless given."""
    duration_s: Annotated[FiniteFloat, Field(ge=0, le=MAX_DURATION_S)] | None = None
    log_tail: LongText = ""
    """The last lines of the log; shown as they are, with their indentation."""
    labels: Annotated[EventLabels, Field(default_factory=dict)]
    deployed: bool = False
    """The run put its model into use: later runs are compared with it, too."""
    occurred_at: Moment | None = None
    """When it reached the state; the time of receipt unless given."""


DagEvent = TrainingSuccess | TrainingFailure | DriftAlert | PerformanceAlert | ApiError
Event = Annotated[DagEvent | GenericEvent | RunReport, Field(discriminator="type")]
_ADAPTER: TypeAdapter[Event] = TypeAdapter(Event)
_MODELS: Mapping[str, type[BaseModel]] = {
    get_args(model.model_fields["type"].annotation)[0]: model
    for model in (*get_args(DagEvent), GenericEvent, RunReport)
}


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
        return (FieldError("type", f"must be one of {', '.join(_MODELS)}"),)
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return tuple(map(_field_error, errors_of(error), details))


def _field_error(item: FieldError, detail: Mapping[str, Any]) -> FieldError:
    type_, _, field = item.field.partition(".")
    if detail["type"] != "extra_forbidden":
        return FieldError(field, item.message.removeprefix("Value error, "))
    known = Link if len(detail["loc"]) > 2 else _MODELS[type_]  # noqa: PLR2004 - type and field; else in a list
    return replace(item, field=field, message=_suggestion(str(detail["loc"][-1]), list(known.model_fields)))


def _suggestion(name: str, fields: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, fields, n=1)
    close = close or [field for field in fields if field.startswith(f"{name}_")][:1]
    if close:
        return f"there is no such field; did you mean {close[0]}?"
    return f"there is no such field; there are {', '.join(sorted(fields))}"
