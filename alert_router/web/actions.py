"""What people do: acknowledge an incident, retry dead letters."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from alert_router.services.acknowledge import acknowledge as acknowledge_incident
from alert_router.services.acknowledge import unacknowledge as unacknowledge_incident
from alert_router.services.intake import Intake
from alert_router.sources.alertmanager import Text, Time
from alert_router.sources.errors import FieldError, errors_of
from alert_router.store import dead_letters
from alert_router.web import alert_filters, auth, openapi
from alert_router.web.auth import signed_by
from alert_router.web.dependencies import Now, ReaderDep, RowId, StateDep
from alert_router.web.pages import VARY, DeadLettersPage
from alert_router.web.problems import Problem, wants_html
from alert_router.web.schemas import DeadLetterOut

MAX_FORM_BYTES = 10_000
router = APIRouter(tags=["actions"])


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


# Before the length is checked: a name of blanks is none.
Note = Annotated[Text, Field(max_length=1000), BeforeValidator(_stripped)]
Age = Annotated[str, Field(pattern=r"^[0-9]{1,5}[mhdw]$", examples=["4h"])]
Person = Annotated[Text, Field(min_length=1, max_length=100), BeforeValidator(_stripped)]


class AcknowledgeIn(BaseModel):
    by: Person
    note: Note = ""
    until: Time | Age | None = None
    """When it ends by itself, or after how long, such as 4h; without it, when the incident resolves."""

    def until_at(self, now: datetime) -> datetime | None:
        if isinstance(self.until, str):
            return now + (alert_filters.age(self.until) or timedelta())
        return self.until


class UnacknowledgeIn(BaseModel):
    by: Person = auth.SOMEBODY
    note: Note = ""


class Replayed(BaseModel):
    replayed: int


B = TypeVar("B", bound=BaseModel)


async def parsed_body(request: Request, model: type[B]) -> B:
    """From a form or from JSON; an empty body has no fields. Raises Problem, naming the fields."""
    body = await request.body() or b"{}"
    try:
        if is_form(request):
            return model.model_validate(dict(parse_qsl(body.decode(errors="replace"))))
        return model.model_validate_json(body)
    except ValidationError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, errors=errors_of(error)) from error


def is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


async def _acknowledge_body(request: Request) -> AcknowledgeIn:
    return await parsed_body(request, AcknowledgeIn)


async def _unacknowledge_body(request: Request) -> UnacknowledgeIn:
    return await parsed_body(request, UnacknowledgeIn)


AcknowledgeBody = Annotated[AcknowledgeIn, Depends(_acknowledge_body)]
UnacknowledgeBody = Annotated[UnacknowledgeIn, Depends(_unacknowledge_body)]


@router.post(
    "/alerts/{alert_id}/acknowledge",
    summary="Acknowledge the alert's incident",
    status_code=204,
    response_class=Response,
    responses=openapi.REDIRECT | openapi.errors(401, 403, 409, 413, 422, 503),
    openapi_extra=openapi.json_body(AcknowledgeIn.model_json_schema(), {"by": "Ada", "note": "on it"}),
    max_body_size=MAX_FORM_BYTES,
)
async def acknowledge(
    request: Request, alert_id: RowId, body: AcknowledgeBody, state: StateDep, now: Now
) -> Response:
    """No more reminders until the incident resolves, or until the time given; the card names who has it."""
    until = body.until_at(now)
    if until is not None and until <= now:
        error = FieldError("until", "must lie in the future")
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, errors=[error])
    acknowledged = await acknowledge_incident(
        state["intake"],
        alert_id,
        now,
        by=signed_by(request, body.by),
        note=body.note,
        until=until,
        via=_via(request),
    )
    if not acknowledged:
        raise Problem(HTTPStatus.CONFLICT, f"alert {alert_id} is not part of a firing incident")
    return _to_alert(request, alert_id)


@router.delete(
    "/alerts/{alert_id}/acknowledge",
    summary="Take back the acknowledgement of the alert's incident",
    status_code=204,
    response_class=Response,
    responses=openapi.errors(401, 403, 409, 413, 422, 503),
    openapi_extra=openapi.json_body(UnacknowledgeIn.model_json_schema(), {"by": "Ada"}, required=False),
    max_body_size=MAX_FORM_BYTES,
)
@router.post(
    "/alerts/{alert_id}/unacknowledge",
    summary="The same, for a form",
    status_code=204,
    response_class=Response,
    responses=openapi.REDIRECT | openapi.errors(401, 403, 409, 413, 422, 503),
    openapi_extra=openapi.json_body(UnacknowledgeIn.model_json_schema(), {"by": "Ada"}, required=False),
    max_body_size=MAX_FORM_BYTES,
)
async def unacknowledge(
    request: Request, alert_id: RowId, body: UnacknowledgeBody, state: StateDep, now: Now
) -> Response:
    """Reminders begin again. The body may be empty."""
    taken_back = await unacknowledge_incident(
        state["intake"], alert_id, now, by=signed_by(request, body.by), note=body.note, via=_via(request)
    )
    if not taken_back:
        raise Problem(HTTPStatus.CONFLICT, f"alert {alert_id} has no acknowledgement to take back")
    return _to_alert(request, alert_id)


def _via(request: Request) -> str:
    return "page" if is_form(request) else "api"


def _to_alert(request: Request, alert_id: int) -> Response:
    if wants_html(request):
        return RedirectResponse(f"/alerts/{alert_id}", status_code=HTTPStatus.SEE_OTHER)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(
    "/dead-letters",
    response_model=list[DeadLetterOut],
    responses=openapi.HTML | openapi.errors(503),
    summary="Cards that Discord rejected for good",
)
async def letters(request: Request, reader: ReaderDep, state: StateDep, now: Now) -> Response:
    """Cards that Discord rejected for good, oldest first."""
    waiting = await reader.run(dead_letters.waiting)
    if wants_html(request):
        return state["pages"].render("dead_letters.html", DeadLettersPage(now=now, letters=waiting))
    body = [DeadLetterOut.model_validate(letter).model_dump() for letter in waiting]
    return JSONResponse(body, headers=VARY)


@router.post(
    "/dead-letters/replay",
    response_model=Replayed,
    responses=openapi.REDIRECT | openapi.errors(401, 403, 503),
    summary="Retry all dead letters",
)
async def replay_all(request: Request, state: StateDep, now: Now) -> Response:
    return _replayed(request, await _replay(state["intake"], None, now))


@router.post(
    "/dead-letters/{card_id}/replay",
    response_model=Replayed,
    responses=openapi.REDIRECT | openapi.errors(401, 403, 404, 422, 503),
    summary="Retry one dead letter",
)
async def replay(request: Request, card_id: RowId, state: StateDep, now: Now) -> Response:
    replayed = await _replay(state["intake"], [card_id], now)
    if not replayed:
        raise Problem(HTTPStatus.NOT_FOUND, f"card {card_id} is not a dead letter")
    return _replayed(request, replayed)


async def _replay(intake: Intake, card_ids: Sequence[int] | None, now: Now) -> int:
    """How many. The cards are rendered again, from the present state."""
    return await intake.change(lambda work: dead_letters.replay(work.conn, now, card_ids), now)


def _replayed(request: Request, replayed: int) -> Response:
    if wants_html(request):
        return RedirectResponse("/dead-letters", status_code=HTTPStatus.SEE_OTHER)
    return JSONResponse({"replayed": replayed})
