"""What every answer owes: HEAD where GET is, headers that keep browsers from guessing, own redirects."""

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """A HEAD is answered like its GET, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, send_head)


class SafeHeaders:
    """No sniffing of types, no copies of alerts in caches, no redirect to where the Host header says."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                _make_safe(MutableHeaders(raw=message["headers"]))
            await send(message)

        await self._app(scope, receive, send_safely if scope["type"] == "http" else send)


def _make_safe(headers: MutableHeaders) -> None:
    headers.setdefault("X-Content-Type-Options", "nosniff")
    if "json" in headers.get("content-type", ""):
        headers.setdefault("Cache-Control", "no-store")
    location = headers.get("location")
    if location is not None:
        parts = urlsplit(location)
        headers["Location"] = parts._replace(scheme="", netloc="").geturl() or "/"
