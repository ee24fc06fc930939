"""The data set's two routes, and those that control the fake.

GET  .../records                limit, offset, where, order_by, select, timezone
GET  .../exports/{json|csv}     the same without pages
POST /control/clock             {"now": "2020-12-01T06:00:00Z"} or {"hours": 24}
POST /control/faults            {"status"?, "retry_after_s"?, "broken_after_rows"?, "times"?}
POST /control/quota             {"calls": 10 or null}
GET  /control/state             the clock, calls by day, requests
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from testbed.fakes.paris import queries, records
from testbed.fakes.paris.publication import Shown
from testbed.fakes.paris.queries import BadQuery, Query
from testbed.fakes.paris.state import Fault, ParisState

DATASET = "/api/explore/v2.1/catalog/datasets/comptage-velo-donnees-compteurs"
DAY = timedelta(days=1)


def create_app(state: ParisState) -> Starlette:
    async def page(request: Request) -> Response:
        refusal, _ = _admit(state, request)
        if refusal:
            return refusal
        try:
            query = queries.paged(dict(request.query_params))
        except BadQuery as error:
            return _bad(error)
        rows = state.rows(query)
        window = rows[query.offset : query.offset + query.limit]
        return JSONResponse(
            {"total_count": len(rows), "results": [records.as_json(row, query) for row in window]}
        )

    async def export(request: Request) -> Response:
        refusal, fault = _admit(state, request)
        if refusal:
            return refusal
        try:
            query = queries.exported(dict(request.query_params))
        except BadQuery as error:
            return _bad(error)
        rows = state.rows(query)[: query.limit if query.limit >= 0 else None]
        return _exported(request, rows, query, fault)

    return Starlette(
        routes=[
            Route(f"{DATASET}/records", page),
            Route(f"{DATASET}/exports/{{format}}", export),
            *_control(state),
        ]
    )


def _control(state: ParisState) -> list[Route]:
    async def clock(request: Request) -> Response:
        wanted = await request.json()
        at = datetime.fromisoformat(wanted["now"]) if "now" in wanted else state.now
        state.now = at + timedelta(hours=wanted.get("hours", 0))
        return JSONResponse({"now": state.now.isoformat()})

    async def faults(request: Request) -> Response:
        wanted = await request.json()
        times = wanted.pop("times", 1)
        state.faults.extend([Fault(**wanted)] * times)
        return JSONResponse({"waiting": len(state.faults)}, 201)

    async def quota(request: Request) -> Response:
        state.quota = (await request.json())["calls"]
        return JSONResponse({"calls": state.quota})

    async def show(_: Request) -> Response:
        return JSONResponse({"now": state.now.isoformat(), "calls": state.calls, "requests": state.requests})

    return [
        Route("/control/clock", clock, methods=["POST"]),
        Route("/control/faults", faults, methods=["POST"]),
        Route("/control/quota", quota, methods=["POST"]),
        Route("/control/state", show),
    ]


def _admit(state: ParisState, request: Request) -> tuple[Response | None, Fault | None]:
    state.requests.append(f"{request.url.path}?{request.url.query}")
    if state.over_quota():
        return _too_many(state), None
    fault = state.faults.popleft() if state.faults else None
    if fault and fault.status:
        headers = {} if fault.retry_after_s is None else {"Retry-After": str(fault.retry_after_s)}
        return Response(f"{fault.status}", fault.status, headers), fault
    return None, fault


def _too_many(state: ParisState) -> Response:
    midnight = (state.now + DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    body = {
        "errorcode": 10005,
        "reset_time": midnight.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "limit_time_unit": "day",
        "call_limit": state.quota,
        "error": "Too many requests on the domain. Please contact the domain administrator.",
    }
    seconds = int((midnight - state.now).total_seconds())
    return JSONResponse(body, 429, {"Retry-After": str(seconds)})


def _bad(error: BadQuery) -> Response:
    return JSONResponse({"error_code": error.code, "message": str(error)}, 400)


def _exported(request: Request, rows: Sequence[Shown], query: Query, fault: Fault | None) -> Response:
    match request.path_params["format"]:
        case "json":
            return JSONResponse([records.as_json(row, query) for row in rows])
        case "csv":
            bom = request.query_params.get("with_bom", "true") == "true"
            lines = records.csv_lines(rows, query, request.query_params.get("delimiter", ";"), bom=bom)
            cut = fault.broken_after_rows if fault else None
            return StreamingResponse(_broken(lines, cut), media_type="text/csv; charset=utf-8")
        case _:
            return _bad(BadQuery("InvalidRESTParameterError", "unknown export format"))


async def _broken(lines: Iterator[str], after_rows: int | None) -> AsyncIterator[str]:
    for number, line in enumerate(lines):
        if after_rows is not None and number > after_rows:
            raise ConnectionAbortedError("injected by the test")
        yield line
