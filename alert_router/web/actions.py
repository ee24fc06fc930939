"""What people do: take an incident on, tell dead letters again."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, StringConstraints, ValidationError

from alert_router.services.acknowledge import Acknowledgement
from alert_router.services.acknowledge import acknowledge as acknowledge_incident
from alert_router.services.intake import Change
from alert_router.sources.alertmanager import Text
from alert_router.sources.errors import errors_of
from alert_router.store import dead_letters
from alert_router.store.dead_letters import DeadLetter
from alert_router.store.engine import Unavailable
from alert_router.web import ingest
from alert_router.web.alerts import VARY, ask
from alert_router.web.dependencies import Parts
from alert_router.web.pages import DeadLettersPage, Pages
from alert_router.web.problems import Problem, wants_html

MAX_BYTES = 10_000
Id = Annotated[int, Path(ge=1, lt=2**62)]


class AcknowledgeIn(BaseModel):
    by: Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    note: Annotated[Text, StringConstraints(strip_whitespace=True, max_length=1000)] = ""


class DeadLetterOut(BaseModel):
    card_id: int
    channel: str
    incident_id: int | None
    alert_id: int | None
    reason: str


class Replayed(BaseModel):
    replayed: int


def router(parts: Parts, pages: Pages) -> APIRouter:
    made = APIRouter(tags=["actions"])

    @made.post(
        "/alerts/{alert_id}/acknowledge",
        summary="Take it on",
        status_code=204,
        response_class=Response,
        openapi_extra=ingest.described(AcknowledgeIn.model_json_schema(), {"by": "Ada", "note": "on it"}),
    )
    async def acknowledge(request: Request, alert_id: Id) -> Response:
        """Take on the alert's incident: no more reminders until it resolves, and the card says who has it."""
        ingest.admit_person(request, parts)
        said = await _said(request)
        given = Acknowledgement(alert_id, said.by, said.note, parts.now())
        try:
            taken = await acknowledge_incident(parts.intake, given)
        except Unavailable as error:
            raise ingest.away(error) from error
        if not taken:
            raise Problem(HTTPStatus.CONFLICT, f"alert {alert_id} is not part of an incident that fires")
        if wants_html(request):
            return RedirectResponse(f"/alerts/{alert_id}", status_code=HTTPStatus.SEE_OTHER)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @made.get(
        "/dead-letters", response_model=list[DeadLetterOut], summary="Cards that Discord refused for good"
    )
    async def letters(request: Request) -> Response:
        """Cards that Discord refused for good, oldest first."""
        waiting = await ask(parts, dead_letters.waiting)
        if wants_html(request):
            return pages.render("dead_letters.html", DeadLettersPage(now=parts.now(), letters=waiting))
        return JSONResponse([_out(letter).model_dump() for letter in waiting], headers=VARY)

    @made.post("/dead-letters/replay", response_model=Replayed, summary="Tell all of them again")
    async def replay_all(request: Request) -> Response:
        return await _replay(request, parts, None)

    @made.post("/dead-letters/{card_id}/replay", response_model=Replayed, summary="Tell one of them again")
    async def replay(request: Request, card_id: Id) -> Response:
        return await _replay(request, parts, [card_id])

    return made


async def _said(request: Request) -> AcknowledgeIn:
    """From a form or from JSON. Raises Problem, naming the fields."""
    body = await ingest.read(request, MAX_BYTES)
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    try:
        if form:
            return AcknowledgeIn.model_validate(dict(parse_qsl(body.decode(errors="replace"))))
        return AcknowledgeIn.model_validate_json(body)
    except ValidationError as error:
        errors = errors_of(error)
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(map(str, errors)), errors=errors) from error


def _out(letter: DeadLetter) -> DeadLetterOut:
    return DeadLetterOut(
        card_id=letter.card_id,
        channel=letter.channel,
        incident_id=letter.incident_id,
        alert_id=letter.alert_id,
        reason=letter.reason,
    )


async def _replay(request: Request, parts: Parts, card_ids: Sequence[int] | None) -> Response:
    """Tell them again, as they would be told today."""
    ingest.admit_person(request, parts)
    now = parts.now()

    def decide(conn: sa.Connection, _books: object) -> int:
        return dead_letters.replay(conn, now, card_ids)

    try:
        replayed = await parts.intake.change(Change(decide, now))
    except Unavailable as error:
        raise ingest.away(error) from error
    if card_ids is not None and not replayed:
        raise Problem(HTTPStatus.NOT_FOUND, f"card {card_ids[0]} is no dead letter")
    if wants_html(request):
        return RedirectResponse("/dead-letters", status_code=HTTPStatus.SEE_OTHER)
    return JSONResponse({"replayed": replayed})
