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
from alert_router.model import Alert, Status
from alert_router.store.dead_letters import DeadLetter
from alert_router.store.history import Life
from alert_router.store.preview import PreviewCard
from alert_router.web import asked, discord_markup, formats
from alert_router.web.metrics import SOURCES
from alert_router.web.problems import Problem
from alert_router.web.queries import Query
from alert_router.web.reference import Operation

FOLDER = Path(__file__).parent
HEADERS = {
    # The same address answers JSON to those who do not ask for HTML.
    "Vary": "Accept",
    # Should an alert's text ever get past the escaping, it still runs, loads and posts nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # A label in a filter is nobody else's business.
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
    """How many alerts fire now, by severity: of all, whatever the filters."""
    severities: tuple[str, ...]
    """To choose from."""
    alertnames: tuple[str, ...]
    """Of all alerts; none: nothing has come in yet."""
    troubles: Mapping[str, str]
    """What a person should look at, by the name of the part."""
    webhook_url: str
    """What to write into alertmanager.yml."""
    needs_token: bool
    """Whether a sender must show one."""


@dataclass(frozen=True, slots=True)
class AlertPage(Page):
    life: Life
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
    """What is not ready, by the name of the part; empty when all is well."""
    webhook_url: str
    """What to write into alertmanager.yml."""
    needs_token: bool
    """Whether a sender must show one."""


@dataclass(frozen=True, slots=True)
class DeadLettersPage(Page):
    letters: tuple[DeadLetter, ...]


@dataclass(frozen=True, slots=True)
class ReferencePage(Page):
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
    "ago": formats.ago,
    "bar": discord_markup.bar,
    "block": discord_markup.block,
    "by_rank": formats.by_rank,
    "chips": asked.chips,
    "clock": formats.clock,
    "counted": formats.counted,
    "duration": formats.duration,
    "exact": formats.exact,
    "inline": discord_markup.inline,
    "in_words": asked.in_words,
    "moment": datetime.fromisoformat,
    "rank_name": formats.rank_name,
    "rows": discord_markup.rows,
    "said": formats.said,
    "silence_url": embeds.silence_url,
    "span_in_words": asked.span_in_words,
    "telling_labels": formats.telling_labels,
    "times": formats.times,
    "web_url": formats.web_url,
    "words": formats.words,
}
GLOBALS: Mapping[str, object] = {
    "ACTIONS": formats.ACTIONS,
    "OUTCOMES": formats.OUTCOMES,
    "SHOWN_LABELS": formats.SHOWN_LABELS,
    "SOURCES": SOURCES,
    "SPANS": asked.SPANS,
    "STATUSES": tuple(Status),
    "TRANSITIONS": formats.TRANSITIONS,
    "choices": asked.choices,
    "has_filters": asked.has_filters,
    "severity_url": asked.severity_url,
    "value_of": asked.value_of,
    "values_of": asked.values_of,
    "with_label": asked.with_label,
}


def _versions() -> dict[str, str]:
    """The address of each static file changes with the file, so that no browser keeps an old one."""
    return {
        path.name: f"/static/{path.name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"
        for path in sorted((FOLDER / "static").iterdir())
        if path.is_file()
    }
