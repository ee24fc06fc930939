"""JSON with an ETag: whoever asks again for what has not changed is answered 304, without a body."""

import hashlib

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from alert_router.web.pages import VARY


def answer(request: Request, body: BaseModel) -> Response:
    response = JSONResponse(body.model_dump(mode="json"), headers=VARY)
    etag = f'"{hashlib.sha256(response.body).hexdigest()[:32]}"'
    response.headers["ETag"] = etag
    if etag in _asked(request):
        return Response(status_code=304, headers={**VARY, "ETag": etag})
    return response


def _asked(request: Request) -> list[str]:
    tags = request.headers.get("if-none-match", "").split(",")
    return [tag.strip().removeprefix("W/") for tag in tags]
