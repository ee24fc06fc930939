"""What operators and their machines ask: metrics, health, readiness."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from alert_router.web.dependencies import Parts


def router(parts: Parts) -> APIRouter:
    made = APIRouter(tags=["operations"])

    @made.get("/metrics", response_class=PlainTextResponse, summary="For Prometheus")
    async def metrics() -> Response:
        # The state is read from the tables at each scrape, so not on the event loop.
        text = await asyncio.to_thread(generate_latest, parts.metrics.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    @made.get("/-/healthy", response_class=PlainTextResponse, summary="Whether the process runs")
    async def healthy() -> str:
        """The process answers."""
        return "ok\n"

    @made.get("/-/ready", summary="Whether alerts can be taken in")
    async def ready() -> JSONResponse:
        """503 when alerts cannot be taken in, saying why; `troubles` are for a person to look at."""
        health = await asyncio.to_thread(parts.examine)
        body = {
            "ready": not health.not_ready,
            "not_ready": dict(health.not_ready),
            "troubles": dict(health.troubles),
        }
        return JSONResponse(body, status_code=503 if health.not_ready else 200)

    return made
