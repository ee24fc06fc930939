"""The optional API key: `X-API-Key` or a bearer token."""

import hmac
from typing import Annotated

from fastapi import Header

from backend.regmodel.app.problems import Refused
from backend.regmodel.app.state import Context


async def require_key(
    context: Context,
    x_api_key: Annotated[str | None, Header()] = None,
    authorization: Annotated[str | None, Header()] = None,
) -> None:
    wanted = context.settings.api_key
    if wanted is None:
        return
    given = x_api_key or _bearer(authorization)
    if not hmac.compare_digest(given.encode(), wanted.get_secret_value().encode()):
        raise Refused(401, "API key required", "send the key as X-API-Key or as a bearer token")


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    return token if scheme.lower() == "bearer" else ""
