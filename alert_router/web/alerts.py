"""GET /alerts and /alerts/{id}: a page for browsers, JSON for everybody else."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response

from alert_router.services import watchdog
from alert_router.sources import alertmanager, events, grafana
from alert_router.store import history
from alert_router.store.engine import Unavailable
from alert_router.store.history import AlertDetail
from alert_router.web import alert_filters, ingest, schemas
from alert_router.web.alert_filters import Query
from alert_router.web.dependencies import Parts
from alert_router.web.pages import AlertPage, AlertsPage, Pages
from alert_router.web.problems import Problem, wants_html
from alert_router.web.schemas import AlertPageOut, LifeOut

T = TypeVar("T")
SOURCES = (alertmanager.SOURCE, grafana.SOURCE, events.SOURCE)
VARY = {"Vary": "Accept"}
HTML_TOO: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}}}


async def ask(parts: Parts, question: Callable[[sa.Connection], T]) -> T:
    """One question, off the event loop. Raises Problem (503) when the database is away."""

    def read() -> T:
        with parts.store.read() as conn:
            return question(conn)

    try:
        return await asyncio.to_thread(read)
    except Unavailable as error:
        raise ingest.away(error) from error


def router(parts: Parts, pages: Pages) -> APIRouter:
    made = APIRouter(tags=["history"])

    @made.get(
        "/alerts",
        response_model=AlertPageOut,
        responses=HTML_TOO,
        openapi_extra=PARAMETERS,
        summary="The history, newest first",
    )
    async def alerts(request: Request) -> Response:
        query = alert_filters.parse(request.query_params, parts.now())
        if wants_html(request):
            health = await asyncio.to_thread(parts.examine)
            page_of = partial(_page, parts=parts, query=query, troubles=health.troubles)
            return pages.render("alerts.html", await ask(parts, page_of))
        page = await ask(parts, lambda conn: _found(conn, query))
        body = AlertPageOut(
            alerts=schemas.alerts_out(page.alerts), next=None if page.next is None else str(page.next)
        )
        return JSONResponse(body.model_dump(mode="json"), headers=VARY)

    @made.get(
        "/alerts/{alert_id}", response_model=LifeOut, responses=HTML_TOO, summary="One alert and its life"
    )
    async def alert(request: Request, alert_id: Annotated[int, Path(ge=1, lt=2**62)]) -> Response:
        life = await ask(parts, lambda conn: history.alert_detail(conn, alert_id))
        if life is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"there is no alert {alert_id}")
        return _life(request, parts, pages, life)

    return made


def _life(request: Request, parts: Parts, pages: Pages, life: AlertDetail) -> Response:
    if wants_html(request):
        return pages.render(
            "alert.html", AlertPage(now=parts.now(), life=life, public_url=parts.settings.public_url)
        )
    return JSONResponse(LifeOut.of(life).model_dump(mode="json"), headers=VARY)


def _found(conn: sa.Connection, query: Query) -> history.Page:
    return history.page(conn, query.filters, limit=query.limit, before=query.before)


def _page(conn: sa.Connection, parts: Parts, query: Query, troubles: Mapping[str, str]) -> AlertsPage:
    found = _found(conn, query)
    return AlertsPage(
        now=parts.now(),
        query=query,
        alerts=found.alerts,
        next_url=None if found.next is None else query.url(cursor=found.next),
        firing=history.firing(conn),
        severities=tuple(history.severities(conn)),
        alertnames=tuple(history.alertnames(conn)),
        troubles=troubles,
        webhook_url=f"{parts.settings.public_url}/webhooks/alertmanager",
        needs_token=bool(parts.settings.ingest_tokens),
    )


_DESCRIPTIONS = {
    "status": "firing or resolved",
    "severity": "The label severity",
    "alertname": "The label alertname",
    "source": f"{', '.join(SOURCES)} or {watchdog.SOURCE} (that monitoring is blind)",
    "match": 'An Alertmanager matcher such as instance=~"api-.*"; repeatable, all must match',
    "since": "Started at or after: a time (2026-11-22T10:00:00Z) or an age (90m, 24h, 7d, 2w)",
    "until": "Started before: a time or an age",
    "q": "Text anywhere in the name, labels or annotations",
    "limit": f"At most so many, up to {alert_filters.MAX_LIMIT}",
    "cursor": "`next` of the page before",
}
PARAMETERS = {
    "parameters": [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
        for name, text in _DESCRIPTIONS.items()
    ]
}
