"""POST /events: direct reports. 201: new, and on the disk; 200: told before. 503: send it again."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel

from alert_router.services.intake import Report, Told
from alert_router.sources import event_signals, events
from alert_router.sources.errors import InvalidBody
from alert_router.store.engine import Unavailable
from alert_router.web import ingest
from alert_router.web.dependencies import Parts

REF_TEMPLATE = "#/components/schemas/{model}"


class Answer(BaseModel):
    id: int
    """The alert the event ended in; the same event again has the same."""
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


def router(parts: Parts) -> APIRouter:
    made = APIRouter(tags=["doors"])
    schema = events.schema(REF_TEMPLATE)
    schema.pop("$defs", None)

    @made.post(
        "/events",
        summary="A direct report from a DAG or the backend",
        status_code=201,
        responses={
            200: {"description": "Told before: the same alert", "model": Answer},
            **{code: {"description": text} for code, text in ingest.ANSWERS.items()},
        },
        openapi_extra=ingest.described(schema, EXAMPLE),
    )
    async def report(
        request: Request,
        response: Response,
        idempotency_key: Annotated[
            str | None,
            Header(
                max_length=255, description="Instead of type, dag_id and run_id: what makes it the same event"
            ),
        ] = None,
    ) -> Answer:
        told = await _take(request, parts, idempotency_key)
        url = f"/alerts/{told.alert_id}"
        response.status_code = 201 if told.new else 200
        response.headers["Location"] = url
        return Answer(id=told.alert_id, url=url, new=told.new)

    return made


async def _take(request: Request, parts: Parts, idempotency_key: str | None) -> Told:
    body = await ingest.body_of(request, parts)
    try:
        meaning = event_signals.of(events.parse(body), idempotency_key=idempotency_key)
    except InvalidBody as invalid:
        raise await ingest.refuse(parts, events.SOURCE, body, invalid) from invalid
    try:
        told = await parts.intake.report(
            Report(meaning.signal, parts.now(), ends=meaning.ends, stands=meaning.stands)
        )
    except Unavailable as error:
        raise ingest.away(error) from error
    parts.metrics.signals.labels(events.SOURCE, "accepted" if told.new else "duplicate").inc()
    return told
