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
from alert_router.services import watchdog
from alert_router.sources.errors import FieldError
from alert_router.store.history import Filters
from alert_router.web.metrics import SOURCES
from alert_router.web.problems import Problem

LIMIT = 50
MAX_LIMIT = 500
MAX_DIGITS = 19
MAX_CHARS = 1000
"""Of a searched text: databases limit the length of a pattern."""
MAX_MATCHERS = 50
PARAMETERS = {
    "status": "firing or resolved",
    "severity": "The label severity",
    "alertname": "The label alertname",
    "source": f"{', '.join(SOURCES)} or {watchdog.SOURCE} (monitoring is blind)",
    "match": 'An Alertmanager matcher such as instance=~"api-.*"; repeatable, all must match',
    "since": "Started at or after: a time (2026-11-22T10:00:00Z) or an age (90m, 24h, 7d, 2w)",
    "until": "Started before: a time or an age",
    "q": "Text anywhere in the name, labels or annotations",
    "limit": f"Page size, up to {MAX_LIMIT}",
    "cursor": "`next` of the previous page",
}
UNITS = {"m": "minute", "h": "hour", "d": "day", "w": "week"}
_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


@dataclass(frozen=True, slots=True)
class Query:
    filters: Filters
    limit: int
    before: int | None
    pairs: tuple[tuple[str, str], ...]
    """The parameters as sent, without the cursor: links to other pages are built from them."""

    def url(self, **changes: str | int | None) -> str:
        """The same query with some parameters changed; None drops one."""
        kept = [(name, value) for name, value in self.pairs if name not in changes]
        return url_of([*kept, *((name, str(value)) for name, value in changes.items() if value is not None)])


def url_of(pairs: Sequence[tuple[str, str]]) -> str:
    return f"/alerts?{urlencode(pairs)}" if pairs else "/alerts"


def parse(params: QueryParams, now: datetime) -> Query:
    """Raises Problem (400) naming every invalid parameter."""
    # A form sends its empty fields too: an empty value means no filter.
    pairs = tuple((name, value) for name, value in params.multi_items() if value != "")
    errors = [FieldError(name, "unknown filter") for name, _ in pairs if name not in PARAMETERS]
    reader = _Reader(pairs, now, errors)
    query = Query(
        filters=reader.filters(),
        limit=reader.number("limit", LIMIT, maximum=MAX_LIMIT) or LIMIT,
        before=reader.number("cursor", None, maximum=2**62),
        pairs=tuple((name, value) for name, value in pairs if name != "cursor"),
    )
    if errors:
        raise Problem(HTTPStatus.BAD_REQUEST, errors=errors)
    return query


class _Reader:
    """Reads one parameter at a time and collects the errors, so that all are reported at once."""

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

    def number(self, name: str, default: int | None, *, maximum: int) -> int | None:
        text = self._one(name)
        if text is None:
            return default
        if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and 1 <= int(text) <= maximum:
            return int(text)
        self._error(name, f"must be a whole number from 1 to {maximum}")
        return default

    def _one(self, name: str) -> str | None:
        values = [value for key, value in self._pairs if key == name]
        if len(values) > 1:
            self._error(name, "must be set only once")
        return _as_stored(values[0]) if values else None

    def _text(self) -> str | None:
        text = self._one("q")
        if text is not None and len(text) > MAX_CHARS:
            self._error("q", f"must have at most {MAX_CHARS} characters")
        return text

    def _status(self) -> Status | None:
        text = self._one("status")
        if text in (None, *Status):
            return Status(text) if text else None
        self._error("status", "must be firing or resolved")
        return None

    def _matchers(self) -> tuple[Matcher, ...]:
        parsed: list[Matcher] = []
        texts = [value for name, value in self._pairs if name == "match"]
        if len(texts) > MAX_MATCHERS:
            self._error("match", f"must be set at most {MAX_MATCHERS} times")
            return ()
        for text in texts:
            try:
                parsed.append(matchers.parse(_as_stored(text)))
            except ValueError as error:
                self._error("match", str(error))
        return tuple(parsed)

    def _time(self, name: str) -> datetime | None:
        text = self._one(name)
        if text is None:
            return None
        if (span := _span(text)) is not None:
            return self._now - span
        try:
            return _TIME.validate_strings(text).astimezone(UTC)
        except (ValidationError, OverflowError):
            self._error(
                name, "must be a time such as 2026-11-22T10:00:00Z, or an age such as 90m, 24h, 7d, 2w"
            )
            return None

    def _error(self, name: str, message: str) -> None:
        self._errors.append(FieldError(name, message))


def _as_stored(text: str) -> str:
    """Alerts are stored with U+FFFD instead of NUL, which PostgreSQL cannot store."""
    return text.replace("\x00", "\ufffd")


def _span(text: str) -> timedelta | None:
    digits, unit = text[:-1], text[-1:]
    if unit not in UNITS or not (digits.isascii() and digits.isdigit()) or len(digits) > 5:  # noqa: PLR2004
        return None
    return timedelta(**{f"{UNITS[unit]}s": int(digits)})
