"""Reads hourly counts from the City of Paris's open-data API. Knows its paging, its quota and its gaps.

Up to 10,000 rows the API is paged; it serves no more than that by offset, so beyond it an export is streamed.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from dags.pipeline.retry import RetryPolicy, Sleep, Unavailable

PAGE_ROWS = 100
MAX_OFFSET_ROWS = 10_000
FIELDS = "id_compteur,nom_compteur,sum_counts,date,coordinates"
# Rows of one hour share their date: ordered by date alone, pages could repeat some rows and skip others.
ORDER = "date,id_compteur"
MAX_COUNT = 1_000_000
"""Bicycles of a counter in an hour; the model service refuses a whole batch for a single row above it."""
RETRY_POLICY = RetryPolicy(attempts=5, first_wait_s=1.0, max_wait_s=60.0)
TIMEOUT = httpx.Timeout(10.0, read=60.0)


class Refused(Exception):
    """The API will never answer this: the query or the data set is wrong."""


class Unreadable(Exception):
    """A row has an unknown shape; the text names the field."""


@dataclass(frozen=True, slots=True)
class Count:
    counter_id: str
    hour: datetime
    """UTC, start of the hour."""
    count: int | None
    """None: the counter has a row for this hour, but no number yet, or an impossible one."""
    counter_name: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class ParisApi:
    client: httpx.Client
    """With base_url at the data set."""
    sleep: Sleep
    retry_policy: RetryPolicy = RETRY_POLICY

    def counts_since(self, since: datetime) -> Iterator[Count]:
        """Every row from that hour on, oldest first. Raises Unavailable, Refused, Unreadable."""
        first = self._page(since, offset=0)
        total = int(first["total_count"])
        if total > MAX_OFFSET_ROWS:
            yield from self._export(since)
            return
        yield from map(from_record, first["results"])
        for offset in range(PAGE_ROWS, total, PAGE_ROWS):
            yield from map(from_record, self._page(since, offset)["results"])

    def _page(self, since: datetime, offset: int) -> Mapping[str, Any]:
        params = {**_query(since), "limit": str(PAGE_ROWS), "offset": str(offset)}
        response = self.retry_policy.send(lambda: self.client.get("/records", params=params), self.sleep)
        _check(response)
        page: Mapping[str, Any] = response.json()
        return page

    def _export(self, since: datetime) -> Iterator[Count]:
        params = {**_query(since), "delimiter": ";", "with_bom": "false", "use_labels": "false"}
        request = self.client.build_request("GET", "/exports/csv", params=params)
        response = self.retry_policy.send(lambda: self.client.send(request, stream=True), self.sleep)
        try:
            if response.is_error:
                response.read()
            _check(response)
            yield from map(from_line, csv.DictReader(response.iter_lines(), delimiter=";"))
        except httpx.HTTPError as error:
            # Half an export was written by then; the next try writes it again and the rest with it.
            raise Unavailable(f"the export broke off: {type(error).__name__}") from error
        finally:
            response.close()


def _query(since: datetime) -> dict[str, str]:
    text = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return {"select": FIELDS, "where": f"date >= '{text}'", "order_by": ORDER, "timezone": "UTC"}


def _check(response: httpx.Response) -> None:
    if not response.is_success:
        raise Refused(f"HTTP {response.status_code}: {response.text[:200]}")


def from_record(record: Mapping[str, Any]) -> Count:
    place = record.get("coordinates") or {}
    return _count(record, latitude=place.get("lat"), longitude=place.get("lon"))


def from_line(line: Mapping[str, str]) -> Count:
    """In an export coordinates are "48.846, 2.375" and nothing is an empty field."""
    latitude, comma, longitude = (line.get("coordinates") or "").partition(",")
    place = (float(latitude), float(longitude)) if comma else (None, None)
    return _count(line, latitude=place[0], longitude=place[1])


def _count(row: Mapping[str, Any], *, latitude: float | None, longitude: float | None) -> Count:
    try:
        return Count(
            counter_id=_counter_id(row),
            hour=_hour(row["date"]),
            count=_number(row["sum_counts"]) if _counter_id(row) else None,
            counter_name=row.get("nom_compteur") or None,
            latitude=latitude,
            longitude=longitude,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def _counter_id(row: Mapping[str, Any]) -> str:
    """Empty for a row of no counter, which is null on a page and an empty field in an export."""
    return str(row["id_compteur"] or "").strip()


def _number(value: Any) -> int | None:
    number = None if value in (None, "") else int(value)
    return number if number is not None and 0 <= number <= MAX_COUNT else None


def _hour(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"date {text!r} has no offset")
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
