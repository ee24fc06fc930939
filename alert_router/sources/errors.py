"""What is said to a sender whose body cannot be understood."""

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
    """The body as a whole is not what this door takes."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


def errors_of(error: ValidationError, prefix: str = "") -> tuple[FieldError, ...]:
    """The fields that pydantic refused. Their values stay out: they may be long, or secret."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[:MAX_ERRORS]
    return tuple(
        FieldError(
            ".".join([*prefix.split(".")] * bool(prefix) + [str(part) for part in one["loc"]]), one["msg"]
        )
        for one in found
    )
