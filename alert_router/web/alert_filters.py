"""The query string of /alerts to filters and back. An invalid filter is an error that says which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from pydantic import AwareDatetime, TypeAdapter, ValidationError
from starlette.datastructures import QueryParams

from alert_router.domain import matchers
from alert_router.domain.matchers import Matcher
from alert_router.domain.model import Status
from alert_router.sources.errors import FieldError
from alert_router.store.history import Filters
from alert_router.web.problems import Problem

LIMIT = 50
MAX_LIMIT = 500
MAX_DIGITS = 19
MAX_CHARS = 1000
"""Of a text that is looked for; databases take no pattern of any length."""
MAX_MATCHERS = 50
NAMES = frozenset(
    {"status", "severity", "alertname", "source", "match", "since", "until", "q", "limit", "cursor"}
)
_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Query:
    filters: Filters
    limit: int
    before: int | None
    pairs: tuple[tuple[str, str], ...]
    """As it was asked, without the cursor: links to other pages are made of it."""

    def url(self, **changes: str | int | None) -> str:
        """The same question with some answers changed; None drops one."""
        kept = [(name, value) for name, value in self.pairs if name not in changes]
        kept += [(name, str(value)) for name, value in changes.items() if value is not None]
        return f"/alerts?{urlencode(kept)}" if kept else "/alerts"


def parse(params: QueryParams, now: datetime) -> Query:
    """Raises Problem (400) naming every parameter that is wrong."""
    # A form sends its empty fields too; they ask for nothing.
    pairs = tuple((name, value) for name, value in params.multi_items() if value != "")
    errors = [FieldError(name, "is no filter of /alerts") for name, _ in pairs if name not in NAMES]
    reader = _Reader(pairs, now, errors)
    query = Query(
        filters=reader.filters(),
        limit=reader.number("limit", LIMIT, most=MAX_LIMIT) or LIMIT,
        before=reader.number("cursor", None, most=2**62),
        pairs=tuple((name, value) for name, value in pairs if name != "cursor"),
    )
    if errors:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "; ".join(f"{error.field}: {error.message}" for error in errors),
            errors=errors,
        )
    return query


class _Reader:
    """Reads one parameter at a time and collects what is wrong, so that all of it is told at once."""

    def __init__(self, pairs: Sequence[tuple[str, str]], now: datetime, errors: list[FieldError]) -> None:
        self._pairs = pairs
        self._now = now
        self._errors = errors

    def filters(self) -> Filters:
        return Filters(
            status=self._status(),
            severity=self._one("severity"),
            alertname=self._one("alertname"),
            source=self._one("source"),
            matchers=self._matchers(),
            since=self._time("since"),
            until=self._time("until"),
            text=self._text(),
        )

    def number(self, name: str, default: int | None, *, most: int) -> int | None:
        text = self._one(name)
        if text is None:
            return default
        if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and 1 <= int(text) <= most:
            return int(text)
        self._wrong(name, f"must be a whole number from 1 to {most}")
        return default

    def _one(self, name: str) -> str | None:
        values = [value for key, value in self._pairs if key == name]
        if len(values) > 1:
            self._wrong(name, "is given more than once")
        return _as_kept(values[0]) if values else None

    def _text(self) -> str | None:
        text = self._one("q")
        if text is not None and len(text) > MAX_CHARS:
            self._wrong("q", f"has more than {MAX_CHARS} characters")
        return text

    def _status(self) -> Status | None:
        text = self._one("status")
        if text is None:
            return None
        try:
            return Status(text)
        except ValueError:
            self._wrong("status", "must be firing or resolved")
            return None

    def _matchers(self) -> tuple[Matcher, ...]:
        found: list[Matcher] = []
        texts = [value for name, value in self._pairs if name == "match"]
        if len(texts) > MAX_MATCHERS:
            self._wrong("match", f"is given more than {MAX_MATCHERS} times")
            return ()
        for text in texts:
            try:
                found.append(matchers.parse(_as_kept(text)))
            except ValueError as error:
                self._wrong("match", str(error))
        return tuple(found)

    def _time(self, name: str) -> datetime | None:
        text = self._one(name)
        if text is None:
            return None
        if (span := _span(text)) is not None:
            return self._now - span
        try:
            return _TIME.validate_strings(text).astimezone(UTC)
        except (ValidationError, OverflowError):
            self._wrong(
                name, "must be a time such as 2026-11-22T10:00:00Z, or an age such as 90m, 24h, 7d, 2w"
            )
            return None

    def _wrong(self, name: str, message: str) -> None:
        self._errors.append(FieldError(name, message))


def _as_kept(text: str) -> str:
    """No alert is kept with a NUL character; the sign stands for it that stands for it there."""
    return text.replace("\x00", "\ufffd")


def _span(text: str) -> timedelta | None:
    digits, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not (digits.isascii() and digits.isdigit()) or len(digits) > 5:  # noqa: PLR2004
        return None
    return timedelta(**{_UNITS[unit]: int(digits)})
