"""Applies a configuration to what fires already: at the start, and when it was reloaded."""

from datetime import datetime

import sqlalchemy as sa

from alert_router.config import Configuration
from alert_router.domain.model import Rules
from alert_router.services import notifier
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.store import alerts, notify_state


def adopt(conn: sa.Connection, rules: Rules, configuration: Configuration, now: datetime) -> int:
    """Route the firing alerts anew, and decide about their incidents; how many alerts fire.

    A channel that is new gets its first card; one that lost alerts shows that.
    """
    work = UnitOfWork(conn, rules, configuration)
    firing = alerts.firing(conn)
    work.add_alerts(firing)
    incident_ids = {alert.incident_id for alert in firing}
    lost = work.route_anew(firing, notify_state.channels(conn, incident_ids), now)
    work.decide_again(incident_ids)
    notifier.notify_people(conn, work.save(), configuration, now, lost=lost)
    return len(firing)
