"""A person acknowledges an incident, or takes that back: reminders stop, and its card shows by whom."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from alert_router.domain import incidents
from alert_router.domain.model import Incident, Transition, TransitionKind
from alert_router.services.intake import Intake
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.store import acknowledgements, acts, alerts
from alert_router.store.acts import Act, Kind

TRANSITIONS = {
    Kind.ACKNOWLEDGED: TransitionKind.ACKNOWLEDGED,
    Kind.UNACKNOWLEDGED: TransitionKind.UNACKNOWLEDGED,
    Kind.SILENCED: TransitionKind.SILENCED,
}
Find = Callable[[UnitOfWork], int | None]


class Outcome(Enum):
    DONE = auto()
    USED = auto()
    """The turn that the link was signed for is over: somebody was faster, or pressed twice."""
    OVER = auto()
    """The incident no longer fires, or there is none."""
    NOTHING = auto()
    """There is no acknowledgement to take back."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What a person wants to do."""

    by: str
    note: str = ""
    via: str = "api"
    until: datetime | None = None
    """When it ends by itself; None: when the incident resolves."""
    turn: int | None = None
    """Of a signed link; None: whatever was done before."""

    def act(self, incident_id: int, kind: Kind, now: datetime) -> Act:
        return Act(incident_id, kind, now, self.by, self.note, self.via, self.until)


async def acknowledge(
    intake: Intake,
    alert_id: int,
    now: datetime,
    *,
    by: str,
    note: str,
    until: datetime | None = None,
    via: str = "api",
) -> bool:
    """Covers the alert's whole incident until it resolves; False when the incident no longer fires."""
    intent = Intent(by, note, via, until)
    outcome = await intake.act(lambda work: _of_alert(work, alert_id, intent, Kind.ACKNOWLEDGED, now), now)
    return outcome is Outcome.DONE


async def unacknowledge(
    intake: Intake, alert_id: int, now: datetime, *, by: str, note: str = "", via: str = "api"
) -> bool:
    """False when there is no acknowledgement to take back."""
    intent = Intent(by, note, via)
    outcome = await intake.act(lambda work: _of_alert(work, alert_id, intent, Kind.UNACKNOWLEDGED, now), now)
    return outcome is Outcome.DONE


def _of_alert(work: UnitOfWork, alert_id: int, intent: Intent, kind: Kind, now: datetime) -> Outcome:
    alert = alerts.by_id(work.conn, alert_id)
    return apply(work, alert.incident_id, intent, kind, now, alert_id) if alert else Outcome.OVER


def apply(
    work: UnitOfWork, incident_id: int, intent: Intent, kind: Kind, now: datetime, alert_id: int | None = None
) -> Outcome:
    """alert_id: whose timeline shows it; None: that of the worst that fires."""
    incident = work.open_incident(incident_id)
    if incident is None or not incident.is_firing:
        return Outcome.OVER
    if kind is Kind.UNACKNOWLEDGED and incident.acknowledged_at is None and intent.turn is None:
        return Outcome.NOTHING
    act = intent.act(incident_id, kind, now)
    if not take_turn(work, act, intent.turn):
        return Outcome.USED
    record(work, act, alert_id)
    work.change_incident(_changed(incident, act))
    if kind is Kind.ACKNOWLEDGED:
        acknowledgements.add(work.conn, incident_id, at=now, by=act.by, note=act.note)
    return Outcome.DONE


def take_turn(work: UnitOfWork, act: Act, wanted: int | None) -> bool:
    turn = acts.turns(work.conn, act.incident_id).of(act.kind)
    return wanted in (None, turn) and acts.add(work.conn, act, turn)


def record(work: UnitOfWork, act: Act, alert_id: int | None = None) -> None:
    """In the timeline of the alert."""
    if alert_id is None:
        firing = acts.firing(work.conn, act.incident_id)
        alert_id = firing[0].id if firing else None
    if alert_id is not None:
        kind = TRANSITIONS[act.kind]
        work.record(Transition(alert_id, act.at, kind, "people", _in_words(act)))


def _in_words(act: Act) -> str:
    detail = f"{act.by}: {act.note}" if act.note else act.by
    return f"{detail} (until {act.until:%Y-%m-%d %H:%M} UTC)" if act.until else detail


def _changed(incident: Incident, act: Act) -> Incident:
    if act.kind is Kind.UNACKNOWLEDGED:
        return incidents.unacknowledge(incident)
    return replace(
        incident,
        acknowledged_at=act.at,
        acknowledged_by=act.by,
        acknowledged_until=act.until,
        acknowledgement_note=act.note,
    )


def lapse(work: UnitOfWork, incident: Incident, now: datetime) -> None:
    """The time for which it was acknowledged is over: reminders begin again."""
    intent = Intent(incident.acknowledged_by or "", "the time is over", via="time")
    apply(work, incident.id, intent, Kind.UNACKNOWLEDGED, now)
