"""All that is filtered, as a download: CSV for spreadsheets, NDJSON for programs, Atom for feed readers.

Downloads are read and sent a chunk at a time, each by a transaction of its own, so that neither the memory
nor the database's log grows with them.
"""

import contextlib
import csv
import io
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from xml.sax.saxutils import escape, quoteattr

import sqlalchemy as sa
from fastapi.responses import Response, StreamingResponse

from alert_router.store import alert_list
from alert_router.store.alert_extras import ListedAlert
from alert_router.store.filters import Cursor
from alert_router.web.alert_filters import Query
from alert_router.web.dependencies import Reader
from alert_router.web.people import ClientGone
from alert_router.web.schemas import AlertOut

CHUNK = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet computes a cell that begins so."""
COLUMNS = (
    *("id", "incident_id", "source", "fingerprint", "alertname", "severity", "status"),
    *("starts_at", "ends_at", "received_at", "last_seen_at", "repeats", "flaps", "episodes_30d"),
    *("acknowledged_at", "acknowledged_by", "acknowledgement_note", "suppressed", "silence", "notified"),
    *("origin", "generator_url", "labels", "annotations"),
)

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0, section 2.2."""


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"


MEDIA_TYPES: Mapping[Format, str] = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.NDJSON: "application/x-ndjson",
}


async def download(reader: Reader, query: Query, format_: Format, now: datetime) -> Response:
    """Each chunk is a person's question. Raises what the first one raises; a later one ends the download."""
    write = _csv if format_ is Format.CSV else _ndjson
    chunks = _chunks(reader, query, now, write)
    first = await anext(chunks)
    name = f"alerts-{now.astimezone(UTC):%Y%m%d-%H%M%S}.{format_}"
    return StreamingResponse(
        _with_first(first, chunks),
        media_type=MEDIA_TYPES[format_],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _with_first(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    with contextlib.suppress(ClientGone):
        async for text in rest:
            yield text


async def _chunks(
    reader: Reader, query: Query, now: datetime, write: Callable[[Sequence[ListedAlert]], str]
) -> AsyncIterator[str]:
    head = _lines([COLUMNS]) if write is _csv else ""
    after = query.after

    def read(conn: sa.Connection) -> tuple[str, Cursor | None]:
        page = alert_list.page(conn, query.filters, now=now, limit=CHUNK, order=query.order, after=after)
        return write(page.rows), page.next

    while True:
        text, after = await reader.run(read)
        yield head + text
        if after is None:
            return
        head = ""


def _ndjson(chunk: Sequence[ListedAlert]) -> str:
    return "".join(AlertOut.of(listed).model_dump_json() + "\n" for listed in chunk)


def _csv(chunk: Sequence[ListedAlert]) -> str:
    return _lines(_cells(AlertOut.of(listed)) for listed in chunk)


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cells(alert: AlertOut) -> list[str]:
    values = alert.model_dump(mode="json")
    return [cell(values[name]) for name in COLUMNS]


def cell(value: object) -> str:
    """As text that no spreadsheet computes."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text


def atom(listed: Sequence[ListedAlert], query: Query, public_url: str, now: datetime) -> Response:
    updated = max((_updated(one) for one in listed), default=now)
    link = public_url + query.url()
    feed = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"<id>{_xml(link)}</id><title>Alerts</title><updated>{updated.isoformat()}</updated>",
        f"<author><name>alert-router</name></author><link href={quoteattr(_printable(link))}/>",
        *(_entry(one, public_url) for one in listed),
        "</feed>",
    ]
    return Response("\n".join(feed), media_type="application/atom+xml")


def _entry(listed: ListedAlert, public_url: str) -> str:
    alert = listed.alert
    link = f"{public_url}/alerts/{alert.id}"
    title = f"{alert.status} {alert.severity} {alert.alertname}"
    summary = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    labels = ", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
    return (
        f"<entry><id>{_xml(link)}</id><title>{_xml(title)}</title><link href={quoteattr(link)}/>"
        f"<published>{alert.starts_at.isoformat()}</published><updated>{_updated(listed).isoformat()}</updated>"
        f"<summary>{_xml(summary)}</summary><content>{_xml(labels)}</content></entry>"
    )


def _updated(listed: ListedAlert) -> datetime:
    """When it last changed in a way that a reader wants to see again."""
    alert = listed.alert
    return max(alert.ends_at or alert.received_at, alert.received_at)


def _xml(text: str) -> str:
    return escape(_printable(text))


def _printable(text: str) -> str:
    """Without the characters that no XML document may have, not even escaped."""
    return _NOT_XML.sub("", text)
