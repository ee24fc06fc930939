"""The page /alerts: compact rows of alerts or incidents under filters, what fires first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus

import sqlalchemy as sa
from fastapi.responses import Response
from starlette.datastructures import QueryParams

from alert_router.domain.model import Alert
from alert_router.sources.errors import FieldError
from alert_router.store import alert_list, firing_alerts, frequency, history, incident_list
from alert_router.store.alert_extras import ListedAlert
from alert_router.store.alert_list import Count
from alert_router.store.filters import Filters, Order
from alert_router.store.frequency import Cell
from alert_router.store.incident_list import ListedIncident
from alert_router.web import alert_filters, telling
from alert_router.web.alert_filters import Query, Reading
from alert_router.web.dependencies import Reader, State
from alert_router.web.histogram import HistogramView
from alert_router.web.now import FiringIncident
from alert_router.web.pages import Page

MAX_COUNT = 500
"""Counting costs as much as reading: a page says "more than 500"."""
HISTOGRAM_SPAN = timedelta(days=7)
"""Of the histogram, where the filters name no beginning."""
INCIDENT = "incident"
OTHERS = frozenset({"format", "group"})
SECTIONS = {"is-firing": "Firing", "is-silenced": "Firing, silenced", "is-resolved": "Over"}
"""By the look of a row: the headings of a list that is ordered by what is worst."""


@dataclass(frozen=True, slots=True)
class Row:
    listed: ListedAlert
    incident: FiringIncident | None
    """Set where the row stands for all alerts of it."""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    """Empty where the list has one section only."""
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class AlertsPage(Page):
    query: Query
    errors: Mapping[str, str]
    """What is wrong with a filter, by its name; then nothing is listed."""
    is_grouped: bool
    sections: tuple[Section, ...]
    neighbours: tuple[Alert, ...]
    """All alerts on the page: what differs among them is stressed."""
    strips: Mapping[int, tuple[Cell, ...]]
    count: Count
    next_url: str | None
    firing: Mapping[str, int]
    """How many alerts fire now, by severity, whatever the filters."""
    histogram: HistogramView
    alertnames: tuple[str, ...]
    severities: tuple[str, ...]
    teams: tuple[str, ...]
    label_names: tuple[str, ...]


async def respond(params: QueryParams, reader: Reader, state: State, now: datetime) -> Response:
    """400 with the form where a filter cannot be read."""
    reading, by_incident = await reader.compute(lambda: read(params, now))
    shown = await reader.run(lambda conn: page(conn, reading, now, by_incident=by_incident))
    status = HTTPStatus.BAD_REQUEST if reading.errors else HTTPStatus.OK
    return state["pages"].render("alerts.html", shown, status=status)


def read(params: QueryParams, now: datetime) -> tuple[Reading, bool]:
    """The filters, and whether the rows are incidents."""
    reading = alert_filters.read(params, now, order=Order.WORST, others=OTHERS)
    group = params.get("group", "")
    if group not in ("", INCIDENT):
        errors = (*reading.errors, FieldError("group", "must be incident"))
        return Reading(reading.query, errors), False
    if not group:
        return reading, False
    pairs = (*reading.query.pairs, ("group", INCIDENT))
    return Reading(replace(reading.query, pairs=pairs), reading.errors), True


def page(conn: sa.Connection, reading: Reading, now: datetime, *, by_incident: bool) -> AlertsPage:
    query = reading.query
    rows, next_url = ((), None) if reading.errors else _rows(conn, query, now, by_incident=by_incident)
    shown = tuple(row.listed.alert for row in rows)
    return AlertsPage(
        now=now,
        query=query,
        errors={error.field: error.message for error in reading.errors},
        is_grouped=by_incident,
        sections=_sections(rows, query.order),
        neighbours=shown,
        strips=frequency.strips(conn, shown, now=now),
        count=Count(0, is_exact=True)
        if reading.errors
        else alert_list.count(conn, query.filters, most=MAX_COUNT),
        next_url=next_url,
        firing=firing_alerts.by_severity(conn),
        histogram=_histogram(conn, query.filters, now),
        alertnames=history.alertnames(conn),
        severities=history.values_of(conn, "severity"),
        teams=history.values_of(conn, "team"),
        label_names=history.label_names(conn),
    )


def _rows(
    conn: sa.Connection, query: Query, now: datetime, *, by_incident: bool
) -> tuple[tuple[Row, ...], str | None]:
    """And the link to the next page."""
    if by_incident:
        incidents = incident_list.page(
            conn, query.filters, now=now, limit=query.limit, order=query.order, after=query.after
        )
        rows, after = tuple(Row(one.first, _incident(one)) for one in incidents.rows), incidents.next
    else:
        alerts = alert_list.page(
            conn, query.filters, now=now, limit=query.limit, order=query.order, after=query.after
        )
        rows, after = tuple(Row(listed, None) for listed in alerts.rows), alerts.next
    return rows, None if after is None else query.url(cursor=after)


def _incident(one: ListedIncident) -> FiringIncident:
    return FiringIncident(
        worst=one.first, firing=one.firing or one.number, places=telling.places(one.alerts), value=""
    )


def _sections(rows: Sequence[Row], order: Order) -> tuple[Section, ...]:
    if order is Order.NEWEST:
        return (Section("", tuple(rows)),) if rows else ()
    by_look: dict[str, list[Row]] = {}
    for row in rows:
        by_look.setdefault(telling.look(row.listed.alert), []).append(row)
    return tuple(Section(SECTIONS[look], tuple(own)) for look, own in by_look.items())


def _histogram(conn: sa.Connection, filters: Filters, now: datetime) -> HistogramView:
    until = min(filters.until or now, now)
    since = filters.since or until - HISTOGRAM_SPAN
    found = frequency.histogram(conn, filters, since=min(since, until - frequency.HOUR), until=until)
    return HistogramView.of(found)
