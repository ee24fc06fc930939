"""Rows as the API writes them: JSON objects, and lines of an export."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from testbed.fakes.paris.publication import Shown
from testbed.fakes.paris.queries import Query


def ordered(rows: Sequence[Shown], query: Query) -> list[Shown]:
    """Rows come in order of time. Stable sorts, the last key first."""
    result = list(rows)
    for field, descending in reversed(query.order):
        result.sort(key=lambda row: _sortable(row, field), reverse=descending)
    return result


def as_json(row: Shown, query: Query) -> dict[str, Any]:
    whole = _record(row, query.zone)
    return {field: whole[field] for field in query.fields}


def csv_lines(rows: Sequence[Shown], query: Query, delimiter: str, *, bom: bool) -> Iterator[str]:
    yield ("\ufeff" if bom else "") + _line(query.fields, delimiter)
    for row in rows:
        record = _record(row, query.zone)
        yield _line([_cell(record[field]) for field in query.fields], delimiter)


def _record(row: Shown, zone: ZoneInfo) -> dict[str, Any]:
    counter, local = row.counter, row.hour.astimezone(zone)
    site = counter.id.partition("-")[0]
    return {
        "id_compteur": counter.id,
        "nom_compteur": counter.name,
        "id": site,
        "name": counter.name,
        "sum_counts": row.count,
        "date": local.isoformat(),
        "installation_date": None,
        "coordinates": {"lon": counter.longitude, "lat": counter.latitude} if row.with_place else None,
        "counter": None,
        "mois_annee_comptage": f"{local:%Y-%m}",
    }


def _sortable(row: Shown, field: str) -> Any:
    match field:
        case "date":
            return row.hour
        case "sum_counts":
            return -1 if row.count is None else row.count
        case _:
            return row.counter.id


def _line(cells: Sequence[str], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerow(cells)
    return text.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['lat']}, {value['lon']}"
    return "" if value is None else str(value)
