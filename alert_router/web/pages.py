"""The pages for people: one frozen dataclass per page is all its template sees."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

import jinja2
from fastapi.responses import HTMLResponse

from alert_router.model import Alert
from alert_router.store.history import Life
from alert_router.store.preview import PreviewCard
from alert_router.web.problems import Problem
from alert_router.web.queries import Query

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Page:
    now: datetime


@dataclass(frozen=True, slots=True)
class AlertsPage(Page):
    query: Query
    alerts: tuple[Alert, ...]
    next_url: str | None
    """The next page, further into the past."""
    firing: Mapping[str, int]
    """How many alerts fire now, by severity: of all, whatever the filters."""
    severities: tuple[str, ...]
    """To choose from."""
    alertnames: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlertPage(Page):
    life: Life


@dataclass(frozen=True, slots=True)
class PreviewPage(Page):
    cards: tuple[PreviewCard, ...]
    channel: str
    """Where cards go: "discord" or "preview"."""


@dataclass(frozen=True, slots=True)
class LandingPage(Page):
    firing: Mapping[str, int]
    pending_cards: int
    dead_cards: int
    quarantined: int
    channel: str
    not_ready: Mapping[str, str]
    """What is not ready, by the name of the part; empty when all is well."""
    webhook_url: str
    """What to write into alertmanager.yml."""


@dataclass(frozen=True, slots=True)
class ErrorPage(Page):
    status: int
    title: str
    detail: str
    errors: tuple[tuple[str, str], ...]
    """Field and message."""


class Pages:
    def __init__(self) -> None:
        self._env = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            undefined=jinja2.StrictUndefined,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, template: str, page: Page, *, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
        context = {field.name: getattr(page, field.name) for field in fields(page)}
        text = self._env.get_template(template).render(context)
        # The same address answers JSON to those who do not ask for HTML.
        return HTMLResponse(text, status_code=status, headers={"Vary": "Accept"})

    def error(self, problem: Problem, now: datetime) -> HTMLResponse:
        page = ErrorPage(
            now=now,
            status=problem.status,
            title=problem.status.phrase,
            detail=problem.detail,
            errors=tuple((error.field, error.message) for error in problem.errors),
        )
        return self.render("error.html", page, status=problem.status)
