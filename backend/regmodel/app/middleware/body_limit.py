"""The framework's body limit, with a problem as its answer."""

from starlette.datastructures import MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class BodyLimitMiddleware:
    """Counts the bytes of a body and raises HTTPException 413, which becomes a problem.

    Starlette replaces any answer to a larger declared Content-Length by a plain text one; without that header
    it only counts.
    """

    def __init__(self, app: ASGIApp, max_body_size: int) -> None:
        self.app = RequestBodyLimitMiddleware(app, max_body_size=max_body_size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            del MutableHeaders(scope=scope)["content-length"]
        await self.app(scope, receive, send)
