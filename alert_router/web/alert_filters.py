"""The query string of /alerts to filters and back: a registry with an entry for each parameter that filters.

An invalid filter is an error that says which, and all of them are reported at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import AwareDatetime, TypeAdapter, ValidationError
from starlette.datastructures import QueryParams

from alert_router.domain import matchers
from alert_router.domain.matchers import Matcher
from alert_router.services import watchdog
from alert_router.sources.errors import FieldError
from alert_router.store.filters import Cursor, Filters, Order, Standing
from alert_router.web import jinja_filters
from alert_router.web.metrics import SOURCES
from alert_router.web.problems import Problem

LIMIT = 50
MAX_LIMIT = 500
MAX_DIGITS = 19
MAX_CHARS = 1000
"""Of a searched text: databases limit the length of a pattern."""
MAX_MATCHERS = 50
YEARS = range(2, 9000)
"""Far enough from both ends that a day can be added or taken."""
UNITS = {"m": "minute", "h": "hour", "d": "day", "w": "week"}
SPANS = {"1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days"}
"""The choices of the form, as values of the parameter `since`."""
_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
T = TypeVar("T")
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One that filters."""

    field: str
    """Of Filters."""
    description: str
    """For the description of the API."""
    parse: Callable[[str, datetime], Any]
    """Raises ValueError with a sentence that says what is wrong."""
    words: Callable[[str, datetime], str]
    """Its part of the sentence that says what is shown; of the value as sent, and now."""
    is_adjective: bool = False
    """The part stands before the noun: "firing alerts", not "alerts named X"."""
    many: bool = False
    """It may be set several times; the field has all of them."""


def _text(text: str, _now: datetime) -> str:
    if len(text) > MAX_CHARS:
        raise ValueError(f"must have at most {MAX_CHARS} characters")
    return text


def _standing(text: str, _now: datetime) -> Standing:
    try:
        return Standing(text)
    except ValueError:
        raise ValueError(f"must be {_listed(tuple(Standing))}") from None


def _notified(text: str, _now: datetime) -> bool:
    if text not in ("yes", "no"):
        raise ValueError("must be yes or no")
    return text == "yes"


def _matchers(text: str, _now: datetime) -> tuple[Matcher, ...]:
    parsed = matchers.parse_list(text)
    if not parsed:
        raise ValueError(f'{text!r} has no matcher; write one such as instance=~"api-.*"')
    return parsed


def moment(text: str, now: datetime) -> datetime:
    if (span := age(text)) is not None:
        return now - span
    try:
        found = _TIME.validate_strings(text).astimezone(UTC)
    except (ValidationError, OverflowError):
        found = None
    if found is None or found.year not in YEARS:
        raise ValueError("must be a time such as 2026-11-22T10:00:00Z, or an age such as 90m, 24h, 7d, 2w")
    return found


def age(text: str) -> timedelta | None:
    """Such as 90m; None where it is none."""
    digits, unit = text[:-1], text[-1:]
    if unit not in UNITS or not (digits.isascii() and digits.isdigit()) or len(digits) > 5:  # noqa: PLR2004
        return None
    return timedelta(**{f"{UNITS[unit]}s": int(digits)})


def span_in_words(text: str) -> str:
    """An age such as 90m as "last 90 minutes"; empty for anything else."""
    if text in SPANS:
        return SPANS[text]
    digits, unit = text[:-1], text[-1:]
    if unit not in UNITS or not digits.isdigit():
        return ""
    return f"last {UNITS[unit]}" if int(digits) == 1 else f"last {int(digits)} {UNITS[unit]}s"


def _since_words(text: str, now: datetime) -> str:
    span = span_in_words(text)
    return f"of the {span}" if span else f"since {_clock(text, now)}"


def _until_words(text: str, now: datetime) -> str:
    return f"before {_clock(text, now)}"


def _clock(text: str, now: datetime) -> str:
    return jinja_filters.clock(moment(text, now), now)


def _quoted(text: str, _now: datetime) -> str:
    return f"containing “{text}”"


def _plain(phrase: str) -> Callable[[str, datetime], str]:
    return lambda text, _now: phrase.format(text)


FILTERS: Mapping[str, Parameter] = {
    "status": Parameter(
        "status",
        "firing, resolved, acknowledged (fires, somebody has it) or silenced (fires, Alertmanager is quiet)",
        _standing,
        _plain("{}"),
        is_adjective=True,
    ),
    "notified": Parameter(
        "notified",
        "no: only those that no message has announced; yes: only those that one has",
        _notified,
        lambda text, _now: "never notified" if text == "no" else "notified",
        is_adjective=True,
    ),
    "severity": Parameter("severity", "The label severity", _text, _plain("{}"), is_adjective=True),
    "since": Parameter(
        "since",
        "Started at or after: a time (2026-11-22T10:00:00Z) or an age (90m, 24h, 7d, 2w)",
        moment,
        _since_words,
    ),
    "until": Parameter("until", "Started before: a time or an age", moment, _until_words),
    "alertname": Parameter("alertname", "The label alertname", _text, _plain("named {}")),
    "source": Parameter(
        "source",
        f"{', '.join(SOURCES)} or {watchdog.SOURCE} (monitoring is blind)",
        _text,
        _plain("from {}"),
    ),
    "team": Parameter("team", "The label team", _text, _plain("of team {}")),
    "match": Parameter(
        "matchers",
        'Alertmanager\'s matchers such as instance=~"api-.*" or {job="node",env!~"dev|test"}; repeatable, '
        "all must match",
        _matchers,
        _plain("with {}"),
        many=True,
    ),
    "q": Parameter("text", "Text anywhere in the name, labels or annotations", _text, _quoted),
}
"""By parameter; `store/alert_conditions.py` has the condition of each field in SQL."""
PARAMETERS: Mapping[str, str] = {
    **{name: one.description for name, one in FILTERS.items()},
    "order": "newest first, or worst first: what fires, by severity, then what is over",
    "limit": f"Page size, up to {MAX_LIMIT}",
    "cursor": "`next` of the previous page",
}
EXAMPLES: Mapping[str, str] = {
    "status": "firing",
    "severity": "critical",
    "alertname": "DiskFull",
    "match": '{instance=~"db-.*",env!="dev"}',
    "since": "24h",
    "until": "2026-11-22T10:00:00Z",
    "q": "no space left",
    "order": "worst",
}


@dataclass(frozen=True, slots=True)
class Query:
    filters: Filters
    order: Order
    limit: int
    after: Cursor | None
    pairs: tuple[tuple[str, str], ...]
    """The parameters as sent, without the cursor: links to other pages are built from them."""
    path: str = "/alerts"

    def url(self, **changes: str | int | Cursor | None) -> str:
        """The same query with some parameters changed; None drops one."""
        kept = [(name, value) for name, value in self.pairs if name not in changes]
        changed = ((name, str(value)) for name, value in changes.items() if value is not None)
        return url_of([*kept, *changed], self.path)


def url_of(pairs: Pairs, path: str = "/alerts") -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path


@dataclass(frozen=True, slots=True)
class Reading:
    """A query as far as it could be read, and what is wrong with the rest."""

    query: Query
    errors: tuple[FieldError, ...]


def parse(params: QueryParams, now: datetime, *, order: Order = Order.NEWEST) -> Query:
    """Raises Problem (400) naming every invalid parameter. order: where none is asked for."""
    reading = read(params, now, order=order)
    if reading.errors:
        raise Problem(HTTPStatus.BAD_REQUEST, errors=reading.errors)
    return reading.query


def read(
    params: QueryParams,
    now: datetime,
    *,
    order: Order = Order.NEWEST,
    others: frozenset[str] = frozenset({"format"}),
) -> Reading:
    """What can be read: a page shows it with the form, and the errors beside their fields.

    others: parameters that are allowed and not read here.
    """
    # A form sends its empty fields too: an empty value means no filter.
    pairs = tuple((name, value) for name, value in params.multi_items() if value != "")
    reader = _Reader([(name, value.replace("\x00", "\ufffd")) for name, value in pairs], now)
    reader.reject_unknown(others)
    filters = reader.filters()
    order = reader.one("order", _order) or order
    query = Query(
        filters=filters,
        order=order,
        limit=reader.one("limit", _limit) or LIMIT,
        after=reader.one("cursor", lambda text: _cursor(text, order)),
        pairs=tuple((name, value) for name, value in pairs if name not in ("cursor", *others)),
    )
    return Reading(query, tuple(reader.errors))


class _Reader:
    """Reads one parameter at a time and collects the errors, so that all are reported at once."""

    def __init__(self, pairs: Pairs, now: datetime) -> None:
        # Alerts are stored with U+FFFD instead of NUL, which PostgreSQL cannot store.
        self._pairs = pairs
        self._now = now
        self.errors: list[FieldError] = []

    def reject_unknown(self, others: frozenset[str]) -> None:
        known = PARAMETERS.keys() | others
        self.errors += [FieldError(name, "unknown filter") for name, _ in self._pairs if name not in known]

    def filters(self) -> Filters:
        values: dict[str, Any] = {}
        for name, parameter in FILTERS.items():
            value = self._many(name, parameter) if parameter.many else self._single(name, parameter)
            if value is not None:
                values[parameter.field] = value
        return Filters(**values)

    def _single(self, name: str, parameter: Parameter) -> Any:
        return self.one(name, lambda text: parameter.parse(text, self._now))

    def _many(self, name: str, parameter: Parameter) -> tuple[Any, ...]:
        texts = self._values(name)
        parsed = tuple(value for text in texts for value in self._try(name, text, parameter) or ())
        if max(len(parsed), len(texts)) > MAX_MATCHERS:
            self._error(name, f"must be set at most {MAX_MATCHERS} times")
            return ()
        return parsed

    def _try(self, name: str, text: str, parameter: Parameter) -> Any:
        try:
            return parameter.parse(text, self._now)
        except ValueError as error:
            self._error(name, str(error))
            return None

    def one(self, name: str, parse: Callable[[str], T]) -> T | None:
        values = self._values(name)
        if len(values) > 1:
            self._error(name, "must be set only once")
        try:
            return parse(values[0]) if values else None
        except ValueError as error:
            self._error(name, str(error))
            return None

    def _values(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]

    def _error(self, name: str, message: str) -> None:
        self.errors.append(FieldError(name, message))


def _order(text: str) -> Order:
    try:
        return Order(text)
    except ValueError:
        raise ValueError(f"must be {_listed(tuple(Order))}") from None


def _limit(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    raise ValueError(f"must be a whole number from 1 to {MAX_LIMIT}")


def _cursor(text: str, order: Order) -> Cursor:
    try:
        return Cursor.parse(text, order)
    except ValueError:
        raise ValueError("must be `next` of the previous page, in the same order") from None


def _listed(values: Sequence[str]) -> str:
    return f"{', '.join(values[:-1])} or {values[-1]}"
