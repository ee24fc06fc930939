"""POST /events: direct reports. 201: new, and on the disk; 200: known already. 503: send it again."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel

from alert_router.sources import event_signals, events
from alert_router.sources.errors import InvalidBody
from alert_router.web import ingest, openapi
from alert_router.web.dependencies import state_of
from alert_router.web.ingest import Body


class Answer(BaseModel):
    id: int
    """The alert of the event; the same when the event is sent again."""
    url: str
    new: bool


EXAMPLE = {
    "type": "training_failure",
    "dag_id": "monitor_and_fine_tune",
    "run_id": "scheduled__2026-11-22T00:00:00+00:00",
    "occurred_at": "2026-11-22T00:12:30Z",
    "model_type": "rf",
    "error_message": "no rows in the training window",
}
IdempotencyKey = Annotated[
    str | None,
    Header(max_length=255, description="Identifies the event instead of type, dag_id and run_id"),
]
_schema = events.schema(openapi.REF_TEMPLATE)
_schema.pop("$defs", None)
router = APIRouter(tags=["ingest"])


@router.post(
    "/events",
    summary="A direct report from a DAG or the backend",
    status_code=201,
    responses={
        200: {"description": "Known already: the same alert", "model": Answer},
        **openapi.errors(*ingest.ERRORS),
    },
    openapi_extra=openapi.json_body(_schema, EXAMPLE),
)
async def report(
    request: Request, response: Response, body: Body, idempotency_key: IdempotencyKey = None
) -> Answer:
    state = state_of(request)
    try:
        event = event_signals.to_signals(events.parse(body), idempotency_key=idempotency_key)
    except InvalidBody as invalid:
        raise await ingest.quarantine(events.SOURCE, body, invalid, state) from invalid
    receipt = await state["intake"].report(event, state["clock"]())
    state["metrics"].signals.labels(events.SOURCE, "accepted" if receipt.new else "duplicate").inc()
    url = f"/alerts/{receipt.alert_id}"
    response.status_code = 201 if receipt.new else 200
    response.headers["Location"] = url
    return Answer(id=receipt.alert_id, url=url, new=receipt.new)
