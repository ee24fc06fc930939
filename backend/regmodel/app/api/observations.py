"""POST /observations: new or late counts, laid over those of the data folder."""

import sqlite3

from anyio import to_thread
from fastapi import APIRouter, Depends

from backend.regmodel.app.auth import KeyBeforeBody, require_api_key
from backend.regmodel.app.problems import ProblemError, documented, invalid
from backend.regmodel.app.schemas import ObservationsRequest, ObservationsResponse
from backend.regmodel.app.state import Context
from backend.regmodel.app.validation import to_observations
from backend.regmodel.data.observations import TooWide
from backend.regmodel.registry.summary import Span

router = APIRouter(dependencies=[Depends(require_api_key)], route_class=KeyBeforeBody)


@router.post("/observations", responses=documented(400, 401, 413, 422, 500, 503))
async def observations(body: ObservationsRequest, context: Context) -> ObservationsResponse:
    """Upsert counts by (counter, hour). Stored and in use when this answers; sending again is harmless."""
    try:
        await to_thread.run_sync(context.data.add, to_observations(body.rows, context.clock()))
    except TooWide as error:
        raise invalid("rows", str(error)) from error
    except (sqlite3.Error, OSError) as error:
        raise ProblemError(503, "Not stored", f"send them again: {error}") from error
    context.metrics.observations.inc(len(body.rows))
    return ObservationsResponse(stored=len(body.rows), data=Span.of(context.data.history.counts.window))
