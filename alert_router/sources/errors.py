"""The errors of a body that cannot be parsed, as they are reported to its sender."""

from dataclasses import dataclass

from pydantic import ValidationError

MAX_ERRORS = 20


@dataclass(frozen=True, slots=True)
class FieldError:
    field: str
    """Where in the body, dotted: "alerts.2.startsAt"; empty for the body as a whole."""
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidBody(Exception):
    """The body as a whole cannot be parsed."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


def errors_of(error: ValidationError, prefix: str = "") -> tuple[FieldError, ...]:
    """The fields that pydantic refused. Their values stay out: they may be long, or secret."""
    details = error.errors(include_url=False, include_context=False, include_input=False)[:MAX_ERRORS]
    start = prefix.split(".") if prefix else []
    return tuple(FieldError(".".join([*start, *map(str, item["loc"])]), item["msg"]) for item in details)
