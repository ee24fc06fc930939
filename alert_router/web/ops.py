"""Metrics, health and readiness, for monitoring and orchestrators."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from alert_router.web.dependencies import StateDep

router = APIRouter(tags=["operations"])


class Readiness(BaseModel):
    ready: bool
    not_ready: dict[str, str]
    """Why no alerts are accepted, by component."""
    troubles: dict[str, str]
    """What needs a person's attention, by component."""


@router.get("/metrics", response_class=PlainTextResponse, summary="Metrics for Prometheus")
async def metrics(state: StateDep) -> Response:
    # Each scrape queries the tables, so not on the event loop.
    text = await asyncio.to_thread(generate_latest, state["metrics"].registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


@router.get("/-/healthy", response_class=PlainTextResponse, summary="Whether the process runs")
async def healthy() -> str:
    """The process answers."""
    return "ok\n"


@router.get(
    "/-/ready",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Not ready"}},
    summary="Whether alerts are accepted",
)
async def ready(state: StateDep) -> Response:
    """503 when alerts cannot be accepted, with the reason; `troubles` need a person's attention."""
    health = await asyncio.to_thread(state["check_health"])
    readiness = Readiness(
        ready=not health.not_ready, not_ready=dict(health.not_ready), troubles=dict(health.troubles)
    )
    return JSONResponse(readiness.model_dump(), status_code=200 if readiness.ready else 503)
