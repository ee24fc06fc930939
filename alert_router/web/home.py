"""The landing page, the preview of cards and the description of the API."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from alert_router.domain.model import DISCORD, PREVIEW
from alert_router.store import history, preview
from alert_router.web import metrics
from alert_router.web.alerts import VARY, ask
from alert_router.web.api_docs import operations
from alert_router.web.dependencies import Parts
from alert_router.web.pages import LandingPage, Pages, PreviewPage, ReferencePage
from alert_router.web.problems import wants_html

MAX_CARDS = 30


def router(parts: Parts, pages: Pages) -> APIRouter:
    made = APIRouter(include_in_schema=False)
    channel = DISCORD if parts.settings.discord_webhook_url else PREVIEW

    @made.get("/")
    async def landing(request: Request) -> Response:
        health = await asyncio.to_thread(parts.examine)
        firing = await ask(parts, history.firing)
        state = await ask(parts, lambda conn: metrics.state_of(conn, [channel]))
        page = LandingPage(
            now=parts.now(),
            firing=firing,
            pending_cards=state.cards["pending"],
            dead_cards=state.cards["dead"],
            quarantined=state.quarantined,
            channel=channel,
            not_ready={**health.not_ready, **health.troubles},
            webhook_url=f"{parts.settings.public_url}/webhooks/alertmanager",
            needs_token=bool(parts.settings.ingest_tokens),
        )
        if wants_html(request):
            return pages.render("landing.html", page)
        links = {
            name: f"{parts.settings.public_url}/{name}" for name in ("alerts", "preview", "metrics", "docs")
        }
        return JSONResponse({"firing": page.firing, **links}, headers=VARY)

    @made.get("/docs")
    async def reference(request: Request) -> Response:
        known = operations(request.app.openapi())
        return pages.render("reference.html", ReferencePage(now=parts.now(), operations=known))

    @made.get("/preview")
    async def cards() -> Response:
        told = await ask(parts, lambda conn: preview.latest(conn, MAX_CARDS))
        return pages.render("preview.html", PreviewPage(now=parts.now(), cards=told, channel=channel))

    return made
