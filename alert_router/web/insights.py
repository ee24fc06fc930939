"""GET /insights: what the last days were like, from sums that are kept."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from alert_router.sources.errors import FieldError
from alert_router.store import insights
from alert_router.web import alert_filters, etags, insights_page, openapi
from alert_router.web.dependencies import Now, ReaderDep, StateDep
from alert_router.web.insight_schemas import InsightsOut
from alert_router.web.problems import Problem, wants_html

DEFAULT = "30d"
MAX_SPAN = timedelta(days=400)
router = APIRouter(tags=["history"])


async def _since(request: Request, now: Now) -> datetime:
    """Raises Problem (400)."""
    text = request.query_params.get("since") or DEFAULT
    try:
        moment = alert_filters.moment(text, now)
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, errors=[FieldError("since", str(error))]) from None
    if not now - MAX_SPAN <= moment <= now:
        message = f"must be in the last {MAX_SPAN.days} days"
        raise Problem(HTTPStatus.BAD_REQUEST, errors=[FieldError("since", message)])
    return moment


SinceDep = Annotated[datetime, Depends(_since)]


@router.get(
    "/insights",
    response_model=InsightsOut,
    responses=openapi.HTML | openapi.errors(400, 503),
    openapi_extra={
        "parameters": [
            {
                "name": "since",
                "in": "query",
                "description": "An age (7d, 30d, 12w) or a time; whole days in UTC are counted",
                "schema": {"type": "string", "default": DEFAULT},
                "example": DEFAULT,
            }
        ]
    },
    summary="What the last days were like",
)
async def get_insights(
    request: Request, since: SinceDep, reader: ReaderDep, state: StateDep, now: Now
) -> Response:
    zone = state["settings"].zone
    # "30d" are 30 days, today included; a time has its own day.
    is_age = alert_filters.age(request.query_params.get("since") or DEFAULT) is not None
    first = min(since + timedelta(days=1), now) if is_age else since
    found = await reader.run(lambda conn: insights.of(conn, since=first, until=now, zone=zone))
    if wants_html(request):
        span = request.query_params.get("since") or DEFAULT
        page = insights_page.page(found, span, state["settings"].timezone, now)
        return state["pages"].render("insights.html", page)
    return etags.answer(request, InsightsOut.of_insights(found))
