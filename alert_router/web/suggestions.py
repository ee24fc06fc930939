"""GET /alerts/suggestions: what can follow what is typed into the field of labels."""

import re
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from alert_router.domain.matchers import Matcher
from alert_router.store import history
from alert_router.web.dependencies import ReaderDep

MAX_SUGGESTIONS = 20
MAX_CHARS = 200
_MATCHER = re.compile(
    r'(?P<before>.*[,{]\s*)?"?(?P<name>[^"=!~,{}]+)"?\s*(?P<operator>=~|!~|!=|=)\s*"?(?P<value>[^"]*)'
)
_NAME = re.compile(r"(?P<before>.*[,{]\s*)?\"?(?P<name>[^\"=!~,{}]*)")
router = APIRouter(include_in_schema=False)


@router.get("/alerts/suggestions")
async def suggestions(reader: ReaderDep, match: Annotated[str, Query(max_length=MAX_CHARS)] = "") -> Response:
    return JSONResponse(await reader.run(lambda conn: following(conn, match)))


def following(conn: sa.Connection, text: str) -> list[str]:
    """Whole texts for the field: a name with an operator, or a matcher with a value."""
    if matcher := _MATCHER.fullmatch(text):
        before, name, operator = matcher["before"] or "", matcher["name"].strip(), matcher["operator"]
        values = history.values_of(conn, name, prefix=matcher["value"], limit=MAX_SUGGESTIONS)
        return [before + str(Matcher(name, operator, value)) for value in values]
    if name := _NAME.fullmatch(text):
        before, typed = name["before"] or "", name["name"].strip()
        names = [one for one in history.label_names(conn) if one.startswith(typed)]
        return [f"{before}{one}=" for one in names[:MAX_SUGGESTIONS]]
    return []
