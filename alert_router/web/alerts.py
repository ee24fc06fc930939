"""GET /alerts and /alerts/{id}: a page for browsers, JSON for everybody else."""

from datetime import datetime
from http import HTTPStatus

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response

from alert_router.sources.errors import FieldError
from alert_router.store import alert_extras, alert_list, history, why
from alert_router.store import alerts as alert_rows
from alert_router.store.alert_extras import ListedAlert
from alert_router.store.alert_list import AlertList
from alert_router.store.why import Answer
from alert_router.web import alert_filters, alerts_page, etags, export, incident_pages, openapi
from alert_router.web.alert_filters import Query
from alert_router.web.dependencies import Now, ReaderDep, RowId, StateDep
from alert_router.web.export import Format
from alert_router.web.insight_schemas import WhyOut
from alert_router.web.problems import Problem, wants_html
from alert_router.web.schemas import AlertDetailOut, AlertOut, AlertPageOut

PARAMETERS = {
    "parameters": [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
        | ({"example": alert_filters.EXAMPLES[name]} if name in alert_filters.EXAMPLES else {})
        for name, text in alert_filters.PARAMETERS.items()
    ]
}
FORMAT = {
    "name": "format",
    "in": "query",
    "description": "csv or ndjson: all that is filtered, as a download; json: a page",
    "schema": {"type": "string", "enum": list(Format)},
    "example": Format.CSV,
}
DOWNLOADS: openapi.Responses = {
    200: {"content": {"text/csv": {}, "application/x-ndjson": {}, "text/html": {}}}
}
router = APIRouter(tags=["history"])


@router.get(
    "/alerts",
    response_model=AlertPageOut,
    responses=DOWNLOADS | openapi.errors(400, 503),
    openapi_extra={"parameters": [*PARAMETERS["parameters"], FORMAT]},
    summary="The history, newest first",
)
async def alerts(request: Request, reader: ReaderDep, state: StateDep, now: Now) -> Response:
    format_ = _format(request)
    if format_ is None and wants_html(request):  # the page says beside the form what is wrong
        return await alerts_page.respond(request.query_params, reader, state, now)
    query = await reader.compute(lambda: alert_filters.parse(request.query_params, now))
    if format_ is not None and format_ is not Format.JSON:
        return await export.download(reader, query, format_, now)
    body = await reader.run(lambda conn: _as_json(_listed(conn, query, now)))
    return etags.answer(request, body)


def _as_json(listed: AlertList) -> AlertPageOut:
    cursor = None if listed.next is None else str(listed.next)
    return AlertPageOut(alerts=list(map(AlertOut.of, listed.rows)), next=cursor)


def _format(request: Request) -> Format | None:
    """Raises Problem (400)."""
    text = request.query_params.get("format")
    if not text:
        return None
    try:
        return Format(text)
    except ValueError:
        message = f"must be {', '.join(Format)}"
        raise Problem(HTTPStatus.BAD_REQUEST, errors=[FieldError("format", message)]) from None


@router.get(
    "/alerts.atom",
    response_class=Response,
    responses={200: {"content": {"application/atom+xml": {}}}, **openapi.errors(400, 503)},
    openapi_extra=PARAMETERS,
    summary="The newest alerts that the filters select, as a feed",
)
async def feed(request: Request, reader: ReaderDep, state: StateDep, now: Now) -> Response:
    query = await reader.compute(lambda: alert_filters.parse(request.query_params, now))
    listed = await reader.run(lambda conn: _listed(conn, query, now))
    public_url = state["settings"].public_url
    return await reader.compute(lambda: export.atom(listed.rows, query, public_url, now))


@router.get(
    "/alerts/{alert_id}/why",
    response_model=WhyOut,
    responses=openapi.errors(404, 422, 503),
    summary="Why there was, or was not, a new message about an alert",
)
async def explain(request: Request, alert_id: RowId, reader: ReaderDep, now: Now) -> Response:
    answers = await reader.run(lambda conn: _answers(conn, alert_id, now))
    if answers is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no alert {alert_id}")
    return etags.answer(request, WhyOut.of(alert_id, answers))


def _answers(conn: sa.Connection, alert_id: int, now: datetime) -> tuple[Answer, ...] | None:
    alert = alert_rows.by_id(conn, alert_id)
    return None if alert is None else why.of(conn, alert, now)


@router.get(
    "/alerts/{alert_id}",
    response_model=AlertDetailOut,
    responses=openapi.HTML | openapi.errors(404, 422, 503),
    summary="One alert with its transitions and deliveries",
)
async def alert(request: Request, alert_id: RowId, reader: ReaderDep, state: StateDep, now: Now) -> Response:
    if wants_html(request):
        return await incident_pages.respond_with_alert(alert_id, reader, state, now)
    found = await reader.run(lambda conn: _detail(conn, alert_id, now))
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no alert {alert_id}")
    listed, detail = found
    return etags.answer(request, AlertDetailOut.of_detail(listed, detail))


def _listed(conn: sa.Connection, query: Query, now: datetime) -> AlertList:
    return alert_list.page(
        conn, query.filters, now=now, limit=query.limit, order=query.order, after=query.after
    )


def _detail(
    conn: sa.Connection, alert_id: int, now: datetime
) -> tuple[ListedAlert, history.AlertDetail] | None:
    detail = history.alert_detail(conn, alert_id)
    return None if detail is None else (alert_extras.with_extras(conn, [detail.alert], now)[0], detail)
