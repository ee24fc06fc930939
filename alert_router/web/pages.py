"""The pages for people: one frozen dataclass per page is all its template sees."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

import jinja2
from fastapi.responses import HTMLResponse

from alert_router.discord import embeds
from alert_router.domain.model import Alert, Status
from alert_router.store.dead_letters import DeadLetter
from alert_router.store.history import AlertDetail
from alert_router.store.preview import PreviewCard
from alert_router.web import discord_html, filter_summary, jinja_filters
from alert_router.web.alert_filters import Query
from alert_router.web.api_docs import Operation
from alert_router.web.metrics import SOURCES
from alert_router.web.problems import Problem

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
STYLESHEETS = (
    *("colors", "base", "layout", "form", "severity", "chip"),
    *("alert-list", "alert-detail", "timeline", "table", "health", "preview"),
)
"""In the order of the cascade."""
VARY = {"Vary": "Accept"}
"""The same address answers browsers with HTML and everybody else with JSON."""
HEADERS = {
    **VARY,
    # Defence in depth: markup that got past the escaping could still run, load and post nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Filters hold labels: they are not sent to other sites.
    "Referrer-Policy": "same-origin",
}


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
    """How many alerts are firing now, by severity, regardless of the filters."""
    severities: tuple[str, ...]
    """The options of the form."""
    alertnames: tuple[str, ...]
    """Of all alerts; empty when no alert was ever received."""
    troubles: Mapping[str, str]
    """What needs a person's attention, by component."""
    webhook_url: str
    """For alertmanager.yml."""
    needs_token: bool
    """Whether a sender needs a token."""


@dataclass(frozen=True, slots=True)
class AlertPage(Page):
    detail: AlertDetail
    public_url: str
    """Where people and programs reach this router."""


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
    """What is not ready or needs attention, by component; empty when all is well."""
    webhook_url: str
    """For alertmanager.yml."""
    needs_token: bool
    """Whether a sender needs a token."""


@dataclass(frozen=True, slots=True)
class DeadLettersPage(Page):
    letters: tuple[DeadLetter, ...]


@dataclass(frozen=True, slots=True)
class ApiPage(Page):
    operations: tuple[Operation, ...]


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
        self._env.filters |= FILTERS
        self._env.globals |= {**GLOBALS, "static": _versions()}

    def render(self, template: str, page: Page, *, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
        context = {field.name: getattr(page, field.name) for field in fields(page)}
        text = self._env.get_template(template).render(context)
        return HTMLResponse(text, status_code=status, headers=HEADERS)

    def error(self, problem: Problem, now: datetime) -> HTMLResponse:
        page = ErrorPage(
            now=now,
            status=problem.status,
            title=problem.status.phrase,
            detail=problem.detail,
            errors=tuple((error.field, error.message) for error in problem.errors),
        )
        return self.render("error.html", page, status=problem.status)


FILTERS: Mapping[str, Callable[..., object]] = {
    "ago": jinja_filters.ago,
    "bar": discord_html.bar,
    "block": discord_html.block,
    "by_rank": jinja_filters.by_rank,
    "chips": filter_summary.chips,
    "clock": jinja_filters.clock,
    "counted": jinja_filters.counted,
    "duration": jinja_filters.duration,
    "exact": jinja_filters.exact,
    "inline": discord_html.inline,
    "in_words": filter_summary.in_words,
    "moment": datetime.fromisoformat,
    "rank_name": jinja_filters.rank_name,
    "rows": discord_html.rows,
    "headline_and_text": jinja_filters.headline_and_text,
    "silence_url": embeds.silence_url,
    "span_in_words": filter_summary.span_in_words,
    "distinguishing_labels_first": jinja_filters.distinguishing_labels_first,
    "times": jinja_filters.times,
    "web_url": jinja_filters.web_url,
    "words": jinja_filters.words,
}
GLOBALS: Mapping[str, object] = {
    "ACTIONS": jinja_filters.ACTIONS,
    "OUTCOMES": jinja_filters.OUTCOMES,
    "SHOWN_LABELS": jinja_filters.SHOWN_LABELS,
    "SOURCES": SOURCES,
    "SPANS": filter_summary.SPANS,
    "STATUSES": tuple(Status),
    "STYLESHEETS": STYLESHEETS,
    "TRANSITIONS": jinja_filters.TRANSITIONS,
    "choices": filter_summary.choices,
    "has_filters": filter_summary.has_filters,
    "severity_url": filter_summary.severity_url,
    "value_of": filter_summary.value_of,
    "values_of": filter_summary.values_of,
    "with_label": filter_summary.with_label,
}


def _versions() -> dict[str, str]:
    """The URL of each static file changes with its content, so that no browser uses an old one."""
    return {
        name: f"/static/{name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"
        for path in sorted(STATIC.rglob("*"))
        if path.is_file() and (name := path.relative_to(STATIC).as_posix())
    }
