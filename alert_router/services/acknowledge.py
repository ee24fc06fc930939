"""A person acknowledges an incident: reminders stop, and its card shows by whom."""

from dataclasses import replace
from datetime import datetime

from alert_router.domain.model import Transition, TransitionKind
from alert_router.services.intake import Intake
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.store import acknowledgements, alerts


async def acknowledge(intake: Intake, alert_id: int, now: datetime, *, by: str, note: str) -> bool:
    """Covers the alert's whole incident until it resolves; False when the incident no longer fires."""
    return bool(await intake.change(lambda work: _apply(work, alert_id, now, by=by, note=note), now))


def _apply(work: UnitOfWork, alert_id: int, now: datetime, *, by: str, note: str) -> int:
    alert = alerts.by_id(work.conn, alert_id)
    incident = work.open_incident(alert.incident_id) if alert else None
    if alert is None or incident is None or not incident.is_firing:
        return 0
    detail = f"{by}: {note}" if note else by
    work.record(Transition(alert.id, now, TransitionKind.ACKNOWLEDGED, "people", detail))
    work.change_incident(replace(incident, acknowledged_at=now, acknowledged_by=by))
    acknowledgements.add(work.conn, incident.id, at=now, by=by, note=note)
    return 1
