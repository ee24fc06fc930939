"""POST /observations: new or late counts, to learn from what came after the data folder."""

import sqlite3

from anyio import to_thread
from fastapi import APIRouter

from backend.regmodel.app.auth import KeyedRoute
from backend.regmodel.app.problems import Refused, documented
from backend.regmodel.app.schemas import ObservationsRequest, ObservationsResponse
from backend.regmodel.app.state import Context
from backend.regmodel.app.validation import observed, too_wide
from backend.regmodel.data.observations import TooWide
from backend.regmodel.registry.summary import Span

router = APIRouter(route_class=KeyedRoute)


@router.post("/observations", responses=documented(401, 422, 503))
async def observations(body: ObservationsRequest, context: Context) -> ObservationsResponse:
    """Upsert counts by (counter, hour). Stored and in use when this answers; sending again is harmless."""
    try:
        await to_thread.run_sync(context.data.add, observed(body.rows, context.clock()))
    except TooWide as error:
        raise too_wide(error) from error
    except (sqlite3.Error, OSError) as error:
        raise Refused(503, "Not stored", f"send them again: {error}") from error
    return ObservationsResponse(stored=len(body.rows), data=Span.of(context.data.history.counts.window))
