"""All routes as one ASGI application, with its error answers and request counters."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from alert_router.domain.access import Role
from alert_router.services import refused_webhook
from alert_router.services.sender_problems import printable
from alert_router.settings import Settings
from alert_router.sources.errors import FieldError
from alert_router.store.engine import TookTooLong, Unavailable
from alert_router.web import (
    act_links,
    actions,
    alerts,
    events,
    home,
    incident_pages,
    insights,
    live,
    now,
    openapi,
    ops,
    reload,
    send_test,
    suggestions,
    upkeep,
    webhooks,
)
from alert_router.web.auth import address_of, identity_of
from alert_router.web.dependencies import State, state_of
from alert_router.web.guard import Guard, RememberPeer
from alert_router.web.gunzip import Gunzip
from alert_router.web.http_manners import HeadAsGet, SafeHeaders
from alert_router.web.metrics import UNKNOWN
from alert_router.web.pages import STATIC
from alert_router.web.people import ClientGone
from alert_router.web.problems import Problem, as_json, wants_html
from alert_router.web.routes_access import WEBHOOK_PREFIX, source_of

MAX_DIGITS = 16
"""Of a Content-Length that is believed."""
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[State]]
CLIENT_CLOSED_REQUEST = 499
"""nginx's number; it is never seen."""
TOO_LONG = "the answer took longer than 5 s; ask for less: a shorter time, fewer or simpler filters"
REFUSALS = (401, 403, 404, 413, 415)
"""The answers after which nothing of a request is kept, and its sender does not try again."""


def create(settings: Settings, lifespan: Lifespan, *, trusted_hosts: list[str]) -> FastAPI:
    """trusted_hosts: the addresses and networks of proxies whose X-Forwarded-For is believed."""
    app = FastAPI(title="alert-router", version="0.1.0", lifespan=lifespan, docs_url=None, redoc_url=None)
    for router in (webhooks.router, events.router):
        app.include_router(router, max_body_size=settings.max_body_bytes)
    for page in (
        now,
        suggestions,
        alerts,
        incident_pages,
        insights,
        actions,
        act_links,
        home,
        live,
        upkeep,
        ops,
        reload,
        send_test,
    ):
        app.include_router(page.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    # The last one is the outermost.
    app.add_middleware(Gunzip, answer=_answer)
    app.add_middleware(Guard, answer=_answer)
    app.add_middleware(DescribeTooLarge)
    app.add_middleware(CountRequests)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SafeHeaders)
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=trusted_hosts)
    app.add_middleware(RememberPeer)
    _add_error_handlers(app)
    openapi.add_schemas(app)
    return app


class CountRequests:
    """Counts the answers of the ingest routes, and who was refused, whichever layer answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        source = _source(scope)
        if source is None:
            await self._app(scope, receive, send)
            return

        async def send_and_count(message: Message) -> None:
            if message["type"] == "http.response.start" and _counts(source, message["status"]):
                _count(source, message["status"], Request(scope))
            await send(message)

        await self._app(scope, receive, send_and_count)


def _source(scope: Scope) -> str | None:
    """The source by the address; None when the request does not bring alerts."""
    if scope["type"] != "http":
        return None
    path: str = scope["path"]
    misdirected = scope["method"] == "POST" and path.startswith(WEBHOOK_PREFIX)
    return source_of(path) or (UNKNOWN if misdirected else None)


def _count(source: str, status: int, request: Request) -> None:
    state = state_of(request)
    state["metrics"].requests.labels(source, str(status)).inc()
    if status in REFUSALS:
        state["sender_problems"].refused(status, address_of(request))


def _counts(source: str, status: int) -> bool:
    """An unknown address counts only when the alert is lost: a trailing slash, say, is redirected."""
    return source != UNKNOWN or status == HTTPStatus.NOT_FOUND


class DescribeTooLarge:
    """Replaces the plain-text 413 of the framework's body limit by an error like any other."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit: int | None = None

        async def send_unless_too_large(message: Message) -> None:
            nonlocal limit
            if message["type"] == "http.response.start":
                too_large = message["status"] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                limit = scope[MAX_BODY_SIZE_SCOPE_KEY] if too_large else None
            if limit is None:
                await send(message)

        await self._app(scope, receive, send_unless_too_large)
        if limit is not None:
            request = Request(scope)
            problem = await _report_too_large(request, limit) or _too_large(limit, scope["path"])
            await _answer(request, problem)(scope, receive, send)


async def _report_too_large(request: Request, limit: int) -> Problem | None:
    """Notify people of alerts that are lost; a Problem if that cannot be stored. Strangers notify nobody."""
    path = request.scope["path"]
    if source_of(path) is None or Role.SEND not in identity_of(request).roles:
        return None
    state = state_of(request)
    length = request.headers.get("content-length", "")
    size = int(length) if length.isdecimal() and len(length) < MAX_DIGITS else None
    address = printable(address_of(request))
    message = refused_webhook.message(
        size=size, limit=limit, path=path, address=address, now=state["clock"]()
    )
    try:
        await state["intake"].accept(message)
    except Unavailable as error:
        return _unavailable(error)
    return None


def _too_large(limit: int, path: str) -> Problem:
    is_ingest = source_of(path) is not None
    hint = " (ALERT_ROUTER_MAX_BODY_BYTES); in alertmanager.yml, group_by more labels" if is_ingest else ""
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {limit} bytes{hint}")


def _unavailable(error: Unavailable) -> Problem:
    # 5xx: Alertmanager sends it again. Never 429, which it would drop.
    detail = f"the database {error.reason}; send it again"
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail)


def _answer(request: Request, problem: Problem) -> Response:
    if not wants_html(request):
        return as_json(problem)
    state = state_of(request)
    return state["pages"].error(problem, state["clock"]())


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return _answer(request, error)

    @app.exception_handler(Unavailable)
    async def unavailable(request: Request, error: Unavailable) -> Response:
        return _answer(request, _unavailable(error))

    @app.exception_handler(TookTooLong)
    async def too_long(request: Request, _error: TookTooLong) -> Response:
        return _answer(request, Problem(HTTPStatus.SERVICE_UNAVAILABLE, TOO_LONG))

    @app.exception_handler(ClientGone)
    async def gone(_request: Request, _error: ClientGone) -> Response:
        return Response(status_code=CLIENT_CLOSED_REQUEST)  # nobody reads it

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        headers = error.headers
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers = {"Allow": ", ".join(_methods(request))}
        return _answer(request, Problem(HTTPStatus(error.status_code), str(error.detail), headers=headers))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        errors = [FieldError(".".join(map(str, item["loc"])), item["msg"]) for item in error.errors()]
        return _answer(request, Problem(HTTPStatus.UNPROCESSABLE_ENTITY, errors=errors))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _error: Exception) -> Response:
        # 5xx, so that the source sends it again; the server logs the traceback.
        return _answer(request, Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see the log"))


def _methods(request: Request) -> list[str]:
    """Of every route with this address: the framework knows those of the first alone."""
    routes = [route for route in _flat(request.app.router.routes) if _leads_to(route, request)]
    methods = {method for route in routes for method in getattr(route, "methods", None) or ()}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def _flat(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """With the routes of included routers instead of these."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            yield from _flat(inner.routes)


def _leads_to(route: BaseRoute, request: Request) -> bool:
    return route.matches(request.scope)[0] is not Match.NONE
