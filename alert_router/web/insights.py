"""GET /insights: what the last days were like."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from alert_router.web import insights_page
from alert_router.web.dependencies import Now, ReaderDep, StateDep

router = APIRouter(include_in_schema=False)


@router.get("/insights")
async def insights(
    reader: ReaderDep,
    state: StateDep,
    now: Now,
    since: Annotated[Literal["7d", "30d", "90d"], Query()] = "30d",
) -> Response:
    page = await reader.run(lambda conn: insights_page.page(conn, since, now))
    return state["pages"].render("insights.html", page)
