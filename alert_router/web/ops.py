"""Metrics, health and readiness, for monitoring and orchestrators."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from alert_router.domain.access import Role
from alert_router.web.auth import identity_of
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
    text = await state["operations"].metrics()
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
async def ready(request: Request, state: StateDep) -> Response:
    """503 when alerts cannot be accepted, with the reason; `troubles` need a person's attention.

    Only who may read hears of troubles: they name channels, senders and hosts.
    """
    health = await state["operations"].health()
    may_read = Role.READ in identity_of(request).roles
    troubles = dict(health.troubles) if may_read else {}
    readiness = Readiness(ready=not health.not_ready, not_ready=dict(health.not_ready), troubles=troubles)
    return JSONResponse(readiness.model_dump(), status_code=200 if readiness.ready else 503)
