"""Stands before every route: finds out who asks, and lets in who may. No route can be forgotten."""

import logging
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alert_router.domain.access import Identity, Role
from alert_router.services.sender_problems import printable
from alert_router.settings import Settings
from alert_router.web import auth, routes_access
from alert_router.web.auth import IDENTITY
from alert_router.web.credentials import Headers, PasswordCheck, Refusal, Signer
from alert_router.web.dependencies import State, state_of
from alert_router.web.passwords import Busy
from alert_router.web.problems import Problem

log = logging.getLogger(__name__)
PEER = "alert_router.peer"
"""The key of the scope for the address at the other end of the connection, before a proxy's headers."""
MAX_QUERY_BYTES = 8 * 1024
"""Fifty long matchers; each link of a page repeats them."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
NOBODY = Identity("nobody", frozenset(), is_known=False)
Answer = Callable[[Request, Problem], Response]


class RememberPeer:
    """Stands before the layer that believes a proxy's headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        scope[PEER] = client[0] if client else None
        await self._app(scope, receive, send)


class Guard:
    def __init__(self, app: ASGIApp, answer: Answer) -> None:
        """answer: a problem as a page or as JSON."""
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            scope[IDENTITY], receive = await _admitted(scope, receive)
        except Problem as problem:
            await self._answer(Request(scope), problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def _admitted(scope: Scope, receive: Receive) -> tuple[Identity, Receive]:
    """Who asks, and what reads the body anew where it was read. Raises Problem."""
    state = state_of(Request(scope))
    settings, credentials = state["settings"], state["access"].current
    headers = _headers(scope)
    if _CONTROL.search(scope["path"]):  # a line break at its end matches a route, and none of the rules here
        raise Problem(HTTPStatus.BAD_REQUEST, "the path has control characters")
    if len(scope["query_string"]) > MAX_QUERY_BYTES:
        detail = f"the part after the ? is longer than {MAX_QUERY_BYTES} bytes"
        raise Problem(HTTPStatus.REQUEST_URI_TOO_LONG, detail)
    needed = routes_access.needed(scope["method"], scope["path"], public_metrics=credentials.public_metrics)
    now, client = state["clock"](), scope.get("client")
    address = client[0] if client else None
    if not needed:
        return await _reader_if_known(headers, scope, state, address), receive
    if scope["method"] not in routes_access.READING:
        auth.check_browser(headers, needed, settings)
    claim = await _claim(headers, scope, state, now)
    if claim is None and Role.SEND in needed and (signers := credentials.signers_of(headers)):
        fresh = tuple(signer for signer in signers if signer.is_fresh(headers, now))
        body = await _body(receive, settings) if fresh else b""
        claim = _signed(fresh, headers, body, _address(scope))
        receive = _replay(body, receive) if fresh else receive
    identity = auth.authorize(claim, needed, credentials, settings, address)
    if not identity.is_known and not settings.web_insecure:
        auth.check_host(headers, settings)
    if Role.ACT in needed and scope["method"] not in routes_access.READING:
        log.info("%s %s by %s", scope["method"], printable(scope["path"]), identity.name)
    return identity, receive


async def _reader_if_known(headers: Headers, scope: Scope, state: State, address: str | None) -> Identity:
    """On a route for everybody: whether who asks may also read."""
    settings, credentials = state["settings"], state["access"].current
    try:
        claim = await _claim(headers, scope, state, state["clock"]())
        return auth.authorize(claim, routes_access.READ, credentials, settings, address)
    except Problem:
        return NOBODY


async def _claim(headers: Headers, scope: Scope, state: State, now: datetime) -> Identity | Refusal | None:
    """Raises Problem when too many passwords wait to be compared."""
    claim = state["access"].current.claim(headers, scope.get(PEER), now)
    if not isinstance(claim, PasswordCheck):
        return claim
    try:
        is_right = await state["passwords"].is_right(claim)
    except Busy:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many passwords wait to be checked") from None
    return claim.user.identity if is_right and claim.user else Refusal("the user or the password is wrong")


def _signed(signers: tuple[Signer, ...], headers: Headers, body: bytes, address: str) -> Identity | Refusal:
    """signers: those whose timestamp is fresh."""
    signer = next((one for one in signers if one.accepts(headers, body)), None)
    if signer is None:
        return Refusal("the signature is wrong or too old")
    if not signer.uses.is_of(headers[signer.header], address):
        return Refusal("the signature was used for another address")
    return signer.identity


def _address(scope: Scope) -> str:
    """A signature covers the body only: the address says which channel, and whose alerts these are."""
    return f"{scope['path']}?{scope['query_string'].decode('latin-1')}"


async def _body(receive: Receive, settings: Settings) -> bytes:
    """Raises Problem."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Problem(HTTPStatus.BAD_REQUEST, "the body ends early")
        body += message.get("body", b"")
        if len(body) > settings.max_body_bytes:
            detail = f"the body is larger than {settings.max_body_bytes} bytes (ALERT_ROUTER_MAX_BODY_BYTES)"
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    unread = True

    async def replayed() -> Message:
        nonlocal unread
        if not unread:
            return await receive()
        unread = False
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _headers(scope: Scope) -> Headers:
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name, value)
    return headers
