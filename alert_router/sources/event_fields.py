"""The fields that events are made of. A text that is too long is cut, and says so: its event matters more."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat

from alert_router.sources.alertmanager import LAST, Text, utc

EARLIEST = datetime(2, 1, 1, tzinfo=UTC)
"""Go's zero time is a year earlier: from this one spans can be taken away."""
NAME_CHARS = 250
LONG_TEXT_CHARS = 20_000
MAX_METRICS = 100
MAX_LINKS = 20
URL_CHARS = 2_000


def _before_last(value: datetime) -> datetime:
    """Refused, not moved: unlike a webhook's sender, this one reads our answer."""
    if value > LAST:
        raise ValueError(f"must lie before the year {LAST.year}")
    return max(value, EARLIEST)


def _cut_name(value: str) -> str:
    """Two long names that differ stay two names."""
    if len(value) <= NAME_CHARS:
        return value
    digest = hashlib.sha256(value.encode(errors="replace")).hexdigest()[:8]
    note = f"… (cut: {len(value)} characters, {digest})"
    return value[: NAME_CHARS - len(note)] + note


def _cut_text(value: str) -> str:
    """The middle is left out: a log begins with what was done, and ends with the error."""
    if len(value) <= LONG_TEXT_CHARS:
        return value
    half = LONG_TEXT_CHARS // 2 - 50
    return f"{value[:half]}\n… (cut: {len(value) - 2 * half} characters are left out) …\n{value[-half:]}"


def _web_address(value: str) -> str:
    if not value.startswith(("http://", "https://")) or any(char.isspace() for char in value):
        raise ValueError("must be an http or https URL without blanks")
    return value


def _one_line(value: str) -> str:
    return " ".join(value.split())


def _not_null(value: Any) -> Any:
    """Programs in other languages write null for an empty map or list."""
    return {} if value is None else value


Name = Annotated[Text, Field(min_length=1), AfterValidator(_cut_name)]
LongText = Annotated[Text, AfterValidator(_cut_text)]
Moment = Annotated[AwareDatetime, AfterValidator(_before_last), AfterValidator(utc)]
Metrics = Annotated[dict[Name, FiniteFloat], Field(max_length=MAX_METRICS), BeforeValidator(_not_null)]
EventLabels = Annotated[dict[Name, LongText], BeforeValidator(_not_null)]


class Strict(BaseModel):
    """An unknown field is an error: dropped silently, a misspelt `status` would leave an alert firing."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Link(Strict):
    title: Annotated[Name, AfterValidator(_one_line)]
    url: Annotated[Text, Field(max_length=URL_CHARS), AfterValidator(_web_address)]


class Report(Strict):
    """What every event may have."""

    metrics: Annotated[Metrics, Field(default_factory=dict)]
    """What was measured, by name: shown against the run before and kept for charts."""
    links: Annotated[list[Link], Field(default_factory=list, max_length=MAX_LINKS)]
    """Where to look next: the run's log."""
