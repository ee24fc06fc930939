"""The optional API key: `X-API-Key` or a bearer token."""

import hmac
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.datastructures import Headers

from backend.regmodel.app.problems import Refused
from backend.regmodel.app.state import service

DOCUMENTED = [
    Depends(APIKeyHeader(name="X-API-Key", auto_error=False)),
    Depends(HTTPBearer(auto_error=False)),
]
"""For the API's pages only, which then ask for the key; KeyedRoute is what checks it."""


class KeyedRoute(APIRoute):
    """Asks for the key before it reads the body: a dependency would be asked after it has been parsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def answer_with_key(request: Request) -> Response:
            _require_key(request)
            return await answer(request)

        return answer_with_key


def _require_key(request: Request) -> None:
    wanted = service(request).settings.api_key
    if wanted is None:
        return
    given = _given(request.headers)
    if not hmac.compare_digest(given.encode(), wanted.get_secret_value().encode()):
        raise Refused(401, "API key required", "send the key as X-API-Key or as a bearer token")


def _given(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key") or (token if scheme.lower() == "bearer" else "")
