"""The pages of one alert and of one incident: who has it, all that happened, what was before, and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TypedDict

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import Response

from alert_router.domain.model import Alert, Incident
from alert_router.store import (
    alert_extras,
    alerts,
    earlier,
    frequency,
    incidents,
    preview,
    timeline,
    why,
)
from alert_router.store.alert_extras import ListedAlert
from alert_router.store.earlier import Earlier
from alert_router.store.frequency import Cell
from alert_router.store.preview import PreviewCard
from alert_router.store.why import Answer
from alert_router.web import signed_links, telling, timeline_lines
from alert_router.web.dependencies import Now, Reader, ReaderDep, RowId, State, StateDep
from alert_router.web.pages import Page
from alert_router.web.problems import Problem
from alert_router.web.timeline_lines import Line

MAX_ALERTS = 50
"""Of an incident, the newest."""
MAX_TIMELINES = 20
"""Of an incident, how many alerts' facts are put together."""
MAX_EARLIER = 10
MONTH = timedelta(days=30)
ACKNOWLEDGED_FOR = (("1 hour", "1h"), ("4 hours", "4h"), ("1 day", "1d"))
"""What the form offers beside "until it is over". It counts from when the form is sent."""
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class EpisodePage(Page):
    """What both pages show."""

    listed: ListedAlert
    """The alert; of an incident the worst one."""
    incident: Incident
    lines: tuple[Line, ...]
    why: tuple[Answer, ...]
    """Why people were, or were not, notified; by channel."""
    earlier: Earlier
    month: tuple[Cell, ...]
    """The last 30 days of its label set."""
    card: PreviewCard | None
    """As it looks now; None before the first is sent."""
    until_choices: tuple[tuple[str, str], ...]
    """For how long it can be acknowledged: words, and the time at which that ends."""
    strips: Mapping[int, tuple[Cell, ...]]
    """The last day of each alert in a list on the page."""


@dataclass(frozen=True, slots=True)
class AlertPage(EpisodePage):
    siblings: tuple[ListedAlert, ...]
    """Other alerts of the incident, the worst first."""
    as_json: str
    public_url: str
    """Where people and programs reach this router."""


@dataclass(frozen=True, slots=True)
class IncidentPage(EpisodePage):
    members: tuple[ListedAlert, ...]
    """Its alerts, the worst first."""


@router.get("/incidents/{incident_id}")
async def incident(incident_id: RowId, reader: ReaderDep, state: StateDep, now: Now) -> Response:
    page = await reader.run(lambda conn: incident_page(conn, incident_id, now))
    if page is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no incident {incident_id}")
    return state["pages"].render("incident.html", page)


async def respond_with_alert(alert_id: int, reader: Reader, state: State, now: datetime) -> Response:
    public_url = state["settings"].public_url
    page = await reader.run(lambda conn: alert_page(conn, alert_id, public_url, now))
    if page is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no alert {alert_id}")
    return state["pages"].render("alert.html", page)


def alert_page(conn: sa.Connection, alert_id: int, public_url: str, now: datetime) -> AlertPage | None:
    alert = alerts.by_id(conn, alert_id)
    if alert is None:
        return None
    others = [one for one in _members(conn, alert.incident_id) if one.id != alert.id]
    shared = _shared(conn, alert, [alert, *others], now)
    return AlertPage(
        now=now,
        lines=timeline_lines.of_alert(timeline.of_alert(conn, alert, now)),
        siblings=alert_extras.with_extras(conn, others, now),
        as_json=_as_json(alert),
        public_url=public_url,
        **shared,
    )


def incident_page(conn: sa.Connection, incident_id: int, now: datetime) -> IncidentPage | None:
    members = _members(conn, incident_id)
    if not members:
        return None
    moments = [
        (telling.place(one, members), timeline.of_alert(conn, one, now)) for one in members[:MAX_TIMELINES]
    ]
    shared = _shared(conn, members[0], members, now)
    return IncidentPage(
        now=now,
        lines=timeline_lines.of_incident(moments),
        members=alert_extras.with_extras(conn, members, now),
        **shared,
    )


class _Shared(TypedDict):
    listed: ListedAlert
    incident: Incident
    why: tuple[Answer, ...]
    earlier: Earlier
    month: tuple[Cell, ...]
    card: PreviewCard | None
    until_choices: tuple[tuple[str, str], ...]
    strips: Mapping[int, tuple[Cell, ...]]


def _shared(conn: sa.Connection, alert: Alert, members: Sequence[Alert], now: datetime) -> _Shared:
    (listed,) = alert_extras.with_extras(conn, [alert], now)
    (incident,) = incidents.by_ids(conn, [alert.incident_id])
    sent = preview.of_incident(conn, incident.id)
    return _Shared(
        listed=listed,
        incident=incident,
        why=why.of(conn, alert, now),
        earlier=earlier.episodes(conn, alert, now, limit=MAX_EARLIER),
        month=frequency.strips(conn, [alert], now=now, span=MONTH, cells=30)[alert.id],
        card=signed_links.without_signatures(sent) if sent else None,
        until_choices=ACKNOWLEDGED_FOR,
        strips=frequency.strips(conn, members, now=now),
    )


def _members(conn: sa.Connection, incident_id: int) -> list[Alert]:
    """The worst first."""
    newest = alerts.of_incident(conn, incident_id, MAX_ALERTS)
    return sorted(newest, key=lambda one: (not one.firing, bool(one.suppressed), -one.severity_rank, -one.id))


def _as_json(alert: Alert) -> str:
    """As the source sent it, in the words of the API."""
    fields = ("source", "fingerprint", "status", "labels", "annotations", "generator_url", "source_url")
    times = {"starts_at": alert.starts_at.isoformat(), "ends_at": alert.ends_at and alert.ends_at.isoformat()}
    return json.dumps({name: getattr(alert, name) for name in fields} | times, indent=2, ensure_ascii=False)
