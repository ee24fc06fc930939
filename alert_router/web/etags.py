"""JSON with an ETag: whoever asks again for what has not changed is answered 304, without a body."""

import hashlib

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

from alert_router.web.pages import VARY


def answer(request: Request, body: BaseModel) -> Response:
    text = body.model_dump_json()
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {**VARY, "ETag": etag}
    if etag in _asked(request):
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="application/json", headers=headers)


def _asked(request: Request) -> list[str]:
    tags = request.headers.get("if-none-match", "").split(",")
    return [tag.strip().removeprefix("W/") for tag in tags]
