"""What Alertmanager's present state means for an alert we know, or do not know. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from alert_router.model import Alert, Signal, Status, Transition, TransitionKind

SOURCE = "reconcile"
SETTLING_S = 60.0
"""An alert younger than this may still wait out Alertmanager's group_wait: its webhook will come."""
ABSENCES_APART_S = 30.0
"""Two absences in a row close an alert; looks closer together than this are one."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """An alert as Alertmanager's API shows it."""

    signal: Signal
    receiver: str
    suppressed: str | None
    """ "silenced", "inhibited", or None."""


class Finding(Enum):
    NOTHING = auto()
    MISSED_FIRING = auto()
    """Alertmanager has it, we were never told, or were told that it is over."""
    ABSENT = auto()
    """We have it open and Alertmanager has not: the first time."""
    MISSED_RESOLVE = auto()
    """Absent again."""
    SEEN = auto()
    """There again after an absence."""
    QUIET = auto()
    """Silenced or inhibited now, and was not, or the other way round."""
    STILL_FIRING = auto()
    """Held as a late firing, and Alertmanager says it fires."""
    WAS_LATE = auto()
    """Held as a late firing, and Alertmanager does not know it."""


def judge(known: Alert | None, sighting: Sighting | None, now: datetime, *, complete: bool) -> Finding:
    """complete: every Alertmanager answered. One that is down is not one without alerts."""
    if known is not None and known.held_until is not None:
        return _of_held(sighting, complete=complete)
    if sighting is not None:
        return _of_seen(known, sighting, now)
    return _of_absent(known, now) if known is not None and known.firing and complete else Finding.NOTHING


def _of_held(sighting: Sighting | None, *, complete: bool) -> Finding:
    if sighting is not None:
        return Finding.STILL_FIRING
    return Finding.WAS_LATE if complete else Finding.NOTHING


def _of_seen(known: Alert | None, sighting: Sighting, now: datetime) -> Finding:
    if known is None or not known.firing:
        settled = now - sighting.signal.starts_at >= timedelta(seconds=SETTLING_S)
        over = known is not None and known.ends_at is not None
        later = known is None or (over and sighting.signal.starts_at > (known.ends_at or now))
        missed = later and settled and sighting.suppressed is None
        return Finding.MISSED_FIRING if missed else Finding.NOTHING
    if known.suppressed != sighting.suppressed:
        return Finding.QUIET
    return Finding.SEEN if known.absent_since is not None else Finding.NOTHING


def _of_absent(known: Alert, now: datetime) -> Finding:
    if known.absent_since is None:
        return Finding.ABSENT
    apart = now - known.absent_since >= timedelta(seconds=ABSENCES_APART_S)
    return Finding.MISSED_RESOLVE if apart else Finding.NOTHING


def closed(alert: Alert, now: datetime) -> tuple[Alert, Transition]:
    """When it ended nobody told us; it was not there when we looked first."""
    over = replace(
        alert,
        status=Status.RESOLVED,
        ends_at=max(alert.absent_since or now, alert.starts_at),
        absent_since=None,
    )
    return over, _fact(over, now, "closed: Alertmanager no longer has it, and its resolve never came")


def reopened(alert: Alert, now: datetime) -> tuple[Alert, Transition]:
    again = replace(alert, status=Status.FIRING, ends_at=None, held_until=None)
    return again, Transition(
        alert.id, now, TransitionKind.REOPENED, SOURCE, "Alertmanager says it still fires"
    )


def was_late(alert: Alert, now: datetime) -> tuple[Alert, Transition]:
    fact = Transition(
        alert.id, now, TransitionKind.LATE_DUPLICATE, SOURCE, "Alertmanager no longer has it: a late replica"
    )
    return replace(alert, held_until=None), fact


def quieted(alert: Alert, suppressed: str | None, now: datetime) -> tuple[Alert, Transition]:
    detail = suppressed or f"no longer {alert.suppressed}"
    fact = Transition(alert.id, now, TransitionKind.SILENCED, SOURCE, detail)
    return replace(alert, suppressed=suppressed, absent_since=None), fact


def opened_fact(alert: Alert, now: datetime) -> Transition:
    return _fact(alert, now, "opened: Alertmanager has it, and its webhook never came")


def _fact(alert: Alert, now: datetime, detail: str) -> Transition:
    return Transition(alert.id, now, TransitionKind.RECONCILED, SOURCE, detail)
