"""Unpacks gzipped bodies on their way in, in pieces, so that the route's limit counts what comes out."""

import zlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alert_router.web.problems import Problem

GZIP_WINDOW = 31
"""zlib's word for: with the header and trailer of gzip."""
PIECE = 64 * 1024
DROPPED = (b"content-encoding", b"content-length")
ENCODING = b"content-encoding"


class Gunzip:
    def __init__(self, app: ASGIApp, answer: Callable[[Request, Problem], Response]) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        encoding = _encoding(scope) if scope["type"] == "http" else b""
        if encoding in (b"", b"identity"):
            await self._app(scope, receive, send)
            return
        if encoding != b"gzip":
            detail = f"Content-Encoding must be gzip or absent, not {encoding.decode('latin-1')}"
            problem = Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
            await self._answer(Request(scope), problem)(scope, receive, send)
            return
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in DROPPED]
        try:
            await self._app(scope, _unpacked(receive), send)
        except zlib.error:
            problem = Problem(HTTPStatus.BAD_REQUEST, "the body is not gzip, as its Content-Encoding says")
            await self._answer(Request(scope), problem)(scope, receive, send)


def _encoding(scope: Scope) -> bytes:
    return next((value.strip().lower() for name, value in scope["headers"] if name == ENCODING), b"")


def _unpacked(receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Raises zlib.error."""
    unpack = zlib.decompressobj(GZIP_WINDOW)
    packed, ended = b"", False

    async def next_piece() -> Message:
        nonlocal packed, ended
        if not packed and not ended:
            message = await receive()
            if message["type"] != "http.request":
                return message
            packed, ended = message.get("body", b""), not message.get("more_body", False)
        elif not packed:
            return await receive()
        piece = unpack.decompress(packed, PIECE)
        packed = unpack.unconsumed_tail
        if ended and not packed and not unpack.eof:
            raise zlib.error("the body ends early")
        return {"type": "http.request", "body": piece, "more_body": bool(packed) or not ended}

    return next_piece
