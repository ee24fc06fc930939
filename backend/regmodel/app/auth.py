"""The optional API key: `X-API-Key` or a bearer token."""

import hmac
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from backend.regmodel.app.problems import ProblemError
from backend.regmodel.app.state import service

HEADER = APIKeyHeader(name="X-API-Key", auto_error=False)
BEARER = HTTPBearer(auto_error=False)


async def require_api_key(
    request: Request,
    header: Annotated[str | None, Security(HEADER)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)],
) -> None:
    """Raise the 401 unless the request carries the key; without REGMODEL_API_KEY every request passes."""
    expected = (await service(request)).settings.api_key
    if expected is None:
        return
    presented = header or (bearer.credentials if bearer else "")
    if not hmac.compare_digest(presented.encode(), expected.get_secret_value().encode()):
        raise ProblemError(401, "API key required", "send the key as X-API-Key or as a bearer token")


class KeyBeforeBody(APIRoute):
    """Checks the key before the body is read: FastAPI solves dependencies after it has parsed the body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def check_and_handle(request: Request) -> Response:
            await require_api_key(request, await HEADER(request), await BEARER(request))
            return await handle(request)

        return check_and_handle
