"""A person takes an incident on: reminders stop, and everybody sees who has it."""

from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain.model import Transition, TransitionKind
from alert_router.services.intake import Change, Intake
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.store import acknowledgements, alerts


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    alert_id: int
    by: str
    note: str
    now: datetime


async def acknowledge(intake: Intake, given: Acknowledgement) -> bool:
    """Of the alert's whole incident, until it resolves; False when it does not fire any more."""
    changed = await intake.change(Change(lambda conn, books: _enter(conn, books, given), given.now))
    return bool(changed)


def _enter(conn: sa.Connection, books: UnitOfWork, given: Acknowledgement) -> int:
    alert = alerts.by_id(conn, given.alert_id)
    incident = books.open_incident(alert.incident_id) if alert else None
    if alert is None or incident is None or not incident.is_firing:
        return 0
    said = f"{given.by}: {given.note}" if given.note else given.by
    fact = Transition(alert.id, given.now, TransitionKind.ACKNOWLEDGED, "people", said)
    books.change_incident(
        replace(incident, acknowledged_at=given.now, acknowledged_by=given.by), facts=[fact]
    )
    acknowledgements.add(conn, incident.id, at=given.now, by=given.by, note=given.note)
    return 1
