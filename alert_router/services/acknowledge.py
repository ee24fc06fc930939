"""A person acknowledges an incident: reminders stop, and its card shows by whom."""

from dataclasses import dataclass, replace
from datetime import datetime

from alert_router.domain.model import Transition, TransitionKind
from alert_router.services.intake import Intake
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.store import acknowledgements, alerts


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    alert_id: int
    by: str
    note: str
    now: datetime


async def acknowledge(intake: Intake, request: Acknowledgement) -> bool:
    """Covers the alert's whole incident until it resolves; False when the incident no longer fires."""
    changed = await intake.change(lambda work: _apply(work, request), request.now)
    return bool(changed)


def _apply(work: UnitOfWork, request: Acknowledgement) -> int:
    alert = alerts.by_id(work.conn, request.alert_id)
    incident = work.open_incident(alert.incident_id) if alert else None
    if alert is None or incident is None or not incident.is_firing:
        return 0
    detail = f"{request.by}: {request.note}" if request.note else request.by
    work.record(Transition(alert.id, request.now, TransitionKind.ACKNOWLEDGED, "people", detail))
    work.change_incident(replace(incident, acknowledged_at=request.now, acknowledged_by=request.by))
    acknowledgements.add(work.conn, incident.id, at=request.now, by=request.by, note=request.note)
    return 1
