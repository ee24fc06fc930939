"""GET /: what fires now, worst first, by incident; and what is wrong with the router itself."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from alert_router.services.health import Health
from alert_router.store import alert_extras, alert_list, firing_alerts, frequency
from alert_router.store.alert_extras import ListedAlert
from alert_router.store.filters import Filters, Order, Standing
from alert_router.store.frequency import Cell
from alert_router.web import telling, troubles
from alert_router.web.dependencies import Now, ReaderDep, State, StateDep
from alert_router.web.pages import VARY, ConnectPage
from alert_router.web.problems import wants_html
from alert_router.web.troubles import Trouble

MAX_ALERTS = 300
"""Of those that fire, how many are looked at: the worst."""
MAX_ROWS = 40
"""Of a group of incidents: the list has the others."""
MAX_BLOCKS = 8
"""Incidents that are shown at length; the others are rows."""
MAX_RESOLVED = 5
RECENT = timedelta(hours=24)
VALUES = ("value", "values", "current_value", "value_string")
"""Annotations in which rules customarily say what was measured."""
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class FiringIncident:
    worst: ListedAlert
    firing: int
    """How many of its alerts fire."""
    places: tuple[str, ...]
    """What tells them apart."""
    value: str
    """What was measured, as the worst alert's annotations say; empty when they do not."""

    @property
    def id(self) -> int:
        return self.worst.alert.incident_id

    @property
    def is_silenced(self) -> bool:
        return self.worst.alert.suppressed is not None

    @property
    def needs_somebody(self) -> bool:
        return not self.is_silenced and self.worst.acknowledgement is None


@dataclass(frozen=True, slots=True)
class NowPage(ConnectPage):
    firing: Mapping[str, int]
    """How many alerts fire now by severity, without those that are silenced."""
    silenced_alerts: int
    waiting: tuple[FiringIncident, ...]
    """Nobody has them."""
    taken: tuple[FiringIncident, ...]
    silenced: tuple[FiringIncident, ...]
    is_cut: bool
    """More fires than the page shows."""
    resolved: tuple[ListedAlert, ...]
    """The last ones."""
    strips: Mapping[int, tuple[Cell, ...]]
    """The last day of each alert, by the hour."""
    troubles: tuple[Trouble, ...]
    channel_names: tuple[str, ...]
    """To which a test can be sent."""
    is_new: bool
    """No alert was ever received."""
    max_blocks: int = MAX_BLOCKS


@router.get("/")
async def now_page(request: Request, reader: ReaderDep, state: StateDep, now: Now) -> Response:
    settings = state["settings"]
    if not wants_html(request):
        fires = await reader.run(firing_alerts.by_severity)
        names = ("alerts", "preview", "metrics", "docs")
        links = {name: f"{settings.public_url}/{name}" for name in names}
        return JSONResponse({"firing": fires, **links}, headers=VARY)
    health = await state["operations"].health()
    page = await reader.run(lambda conn: _page(conn, state, health, now))
    return state["pages"].render("now.html", page)


def _page(conn: sa.Connection, state: State, health: Health, now: datetime) -> NowPage:
    fires = _listed(conn, Filters(status=Standing.FIRING), MAX_ALERTS, now)
    over = _listed(conn, Filters(status=Standing.RESOLVED, since=now - RECENT), MAX_RESOLVED, now)
    quiet = alert_list.find(conn, Filters(status=Standing.SILENCED), limit=MAX_ALERTS, order=Order.WORST)
    by_severity = Counter(alert.severity for alert in quiet)
    groups = _Groups.of(incidents_of(fires))
    shown = [one.worst.alert for one in groups.shown] + [one.alert for one in over]
    settings = state["settings"]
    return NowPage(
        now=now,
        firing=Counter(firing_alerts.by_severity(conn)) - by_severity,
        silenced_alerts=by_severity.total(),
        waiting=groups.waiting,
        taken=groups.taken,
        silenced=groups.silenced,
        is_cut=groups.is_cut or len(fires) == MAX_ALERTS,
        resolved=over,
        strips=frequency.strips(conn, shown, now=now),
        troubles=(*troubles.of_health(health), *troubles.of_tables(conn, state["configuration"].current)),
        channel_names=tuple(sorted(state["configuration"].current.channels)),
        is_new=not fires and not alert_list.find(conn, Filters(), limit=1, order=Order.NEWEST),
        webhook_url=f"{settings.public_url}/webhooks/alertmanager",
        needs_token=bool(settings.ingest_tokens),
    )


@dataclass(frozen=True, slots=True)
class _Groups:
    """What fires, by who has it; of each the worst MAX_ROWS."""

    waiting: tuple[FiringIncident, ...]
    taken: tuple[FiringIncident, ...]
    silenced: tuple[FiringIncident, ...]
    is_cut: bool

    @classmethod
    def of(cls, incidents: Sequence[FiringIncident]) -> "_Groups":
        waiting = [one for one in incidents if one.needs_somebody][:MAX_ROWS]
        silenced = [one for one in incidents if one.is_silenced][:MAX_ROWS]
        taken = [one for one in incidents if not (one.needs_somebody or one.is_silenced)][:MAX_ROWS]
        shown = len(waiting) + len(taken) + len(silenced)
        return cls(tuple(waiting), tuple(taken), tuple(silenced), is_cut=shown < len(incidents))

    @property
    def shown(self) -> tuple[FiringIncident, ...]:
        return (*self.waiting, *self.taken, *self.silenced)


def _listed(conn: sa.Connection, filters: Filters, limit: int, now: datetime) -> tuple[ListedAlert, ...]:
    found = alert_list.find(conn, filters, limit=limit, order=Order.WORST)
    return alert_extras.with_extras(conn, found, now)


def incidents_of(worst_first: Sequence[ListedAlert]) -> tuple[FiringIncident, ...]:
    """In the order of their worst alerts."""
    by_incident: dict[int, list[ListedAlert]] = {}
    for listed in worst_first:
        by_incident.setdefault(listed.alert.incident_id, []).append(listed)
    return tuple(_incident(own) for own in by_incident.values())


def _incident(own: Sequence[ListedAlert]) -> FiringIncident:
    annotations = own[0].alert.annotations
    return FiringIncident(
        worst=own[0],
        firing=len(own),
        places=telling.places([one.alert for one in own]),
        value=next((text for name in VALUES if (text := annotations.get(name, "").strip())), ""),
    )
