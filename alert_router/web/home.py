"""The landing page, the preview of cards and the description of the API."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from alert_router.store import firing_alerts, preview
from alert_router.web import metrics
from alert_router.web.api_docs import operations
from alert_router.web.dependencies import Now, ReaderDep, StateDep
from alert_router.web.pages import VARY, ApiPage, LandingPage, PreviewPage
from alert_router.web.problems import wants_html

MAX_CARDS = 30
router = APIRouter(include_in_schema=False)


@router.get("/")
async def landing(request: Request, reader: ReaderDep, state: StateDep, now: Now) -> Response:
    settings = state["settings"]
    firing = await reader.run(firing_alerts.by_severity)
    if not wants_html(request):
        names = ("alerts", "preview", "metrics", "docs")
        links = {name: f"{settings.public_url}/{name}" for name in names}
        return JSONResponse({"firing": firing, **links}, headers=VARY)
    health = await state["operations"].health()
    configuration = state["configuration"].current
    figures = await reader.run(lambda conn: metrics.state_of(conn, configuration))
    page = LandingPage(
        now=now,
        firing=firing,
        pending_cards=figures.cards["pending"],
        dead_cards=figures.cards["dead"],
        quarantined=figures.quarantined,
        channel=configuration.route.channel,
        not_ready={**health.not_ready, **health.troubles},
        webhook_url=f"{settings.public_url}/webhooks/alertmanager",
        needs_token=bool(settings.ingest_tokens),
        channels=tuple(sorted(configuration.channels)),
    )
    return state["pages"].render("landing.html", page)


@router.get("/docs")
async def api_docs(request: Request, state: StateDep, now: Now) -> Response:
    page = ApiPage(now=now, operations=operations(request.app.openapi()))
    return state["pages"].render("api_docs.html", page)


@router.get("/preview")
async def preview_cards(reader: ReaderDep, state: StateDep, now: Now) -> Response:
    cards = await reader.run(lambda conn: preview.latest(conn, MAX_CARDS))
    channel = state["configuration"].current.route.channel
    return state["pages"].render("preview.html", PreviewPage(now=now, cards=cards, channel=channel))
