"""GET /health and /metrics, for monitoring. Never behind the API key."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from backend.regmodel.app.problems import documented
from backend.regmodel.app.schemas import DataInfo, HealthResponse
from backend.regmodel.app.state import Context

router = APIRouter()


@router.get("/health", responses={503: {"model": HealthResponse}, **documented(500)})
async def health(context: Context, response: Response) -> HealthResponse:
    """200 while the service can train or forecast, also without a champion.

    503 with `degraded` when the registry cannot be read: forecasts go on with the champions loaded before.
    """
    champions, counts = context.champions, context.data.history.counts
    error = champions.error
    response.status_code = 503 if error else 200
    return HealthResponse(
        status="degraded" if error else "ok",
        detail=error,
        champions=dict(champions.summary.champions),
        registry_version=champions.summary.version,
        data=DataInfo(
            source=context.data.origin,
            start=counts.window.start,
            end=counts.window.end,
            counters=len(counts.counters),
        ),
    )


@router.get("/metrics", response_class=PlainTextResponse, responses=documented(500))
async def metrics(context: Context) -> Response:
    return Response(context.metrics.render(), media_type=CONTENT_TYPE_LATEST)
