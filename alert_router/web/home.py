"""The preview of cards and the description of the API."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from alert_router.store import card_facts, preview
from alert_router.web import signed_links
from alert_router.web.api_docs import operations
from alert_router.web.dependencies import Now, ReaderDep, StateDep
from alert_router.web.pages import ApiPage, PreviewPage

MAX_CARDS = 30
router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def api_docs(request: Request, state: StateDep, now: Now) -> Response:
    page = ApiPage(now=now, operations=operations(request.app.openapi()))
    return state["pages"].render("api_docs.html", page)


@router.get("/charts/{name}")
async def chart(name: str, reader: ReaderDep) -> Response:
    """A card's picture, as it is attached in Discord. Another picture has another name."""
    png = await reader.run(lambda conn: card_facts.png_of(conn, name))
    if png is None:
        raise HTTPException(404, "There is no such chart; a newer one has replaced it.")
    headers = {"Cache-Control": "private, max-age=604800, immutable"}
    return Response(png, media_type="image/png", headers=headers)


@router.get("/preview")
async def preview_cards(reader: ReaderDep, state: StateDep, now: Now) -> Response:
    sent = await reader.run(lambda conn: preview.latest(conn, MAX_CARDS))
    cards = tuple(map(signed_links.without_signatures, sent))
    channel = state["configuration"].current.route.channel
    return state["pages"].render("preview.html", PreviewPage(now=now, cards=cards, channel=channel))
