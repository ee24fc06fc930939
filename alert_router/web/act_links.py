"""The signed links of cards: a page that says what its one button does. Opening it changes nothing.

The signature is the right to act, so there is no login here, and no check of where the request comes from:
another website would have to know the link.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from alert_router.domain import act_links, routes, silences
from alert_router.domain.act_links import ActKind, ActLink, Refused
from alert_router.domain.model import Alert, Incident
from alert_router.services import acknowledge
from alert_router.services.acknowledge import Intent, Outcome
from alert_router.services.silence import NotSilenced, silenceable
from alert_router.store import acts, incidents
from alert_router.store.acts import Act, Kind
from alert_router.web import openapi
from alert_router.web.act_pages import ActPage, DonePage, Subject
from alert_router.web.actions import MAX_FORM_BYTES, Note, Person, parsed_body
from alert_router.web.dependencies import Now, Reader, ReaderDep, State, StateDep, state_of
from alert_router.web.problems import Problem, as_json, wants_html

NAME_COOKIE = "alert_router_name"
YEAR_S = 365 * 24 * 3600
SECRET_HEADERS = {
    # The address is a secret: it goes to no other site, and into no cache or search engine.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
}
KINDS = {ActKind.ACKNOWLEDGE: Kind.ACKNOWLEDGED, ActKind.UNACKNOWLEDGE: Kind.UNACKNOWLEDGED}
SLOTS = {
    Kind.ACKNOWLEDGED: (Kind.ACKNOWLEDGED, Kind.UNACKNOWLEDGED),
    Kind.UNACKNOWLEDGED: (Kind.ACKNOWLEDGED, Kind.UNACKNOWLEDGED),
    Kind.SILENCED: (Kind.SILENCED,),
}


class SecretRoute(APIRoute):
    """Its answers, refusals too, do not spread the address."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def answer_secretly(request: Request) -> Response:
            try:
                response = await answer(request)
            except Problem as problem:
                response = _refusal(request, problem)
            response.headers.update(SECRET_HEADERS)
            return response

        return answer_secretly


def _refusal(request: Request, problem: Problem) -> Response:
    state = state_of(request)
    return state["pages"].error(problem, state["clock"]()) if wants_html(request) else as_json(problem)


router = APIRouter(tags=["actions"], route_class=SecretRoute)


class ActIn(BaseModel):
    by: Person
    note: Note = ""
    until: Literal["", "1h", "4h", "9:00"] = ""
    """For how long; empty: until the incident resolves, or one hour of a silence."""


class Done(BaseModel):
    done: str
    by: str
    until: datetime | None


def _read(token: str, state: State, now: datetime) -> ActLink:
    """Raises Problem."""
    link = state["act_links"].signer.read(token, now)
    if link is Refused.ALTERED:
        raise Problem(
            HTTPStatus.FORBIDDEN, "This link was not made by this router, or was cut. Open it from the card."
        )
    if link is Refused.EXPIRED:
        raise Problem(
            HTTPStatus.GONE,
            f"This link was good for {act_links.LIFETIME.days} days. The alert's own page can do the same.",
        )
    return link


async def _body(request: Request) -> ActIn:
    return await parsed_body(request, ActIn)


Token = Annotated[str, Path(max_length=100, description="Of the card's button")]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the link's incident now."""

    incident: Incident | None
    firing: tuple[Alert, ...]
    turns: acts.Turns
    last: Act | None
    """The act that made the link void, if one did."""


@router.get(
    "/act/{token}",
    summary="What a card's button would do; changes nothing",
    response_class=Response,
    responses=openapi.HTML | openapi.errors(403, 409, 410, 503),
)
async def show(request: Request, token: Token, reader: ReaderDep, state: StateDep, now: Now) -> Response:
    link = _read(token, state, now)
    standing = await _standing(reader, link)
    _check(standing, link, now)
    page = _page(link, standing, state, now, name=unquote(request.cookies.get(NAME_COOKIE, "")))
    return state["pages"].render("act.html", page)


@router.post(
    "/act/{token}",
    summary="Acknowledge, take back or silence, by the signed link of a card",
    response_model=Done,
    responses=openapi.HTML | openapi.errors(403, 409, 410, 413, 422, 502, 503),
    openapi_extra=openapi.json_body(ActIn.model_json_schema(), {"by": "Ada", "note": "on it", "until": "1h"}),
    max_body_size=MAX_FORM_BYTES,
)
async def act(
    request: Request,
    token: Token,
    body: Annotated[ActIn, Depends(_body)],
    reader: ReaderDep,
    state: StateDep,
    now: Now,
) -> Response:
    link = _read(token, state, now)
    until = _until(link, body, state, now)
    intent = Intent(body.by, body.note, via="card", until=until, turn=link.turn)
    outcome = await _do(link, intent, state, now)
    standing = await _standing(reader, link)
    if outcome is not Outcome.DONE:
        raise Problem(HTTPStatus.CONFLICT, _void(standing, now))
    if not wants_html(request):
        done = Done(done=_kind(link).value, by=body.by, until=until)
        return JSONResponse(done.model_dump(mode="json"))
    answer = state["pages"].render("act_done.html", _done_page(link, standing, state, now))
    secure = state["settings"].public_url.startswith("https://")
    answer.set_cookie(
        NAME_COOKIE, quote(body.by), max_age=YEAR_S, path="/act", httponly=True, samesite="lax", secure=secure
    )
    return answer


async def _do(link: ActLink, intent: Intent, state: State, now: datetime) -> Outcome:
    """Raises Problem where Alertmanager does not take a silence."""
    if link.kind is ActKind.SILENCE:
        try:
            return await state["silencer"].silence(link.incident_id, intent, now)
        except NotSilenced as error:
            raise Problem(HTTPStatus.BAD_GATEWAY, f"Nothing is silenced: {error}. Try again.") from None
    kind = KINDS[link.kind]
    return await state["intake"].act(
        lambda work: acknowledge.apply(work, link.incident_id, intent, kind, now), now
    )


async def _standing(reader: Reader, link: ActLink) -> Standing:
    def read(conn: sa.Connection) -> Standing:
        found = incidents.by_ids(conn, {link.incident_id})
        return Standing(
            found[0] if found else None,
            tuple(acts.firing(conn, link.incident_id)),
            acts.turns(conn, link.incident_id),
            acts.last(conn, link.incident_id, SLOTS[_kind(link)]),
        )

    return await reader.run(read)


def _kind(link: ActLink) -> Kind:
    return KINDS.get(link.kind, Kind.SILENCED)


def _check(standing: Standing, link: ActLink, now: datetime) -> None:
    """Raises Problem when the button would do nothing."""
    is_firing = standing.incident is not None and standing.incident.is_firing
    if not is_firing or standing.turns.of(_kind(link)) != link.turn:
        raise Problem(HTTPStatus.CONFLICT, _void(standing, now))


def _void(standing: Standing, now: datetime) -> str:
    if standing.incident is None or not standing.incident.is_firing:
        return "There is nothing left to do: the incident no longer fires."
    if standing.last is None:
        return "This link is no longer valid. Open it from the card."
    minutes = max(int((now - standing.last.at).total_seconds()) // 60, 0)
    when = f"{minutes} min ago" if minutes else "just now"
    return f"This link was used: {standing.last.by} {standing.last.kind} it {when}. The card has a new one."


def _until(link: ActLink, body: ActIn, state: State, now: datetime) -> datetime | None:
    choice = body.until or ("1h" if link.kind is ActKind.SILENCE else "")
    return silences.until(choice, now, zone_of(state)) if choice else None


def zone_of(state: State) -> ZoneInfo:
    """Where the people are: as the quiet hours say."""
    policies = (route.policy for route in routes.walk(state["configuration"].current.route))
    hours = (policy.quiet_hours for policy in policies)
    return next((one.zone for one in hours if one is not None), ZoneInfo("UTC"))


def _page(link: ActLink, standing: Standing, state: State, now: datetime, *, name: str) -> ActPage:
    shown = silenceable(standing.firing) if link.kind is ActKind.SILENCE else standing.firing
    matchers = silences.matchers(shown) if link.kind is ActKind.SILENCE else ()
    return ActPage(
        now=now,
        kind=_kind(link),
        subject=_subject(standing),
        matchers=tuple(map(str, matchers)),
        zone=str(zone_of(state)),
        name=name[:100],
    )


def _done_page(link: ActLink, standing: Standing, state: State, now: datetime) -> DonePage:
    undo = ""
    if link.kind is ActKind.ACKNOWLEDGE:
        expires_at = act_links.expiry(now)
        again = ActLink(ActKind.UNACKNOWLEDGE, link.incident_id, standing.turns.acknowledge, expires_at)
        undo = f"/act/{state['act_links'].signer.token(again)}"
    return DonePage(now=now, act=standing.last, subject=_subject(standing), undo=undo)


def _subject(standing: Standing) -> Subject:
    names = dict.fromkeys(alert.alertname or "Alert" for alert in standing.firing)
    worst = standing.firing[0] if standing.firing else None
    return Subject(
        alert_id=worst.id if worst else None,
        title=", ".join(names),
        firing=len(standing.firing),
        since=min((alert.starts_at for alert in standing.firing), default=None),
        acknowledged_by=standing.incident.acknowledged_by if standing.incident else None,
    )
