"""The parameters of Explore v2.1 that the data set needs, parsed as strictly as the real API does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FIELDS = (
    "id_compteur",
    "nom_compteur",
    "id",
    "name",
    "sum_counts",
    "date",
    "installation_date",
    "coordinates",
    "counter",
    "mois_annee_comptage",
)
ORDERS = ("date", "id_compteur", "sum_counts")
MAX_LIMIT = 100
MAX_WINDOW = 10_000
COMMON = frozenset({"select", "where", "order_by", "timezone", "lang"})
PAGED = COMMON | {"limit", "offset"}
EXPORTED = COMMON | {"limit", "delimiter", "with_bom", "use_labels", "list_separator", "quote_all"}
CLAUSE = re.compile(r"""^date\s*(>=|>|<=|<)\s*(?:date)?['"]([^'"]+)['"]$""")
LATEST = datetime.max.replace(tzinfo=UTC)
EARLIEST = datetime.min.replace(tzinfo=UTC)


class BadQuery(Exception):
    """Answered 400 with the API's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Query:
    fields: tuple[str, ...]
    since: datetime
    until: datetime
    order: tuple[tuple[str, bool], ...]
    """Field, descending."""
    zone: ZoneInfo
    limit: int
    """-1: every row, which only an export accepts."""
    offset: int


def paged(params: Mapping[str, str]) -> Query:
    _only(params, PAGED)
    limit, offset = _number(params, "limit", 10), _number(params, "offset", 0)
    if not 0 <= limit <= MAX_LIMIT:
        raise BadQuery("InvalidRESTParameterError", f"limit must be in range [0, {MAX_LIMIT}]")
    if offset < 0 or offset + limit > MAX_WINDOW:
        raise BadQuery("InvalidRESTParameterError", f"offset + limit should be at most {MAX_WINDOW}")
    return _query(params, limit, offset)


def exported(params: Mapping[str, str]) -> Query:
    _only(params, EXPORTED)
    return _query(params, _number(params, "limit", -1), 0)


def _query(params: Mapping[str, str], limit: int, offset: int) -> Query:
    zone = _zone(params.get("timezone", "UTC"))
    since, until = _range(params.get("where", ""), zone)
    return Query(
        fields=_fields(params.get("select", "")),
        since=since,
        until=until,
        order=tuple(_order(key) for key in params.get("order_by", "").split(",") if key.strip()),
        zone=zone,
        limit=limit,
        offset=offset,
    )


def _only(params: Mapping[str, str], known: frozenset[str]) -> None:
    if unknown := sorted(set(params) - known):
        raise BadQuery("InvalidRESTParameterError", f"unknown parameter {unknown[0]}")


def _number(params: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(params.get(name, default))
    except ValueError:
        raise BadQuery("InvalidRESTParameterError", f"{name} must be an integer") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadQuery("InvalidRESTParameterError", f"unknown timezone {name}") from None


def _fields(text: str) -> tuple[str, ...]:
    fields = tuple(name.strip() for name in text.split(",") if name.strip() and name.strip() != "*")
    if unknown := [name for name in fields if name not in FIELDS]:
        raise BadQuery("ODSQLError", f"Unknown field: {unknown[0]}")
    return fields or FIELDS


def _range(where: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Half-open. A whole microsecond is the step from > to >=."""
    since, until = EARLIEST, LATEST
    for clause in re.split(r"\s+and\s+", where.strip(), flags=re.IGNORECASE) if where.strip() else ():
        match = CLAUSE.match(clause.strip())
        if not match:
            raise BadQuery("ODSQLError", f"ODSQL query is invalid: {clause}")
        at = _time(match[2], zone)
        after = at + (datetime.resolution if match[1] in (">", "<=") else datetime.resolution * 0)
        if match[1].startswith(">"):
            since = max(since, after)
        else:
            until = min(until, after)
    return since, until


def _time(text: str, zone: ZoneInfo) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuery("ODSQLError", f"ODSQL query is invalid: {text} is not a date") from None
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _order(text: str) -> tuple[str, bool]:
    field, *direction = text.split()
    if field not in ORDERS or [word.upper() for word in direction] not in ([], ["ASC"], ["DESC"]):
        raise BadQuery("ODSQLError", f"order_by is invalid: {text.strip()}")
    return field, [word.upper() for word in direction] == ["DESC"]
