"""POST /-/send-test: an alert that shows where alerts go."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alert_router.config import Configuration
from alert_router.config.problems import suggestion
from alert_router.config.schema import SeverityWord
from alert_router.domain import routes
from alert_router.domain.model import ChannelName
from alert_router.domain.severity import Severity
from alert_router.sources import events, test_alert
from alert_router.sources.alertmanager import Text
from alert_router.sources.errors import FieldError, errors_of
from alert_router.web import openapi
from alert_router.web.dependencies import Now, state_of
from alert_router.web.problems import Problem, wants_html

MAX_BODY_BYTES = 10_000
MAX_LABELS = 20
router = APIRouter(tags=["actions"])


class SendTestIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    channel: Annotated[Text, Field(max_length=64, description="Instead of the routes' choice")] = ""
    severity: SeverityWord = Severity.CRITICAL
    labels: Annotated[
        dict[Text, Text], Field(default_factory=dict, max_length=MAX_LABELS, description="For the routes")
    ]


class SentTest(BaseModel):
    id: int
    url: str
    channels: list[str]
    """Where its card goes."""


async def _body(request: Request) -> SendTestIn:
    """From a form, from JSON, or empty. Raises Problem, naming the fields."""
    body = await request.body()
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    try:
        if form:
            return SendTestIn.model_validate(dict(parse_qsl(body.decode(errors="replace"))))
        return SendTestIn.model_validate_json(body or b"{}")
    except ValidationError as error:
        errors = errors_of(error)
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(map(str, errors)), errors=errors) from error


Body = Annotated[SendTestIn, Depends(_body)]


@router.post(
    "/-/send-test",
    summary="Send an alert that is marked as a test and ends by itself",
    status_code=201,
    response_model=SentTest,
    responses=openapi.REDIRECT | openapi.errors(401, 403, 413, 422, 503),
    openapi_extra=openapi.json_body(SendTestIn.model_json_schema(), {"channel": "ops", "severity": "info"}),
    max_body_size=MAX_BODY_BYTES,
)
async def send_test(request: Request, body: Body, now: Now) -> Response:
    """Goes the way of every alert: stored, routed, announced with its mentions; two minutes later it ends."""
    state = state_of(request)
    configuration = state["configuration"].current
    if body.channel and body.channel not in configuration.channels:
        raise _unknown_channel(body.channel, configuration)
    event = test_alert.to_signals(now, severity=body.severity, channel=body.channel, labels=body.labels)
    receipt = await state["intake"].report(event, now)
    state["metrics"].signals.labels(events.SOURCE, "accepted").inc()
    url = f"/alerts/{receipt.alert_id}"
    if wants_html(request):
        return RedirectResponse(url, status_code=HTTPStatus.SEE_OTHER)
    channels = _channels(configuration, event.signal.labels, body.channel)
    answer = SentTest(id=receipt.alert_id, url=url, channels=channels)
    return JSONResponse(answer.model_dump(), status_code=HTTPStatus.CREATED)


def _channels(configuration: Configuration, labels: Mapping[str, str], channel: str) -> list[str]:
    if channel:
        return [routes.target_in(configuration.route, ChannelName(channel), labels).channel]
    return [target.channel for target in routes.resolve(configuration.route, labels)]


def _unknown_channel(name: str, configuration: Configuration) -> Problem:
    message = f'unknown channel "{name}"{suggestion(name, sorted(configuration.channels))}'
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, message, errors=[FieldError("channel", message)])
