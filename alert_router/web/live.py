"""GET /live: server-sent events for the pages that are open."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import AwareDatetime

from alert_router.web.dependencies import StateDep
from alert_router.web.problems import Problem

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""No proxy may keep the stream to itself."""
router = APIRouter(include_in_schema=False)


@router.get("/live")
async def live(state: StateDep, since: Annotated[AwareDatetime | None, Query()] = None) -> Response:
    """503 once as many listen as may: a browser then leaves it at that."""
    if state["live"].is_full:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many pages are open")
    stream = state["live"].stream(since)
    return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)
