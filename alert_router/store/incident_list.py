"""Pages of incidents: each stands where the first of its selected alerts stands in the list of alerts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain.model import Alert, Incident, Labels
from alert_router.store import alert_extras, alert_list, firing_alerts, incidents, rows
from alert_router.store.alert_extras import ListedAlert
from alert_router.store.alerts import COLUMNS, alert_of
from alert_router.store.filters import Cursor, Filters, Order
from alert_router.store.tables import alerts

MAX_MEMBERS = 20
"""Of an incident, the alerts that are read."""
MAX_READ = 5_000
"""Alerts read for one page: an incident of more pushes the next one to the next page."""


@dataclass(frozen=True, slots=True)
class ListedIncident:
    incident: Incident
    first: ListedAlert
    """The one that stands for it: the worst or the newest of those that the filters select."""
    alerts: Sequence[Alert]
    """Its newest alerts, at most MAX_MEMBERS, whatever the filters."""
    number: int
    """How many alerts it has."""

    @property
    def firing(self) -> int:
        return self.incident.firing

    @property
    def common_labels(self) -> Labels:
        """Those that its alerts share: what differs is worth a reader's eye."""
        first, *others = [alert.labels for alert in (self.first.alert, *self.alerts)]
        return {
            name: value
            for name, value in first.items()
            if all(labels.get(name) == value for labels in others)
        }


@dataclass(frozen=True, slots=True)
class IncidentList:
    rows: tuple[ListedIncident, ...]
    next: Cursor | None


def page(
    conn: sa.Connection,
    filters: Filters,
    *,
    now: datetime,
    limit: int,
    order: Order = Order.WORST,
    after: Cursor | None = None,
) -> IncidentList:
    firsts, last = _firsts(conn, filters, limit=limit, order=order, after=after)
    listed = alert_extras.with_extras(conn, firsts, now)
    own = {incident.id: incident for incident in incidents.by_ids(conn, {one.incident_id for one in firsts})}
    numbers = _numbers(conn, own.keys())
    shown = [
        ListedIncident(own[id_], one, _newest(conn, id_), numbers[id_])
        for one in listed
        if (id_ := one.alert.incident_id)
    ]
    return IncidentList(tuple(shown), last)


def _firsts(
    conn: sa.Connection, filters: Filters, *, limit: int, order: Order, after: Cursor | None
) -> tuple[list[Alert], Cursor | None]:
    """Of each incident the first selected alert, unless it stood on an earlier page."""
    seen: dict[int, Alert] = {}
    read, last = 0, after
    while read < MAX_READ:
        found = alert_list.find(conn, filters, limit=limit + 1, order=order, after=last)
        earlier = _listed_before(conn, filters, found, order, after) if after else frozenset()
        for alert in found:
            if alert.incident_id not in seen and alert.incident_id not in earlier:
                if len(seen) == limit:
                    return list(seen.values()), last
                seen[alert.incident_id] = alert
            last = alert_list.cursor_of(alert, order)
        read += len(found)
        if len(found) <= limit:
            return list(seen.values()), None
    return list(seen.values()), last


def _listed_before(
    conn: sa.Connection, filters: Filters, found: Sequence[Alert], order: Order, after: Cursor
) -> frozenset[int]:
    """The incidents of these alerts that have a selected alert before the cursor."""
    ids = {alert.incident_id for alert in found}
    return frozenset(
        alert.incident_id
        for alert in _selected(conn, filters, ids)
        if alert_list.cursor_of(alert, order).place >= after.place
    )


def _selected(conn: sa.Connection, filters: Filters, ids: Collection[int]) -> list[Alert]:
    """Those alerts of the incidents that the filters select, so far as they are read."""
    wanted = rows.table_of(conn, ids, sa.BigInteger())
    query = sa.select(*COLUMNS).where(alerts.c.incident_id.in_(sa.select(wanted.c.value)))
    return firing_alerts.matching(conn, query.order_by(alerts.c.id.desc()), filters, limit=MAX_READ)


def _newest(conn: sa.Connection, incident_id: int) -> Sequence[Alert]:
    query = sa.select(*COLUMNS).where(alerts.c.incident_id == incident_id)
    newest = conn.execute(query.order_by(alerts.c.id.desc()).limit(MAX_MEMBERS))
    return tuple(map(alert_of, newest))


def _numbers(conn: sa.Connection, ids: Collection[int]) -> Mapping[int, int]:
    wanted = rows.table_of(conn, ids, sa.BigInteger())
    query = sa.select(alerts.c.incident_id, sa.func.count()).where(
        alerts.c.incident_id.in_(sa.select(wanted.c.value))
    )
    return dict(conn.execute(query.group_by(alerts.c.incident_id)).all())
