"""The ASGI application: routes, the order of limits, faults and operations, and the log of requests."""

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from testbed.fakes.discord import api, control, fault_injection, forms, pages
from testbed.fakes.discord.answers import VIA, Answer, Refused, as_json
from testbed.fakes.discord.api import Call
from testbed.fakes.discord.forms import Form
from testbed.fakes.discord.messages import Operation, RequestRecord
from testbed.fakes.discord.state import DiscordState

WEBHOOK_OPERATIONS: Mapping[str, Operation] = {"GET": "webhook", "POST": "create"}
MESSAGE_OPERATIONS: Mapping[str, Operation] = {"GET": "get", "PATCH": "edit", "DELETE": "delete"}
PREFIXES = ("/api/webhooks", "/api/v10/webhooks")
MASK = "***"


def create_app(state: DiscordState) -> Starlette:
    async def webhook(request: Request) -> Response:
        return await _handle(state, request, WEBHOOK_OPERATIONS.get(request.method, "webhook"))

    async def message(request: Request) -> Response:
        return await _handle(state, request, MESSAGE_OPERATIONS.get(request.method, "get"))

    routes = []
    for prefix in PREFIXES:
        hook = prefix + "/{webhook_id}/{token}"
        routes.append(Route(hook, webhook, methods=list(WEBHOOK_OPERATIONS)))
        routes.append(Route(hook + "/messages/{message_id}", message, methods=list(MESSAGE_OPERATIONS)))
    return Starlette(
        routes=[*routes, *control.routes(state), *pages.routes(state)],
        exception_handlers={HTTPException: _not_served},
    )


async def _handle(state: DiscordState, request: Request, operation: Operation) -> Response:
    call = _arrive(state, request, operation)
    body = await request.body()
    form = await _form(call, body, request.headers.get("content-type", ""))
    hook = state.webhooks.get(call.webhook_id)
    refused = state.rates.admit(
        operation, call.webhook_id, hook.channel_id if hook else None, old=api.is_old(state, call)
    )
    outcome = refused or await fault_injection.perform(state, call, form, request)
    if not isinstance(outcome, Answer):
        return outcome
    return _settle(state, call, outcome)


def _arrive(state: DiscordState, request: Request, operation: Operation) -> Call:
    path = request.path_params
    record = RequestRecord(
        number=len(state.requests) + 1,
        at=state.clock(),
        operation=operation,
        webhook_id=path["webhook_id"],
        message_id=path.get("message_id"),
        method=request.method,
        path=request.scope["path"].replace(
            f"/{path['webhook_id']}/{path['token']}", f"/{path['webhook_id']}/{MASK}"
        ),
        query=dict(request.query_params),
        headers=dict(request.headers),
    )
    state.requests.append(record)
    return Call(operation, record.webhook_id, path["token"], record.message_id, record.query, record)


async def _form(call: Call, body: bytes, content_type: str) -> Form | Refused:
    """A refusal is kept for later: limits and faults come first."""
    if call.operation not in ("create", "edit"):
        return Form({})
    try:
        form = await forms.read(body, content_type)
    except Refused as refused:
        call.record.payload = body[:2000].decode(errors="replace")
        return refused
    call.record.payload = form.payload
    call.record.files = tuple((file.filename, len(file.content)) for file in form.files.values())
    return form


def _settle(state: DiscordState, call: Call, answer: Answer) -> Response:
    headers = dict(answer.headers)
    if VIA.items() <= headers.items():
        headers.update(state.rates.headers(call.operation, call.webhook_id))
    limited_for_all = headers.get("X-RateLimit-Scope") == "shared"
    if answer.status in (401, 403) or (answer.status == 429 and not limited_for_all):
        state.rates.note_invalid()
    call.record.status = answer.status
    if answer.status >= 400:
        call.record.error = answer.body.decode()
    return Response(answer.body, answer.status, headers)


async def _not_served(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "Internal Server Error"
    answer = as_json(status, {"message": f"{status}: {detail}", "code": 0})
    return Response(answer.body, answer.status, dict(answer.headers))
