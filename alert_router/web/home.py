"""The preview of cards and the description of the API."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from alert_router.store import preview
from alert_router.web.api_docs import operations
from alert_router.web.dependencies import Now, ReaderDep, StateDep
from alert_router.web.pages import ApiPage, PreviewPage

MAX_CARDS = 30
router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def api_docs(request: Request, state: StateDep, now: Now) -> Response:
    page = ApiPage(now=now, operations=operations(request.app.openapi()))
    return state["pages"].render("api_docs.html", page)


@router.get("/preview")
async def preview_cards(reader: ReaderDep, state: StateDep, now: Now) -> Response:
    cards = await reader.run(lambda conn: preview.latest(conn, MAX_CARDS))
    channel = state["configuration"].current.route.channel
    return state["pages"].render("preview.html", PreviewPage(now=now, cards=cards, channel=channel))
