"""GET /health and /metrics: for machines that watch this one. Never behind the API key."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from backend.regmodel.app.problems import documented
from backend.regmodel.app.schemas import DataInfo, HealthResponse
from backend.regmodel.app.state import Context

router = APIRouter()


@router.get("/health", responses=documented(503))
async def health(context: Context, response: Response) -> HealthResponse:
    """200 while the service can do its work; without a champion it still can: training is its work too.

    503 with `degraded` when the registry cannot be read: forecasts go on with the champions loaded before.
    """
    champions, counts = context.champions, context.data.history.counts
    trouble = champions.trouble
    response.status_code = 503 if trouble else 200
    return HealthResponse(
        status="degraded" if trouble else "ok",
        detail=trouble,
        champions=dict(champions.summary.champions),
        registry_version=champions.summary.version,
        data=DataInfo(
            source="files" if context.data.source.data_dir else "generated",
            start=counts.window.start,
            end=counts.window.end,
            counters=len(counts.counters),
        ),
    )


@router.get("/metrics")
async def metrics(context: Context) -> Response:
    return Response(context.metrics.rendered(), media_type=CONTENT_TYPE_LATEST)
