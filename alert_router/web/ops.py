"""What operators and their machines ask: metrics, health, readiness."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from alert_router.web.parts import Parts


def router(parts: Parts) -> APIRouter:
    made = APIRouter(tags=["operations"])

    @made.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        # The state is read from the tables at each scrape, so not on the event loop.
        text = await asyncio.to_thread(generate_latest, parts.metrics.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    @made.get("/-/healthy", response_class=PlainTextResponse)
    async def healthy() -> str:
        """The process answers."""
        return "ok\n"

    @made.get("/-/ready")
    async def ready() -> JSONResponse:
        """What is not ready, by part; 503 when anything is not."""
        missing = await asyncio.to_thread(parts.checks)
        return JSONResponse({"ready": not missing, "not_ready": missing}, status_code=503 if missing else 200)

    return made
