"""Performs a call and injects the fault planned for it, before or after the message is stored."""

import asyncio
import json
import socket
import struct
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from testbed.fakes.discord import api
from testbed.fakes.discord.answers import CLOUDFLARE_PAGE, VIA, Answer, Refused, as_html, as_json
from testbed.fakes.discord.api import Call
from testbed.fakes.discord.faults import Fault, Rule
from testbed.fakes.discord.forms import Form
from testbed.fakes.discord.state import DiscordState

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 seconds: closing sends RST."""

GATEWAY_PAGE = (
    "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr>cloudflare</body></html>"
)
CODES = {
    400: (50035, "Invalid Form Body"),
    401: (50027, "Invalid Webhook Token"),
    403: (50013, "Missing Permissions"),
    404: (10015, "Unknown Webhook"),
    413: (40005, "Request entity too large"),
}
PAGES = {502: "502 Bad Gateway", 503: "503 Service Unavailable", 504: "504 Gateway Time-out"}


async def perform(
    state: DiscordState, call: Call, form: Form | Refused, request: Request
) -> Answer | Response:
    body = json.dumps(call.record.payload, ensure_ascii=False)
    rule = state.faults.pick(call.operation, call.webhook_id, body)
    if rule is None:
        return _perform(state, call, form)
    if not rule.fault.stored:
        _spend(rule, call)
        return await _before(state, call, form, rule.fault, request)
    answer = _perform(state, call, form)
    if answer.status >= 300:
        return answer
    _spend(rule, call)
    return await _inject(state, call, rule.fault, answer, request)


def _perform(state: DiscordState, call: Call, form: Form | Refused) -> Answer:
    try:
        api.authorised(state, call)
        if isinstance(form, Refused):
            return form.answer()
        return api.perform(state, call, form)
    except Refused as refused:
        return refused.answer()


def _spend(rule: Rule, call: Call) -> None:
    rule.spend()
    call.record.fault = str(rule.fault)


async def _before(
    state: DiscordState, call: Call, form: Form | Refused, fault: Fault, request: Request
) -> Answer | Response:
    if fault.kind not in ("slow", "hold"):
        return await _inject(state, call, fault, as_json(200, {}), request)
    await _delay(state, fault)
    return _perform(state, call, form)


async def _inject(
    state: DiscordState, call: Call, fault: Fault, answer: Answer, request: Request
) -> Answer | Response:
    """The response the client gets instead of `answer`."""
    match fault.kind:
        case "status":
            return _error(fault)
        case "limited":
            return _limited(state, call, fault)
        case "invalid_body":
            return _invalid_body(fault, answer)
        case "slow" | "hold":
            await _delay(state, fault)
            return answer
        case "timeout":
            if _transport(request.scope) is not None:
                await _first(state.faults.wait(fault.seconds), _gone(request.receive))
            return Cut(httpx.ReadTimeout("planned fault: no answer"), reset=False)
        case "reset":
            return Cut(httpx.ReadError("planned fault: connection reset"), reset=True)


async def _delay(state: DiscordState, fault: Fault) -> None:
    if fault.kind == "slow":
        await state.sleep(fault.seconds or 0)
    else:
        await state.faults.wait(fault.seconds)


def _error(fault: Fault) -> Answer:
    if fault.status in PAGES and fault.code is None:
        return as_html(fault.status, GATEWAY_PAGE.format(PAGES[fault.status]))
    code, message = CODES.get(fault.status, (0, f"{fault.status}: Internal Server Error"))
    body: dict[str, Any] = {
        "message": fault.message or message,
        "code": code if fault.code is None else fault.code,
    }
    if fault.errors:
        body["errors"] = fault.errors
    return as_json(fault.status, body)


def _limited(state: DiscordState, call: Call, fault: Fault) -> Answer:
    hook = state.webhooks.get(call.webhook_id)
    return state.rates.block(
        fault.scope,
        fault.seconds if fault.seconds is not None else 60.0 if fault.scope.startswith("cloudflare") else 1.0,
        webhook_id=call.webhook_id,
        channel_id=hook.channel_id if hook else None,
        code=fault.code,
    )


def _invalid_body(fault: Fault, answer: Answer) -> Answer:
    if fault.body == "html":
        return as_html(200, CLOUDFLARE_PAGE)
    if fault.body == "missing_id":
        message = json.loads(answer.body or b"{}")
        return as_json(200, {key: value for key, value in message.items() if key != "id"})
    body = {"broken_json": b'{"id": "12', "list": b"[]", "empty": b""}[fault.body]
    return Answer(200, body, {"Content-Type": "application/json", **VIA})


class Cut(Response):
    """Ends the connection without an answer; in process, where none is, raises what the client would."""

    def __init__(self, error: httpx.TransportError, *, reset: bool) -> None:
        super().__init__()
        self._error = error
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = _transport(scope)
        if transport is None:
            raise self._error
        if self._reset:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
        await _gone(receive)


def _transport(scope: Scope) -> asyncio.WriteTransport | None:
    """The real connection, which server.py puts here."""
    transport: asyncio.WriteTransport | None = scope.get("state", {}).get("transport")
    return transport


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first(*waits: Any) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
