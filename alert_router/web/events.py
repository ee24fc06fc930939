"""POST /events: direct reports of DAGs, jobs, scripts and services.

201: new, and on the disk; 200: known already. 503: send it again.
"""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel

from alert_router.sources import event_examples, event_signals, events
from alert_router.sources.errors import InvalidBody
from alert_router.web import ingest, openapi
from alert_router.web.dependencies import state_of
from alert_router.web.ingest import Body


class Answer(BaseModel):
    id: int | None
    """The alert of the event; the same when the event is sent again. null where it makes none: a mark, a run
    that started or went well."""
    url: str | None
    new: bool


IdempotencyKey = Annotated[
    str | None,
    Header(max_length=255, description="Identifies the event instead of its fields"),
]
_schema = events.schema(openapi.REF_TEMPLATE)
_schema.pop("$defs", None)
router = APIRouter(tags=["ingest"])


@router.post(
    "/events",
    summary="A direct report: an event, a run of a job, a deployment",
    status_code=201,
    responses={
        200: {"description": "Known already: the same alert", "model": Answer},
        **openapi.errors(*ingest.ERRORS),
    },
    openapi_extra=openapi.json_body_examples(_schema, event_examples.EXAMPLES),
)
async def report(
    request: Request, response: Response, body: Body, idempotency_key: IdempotencyKey = None
) -> Answer:
    state = state_of(request)
    now = state["clock"]()
    try:
        event = event_signals.to_signals(events.parse(body), now=now, idempotency_key=idempotency_key)
    except InvalidBody as invalid:
        raise await ingest.quarantine(events.SOURCE, body, invalid, state) from invalid
    receipt = await state["intake"].report(event, now)
    state["metrics"].signals.labels(events.SOURCE, "accepted" if receipt.new else "duplicate").inc()
    response.status_code = 201 if receipt.new else 200
    url = f"/alerts/{receipt.alert_id}" if receipt.alert_id is not None else None
    if url is not None:
        response.headers["Location"] = url
    return Answer(id=receipt.alert_id, url=url, new=receipt.new)
