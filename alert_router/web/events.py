"""POST /events: direct reports. 201: new, and on the disk; 200: known already. 503: send it again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response
from pydantic import BaseModel

from alert_router.services.intake import Report
from alert_router.sources import event_signals, events
from alert_router.sources.errors import InvalidBody
from alert_router.web import ingest, openapi
from alert_router.web.auth import require_token
from alert_router.web.dependencies import IntakeDep, MetricsDep, Now
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
    "task_id": "fine_tune_model",
    "try_number": 1,
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
router = APIRouter(tags=["ingest"], dependencies=[Depends(require_token)])


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
    response: Response,
    body: Body,
    intake: IntakeDep,
    metrics: MetricsDep,
    now: Now,
    idempotency_key: IdempotencyKey = None,
) -> Answer:
    try:
        signals = event_signals.of(events.parse(body), idempotency_key=idempotency_key)
    except InvalidBody as invalid:
        raise await ingest.quarantine(
            events.SOURCE, body, invalid, intake=intake, metrics=metrics, now=now
        ) from invalid
    reported = await intake.report(Report(signals.signal, now, ends=signals.ends, stands=signals.stands))
    metrics.signals.labels(events.SOURCE, "accepted" if reported.new else "duplicate").inc()
    url = f"/alerts/{reported.alert_id}"
    response.status_code = 201 if reported.new else 200
    response.headers["Location"] = url
    return Answer(id=reported.alert_id, url=url, new=reported.new)
