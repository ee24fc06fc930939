"""The pages for people: one frozen dataclass per page is all its template sees."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from alert_router.discord import links, markdown
from alert_router.store.dead_letters import DeadLetter
from alert_router.store.preview import PreviewCard
from alert_router.web import alert_filters, discord_html, filter_summary, jinja_filters, telling
from alert_router.web.api_docs import Operation
from alert_router.web.metrics import SOURCES
from alert_router.web.people import People
from alert_router.web.problems import Problem

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
STYLESHEETS = (
    *("colors", "base", "layout", "form", "severity", "chip", "row", "now", "detail"),
    *("strip", "chart", "insights", "timeline", "table", "health", "preview"),
)
"""In the order of the cascade."""
SCRIPTS = ("times", "live", "keys", "copy", "filters")
KEYS = (
    ("j", "next in the list"),
    ("k", "the one before"),
    ("Enter", "open it"),
    ("/", "search"),
    ("a", "acknowledge"),
    ("n", "what fires now"),
    ("l", "the list of alerts"),
    ("?", "this help"),
    ("Esc", "close it"),
)
PAGES = (("/", "Now"), ("/alerts", "Alerts"), ("/insights", "Insights"), ("/operations", "Router"))
"""What every page links to."""
VARY = {"Vary": "Accept"}
"""The same address answers browsers with HTML and everybody else with JSON."""
HEADERS = {
    **VARY,
    # Defence in depth: markup that got past the escaping could still run, load and post nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Filters hold labels: they are not sent to other sites.
    "Referrer-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Page:
    now: datetime


@dataclass(frozen=True, slots=True)
class ConnectPage(Page):
    """A page that says how alerts get here."""

    webhook_url: str
    """For alertmanager.yml."""
    needs_token: bool
    """Whether a sender needs a token."""


@dataclass(frozen=True, slots=True)
class PreviewPage(Page):
    cards: tuple[PreviewCard, ...]
    channel: str
    """Where cards go: "discord" or "preview"."""


@dataclass(frozen=True, slots=True)
class DeadLettersPage(Page):
    letters: tuple[DeadLetter, ...]


@dataclass(frozen=True, slots=True)
class ApiPage(Page):
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class ErrorPage(Page):
    problem: Problem


class PageResponse(Response):
    """Rendered when it is sent, in a thread of people's: a long list takes a tenth of a second."""

    def __init__(self, render: Callable[[], str], status: HTTPStatus) -> None:
        # Not the framework's: it needs the body at once.
        self._render = render
        self.status_code = status
        self.background = None
        self.raw_headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

    @property
    def body(self) -> bytes:  # type: ignore[override]
        return self._render().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        people: People = scope["state"]["people"]
        text = await people.compute(self._render, Request(scope, receive))
        page = HTMLResponse(text, self.status_code)
        page.raw_headers += self.raw_headers
        await page(scope, receive, send)


class Pages:
    def __init__(self, database_fault: Callable[[], str | None] = lambda: None) -> None:
        """database_fault: why no alert can be stored now, for the banner of every page."""
        self._database_fault = database_fault
        self._env = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            undefined=jinja2.StrictUndefined,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._env.filters |= FILTERS
        self._env.globals |= {**GLOBALS, "static": _versions()}

    def render(self, template: str, page: Page, *, status: HTTPStatus = HTTPStatus.OK) -> Response:
        return PageResponse(partial(self._render, template, page), status)

    def _render(self, template: str, page: Page) -> str:
        context = {field.name: getattr(page, field.name) for field in fields(page)}
        context["database_fault"] = self._database_fault()
        return self._env.get_template(template).render(context)

    def text(self, template: str, **values: object) -> str:
        return self._env.get_template(template).render(values)

    def error(self, problem: Problem, now: datetime) -> HTMLResponse:
        """Rendered at once: it is short, and may say that all threads are busy."""
        text = self._render("error.html", ErrorPage(now, problem))
        return HTMLResponse(text, status_code=problem.status, headers={**HEADERS, **problem.headers()})


def _by_name(*functions: Callable[..., object]) -> dict[str, Callable[..., object]]:
    return {function.__name__: function for function in functions}


FILTERS: Mapping[str, Callable[..., object]] = {
    "duration": markdown.duration,
    "json": partial(json.dumps, indent=2, ensure_ascii=False),
    "moment": datetime.fromisoformat,
    "silence_url": links.silence_url,
    **_by_name(discord_html.bar, discord_html.block, discord_html.inline, discord_html.rows),
    **_by_name(filter_summary.chips, filter_summary.in_words, alert_filters.span_in_words),
    **_by_name(jinja_filters.ago, jinja_filters.clock, jinja_filters.exact, jinja_filters.times),
    **_by_name(jinja_filters.by_rank, jinja_filters.rank_name, jinja_filters.counted, jinja_filters.words),
    **_by_name(jinja_filters.headline_and_text, jinja_filters.refusal, jinja_filters.seconds),
    **_by_name(telling.look, telling.telling_labels),
    "web_url": jinja_filters.web_url,
}
GLOBALS: Mapping[str, object] = {
    "ACTIONS": jinja_filters.ACTIONS,
    "OUTCOMES": jinja_filters.OUTCOMES,
    "SOURCES": SOURCES,
    "KEYS": KEYS,
    "PAGES": PAGES,
    "PARAMETERS": alert_filters.PARAMETERS,
    "SCRIPTS": SCRIPTS,
    "STYLESHEETS": STYLESHEETS,
    "TRANSITIONS": jinja_filters.TRANSITIONS,
    **_by_name(filter_summary.alertname_url, filter_summary.atom_url, filter_summary.severity_url),
    **_by_name(filter_summary.value_of, filter_summary.values_of, filter_summary.with_label),
}


def _versions() -> dict[str, str]:
    """The URL of each static file changes with its content, so that no browser uses an old one."""
    return {
        name: f"/static/{name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"
        for path in sorted(STATIC.rglob("*"))
        if path.is_file() and (name := path.relative_to(STATIC).as_posix())
    }
