"""GET /alerts and /alerts/{id}: a page for browsers, JSON for everybody else."""

from datetime import datetime
from http import HTTPStatus

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from alert_router.store import alert_extras, alert_list, history
from alert_router.store.alert_extras import ListedAlert
from alert_router.store.alert_list import AlertList
from alert_router.web import alert_filters, alerts_page, incident_pages, openapi
from alert_router.web.alert_filters import Query
from alert_router.web.dependencies import Now, ReaderDep, RowId, StateDep
from alert_router.web.pages import VARY
from alert_router.web.problems import Problem, wants_html
from alert_router.web.schemas import AlertDetailOut, AlertOut, AlertPageOut

PARAMETERS = {
    "parameters": [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
        for name, text in alert_filters.PARAMETERS.items()
    ]
}
router = APIRouter(tags=["history"])


@router.get(
    "/alerts",
    response_model=AlertPageOut,
    responses=openapi.HTML | openapi.errors(400, 503),
    openapi_extra=PARAMETERS,
    summary="The history, newest first",
)
async def alerts(request: Request, reader: ReaderDep, state: StateDep, now: Now) -> Response:
    if wants_html(request):  # the page says beside the form what is wrong
        return await alerts_page.respond(request.query_params, reader, state, now)
    query = await reader.compute(lambda: alert_filters.parse(request.query_params, now))
    text = await reader.run(lambda conn: _as_json(_listed(conn, query, now)))
    return Response(text, media_type="application/json", headers=VARY)


def _as_json(listed: AlertList) -> str:
    cursor = None if listed.next is None else str(listed.next)
    return AlertPageOut(alerts=list(map(AlertOut.of, listed.rows)), next=cursor).model_dump_json()


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
    return JSONResponse(AlertDetailOut.of_detail(listed, detail).model_dump(mode="json"), headers=VARY)


def _listed(conn: sa.Connection, query: Query, now: datetime) -> AlertList:
    return alert_list.page(
        conn, query.filters, now=now, limit=query.limit, order=query.order, after=query.after
    )


def _detail(
    conn: sa.Connection, alert_id: int, now: datetime
) -> tuple[ListedAlert, history.AlertDetail] | None:
    detail = history.alert_detail(conn, alert_id)
    return None if detail is None else (alert_extras.with_extras(conn, [detail.alert], now)[0], detail)
