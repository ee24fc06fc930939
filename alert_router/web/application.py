"""All routes as one ASGI application, and what every answer has in common."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alert_router.sources import events as event_source
from alert_router.sources.errors import FieldError
from alert_router.web import actions, alerts, events, home, ops, webhooks
from alert_router.web.dependencies import Parts
from alert_router.web.metrics import UNKNOWN, Metrics
from alert_router.web.pages import FOLDER, Pages
from alert_router.web.problems import Problem, as_json, wants_html

MEANT_FOR_A_DOOR = "/webhook"
"""Who posts to an address that begins so and is none, such as /webhook, has a door's address wrong."""
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
DOORS = {
    "/webhooks/alertmanager": "alertmanager",
    "/webhooks/grafana": "grafana",
    "/events": "events",
}


def create(parts: Parts, lifespan: Lifespan) -> FastAPI:
    pages = Pages()
    app = FastAPI(title="alert-router", version="0.1.0", lifespan=lifespan, docs_url=None, redoc_url=None)
    for router in (
        webhooks.router(parts),
        events.router(parts),
        alerts.router(parts, pages),
        actions.router(parts, pages),
        home.router(parts, pages),
        ops.router(parts),
    ):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")
    app.add_middleware(CountRequests, metrics=parts.metrics)
    _answer_errors(app, parts, pages)
    _describe_events(app)
    return app


class CountRequests:
    """Counts what the doors answered, whoever answered it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        source = _source(scope)
        if source is None:
            await self._app(scope, receive, send)
            return

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start" and _counts(source, message["status"]):
                self._metrics.requests.labels(source, str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, counting)


def _source(scope: Scope) -> str | None:
    """Whose request it is by its address; None: nobody's who sends alerts."""
    if scope["type"] != "http":
        return None
    path: str = scope["path"]
    lost = scope["method"] == "POST" and path.startswith(MEANT_FOR_A_DOOR)
    return DOORS.get(path, UNKNOWN if lost else None)


def _counts(source: str, status: int) -> bool:
    """At no door only what is lost counts: a slash too many, say, is led to the right one."""
    return source != UNKNOWN or status == HTTPStatus.NOT_FOUND


def _answer_errors(app: FastAPI, parts: Parts, pages: Pages) -> None:
    def answer(request: Request, problem: Problem) -> Response:
        return pages.error(problem, parts.now()) if wants_html(request) else as_json(problem)

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return answer(request, error)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return answer(request, Problem(HTTPStatus(error.status_code), str(error.detail)))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        errors = [FieldError(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()]
        detail = "; ".join(map(str, errors))
        return answer(request, Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _error: Exception) -> Response:
        # 5xx, so that the source sends it again; the server logs the traceback.
        return answer(
            request, Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of ours; it is in the log")
        )


def _describe_events(app: FastAPI) -> None:
    """The doors read their bodies raw: the schemas of events are added to the document by hand."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        definitions = event_source.schema(events.REF_TEMPLATE).get("$defs", {})
        document.setdefault("components", {}).setdefault("schemas", {}).update(definitions)
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend it
