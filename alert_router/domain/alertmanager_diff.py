"""What Alertmanager's present state means for an alert we know, or do not know. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from alert_router.domain.model import (
    TIME_RESOLUTION,
    Alert,
    Rules,
    Signal,
    Status,
    Transition,
    TransitionKind,
)

SOURCE = "reconcile"
SETTLING_S = 60.0
"""An alert younger than this may still wait out Alertmanager's group_wait: its webhook will come."""
MAX_LOOK_S = 60.0
"""Longer than a look can take; a time further ahead was written before the clock stepped back."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """An alert as Alertmanager's API shows it."""

    signal: Signal
    receiver: str
    suppressed: str | None
    """ "silenced", "inhibited", "muted", or None."""


class Finding(Enum):
    NOTHING = auto()
    MISSED_FIRING = auto()
    """Alertmanager has it, and we were never told of this episode."""
    ABSENT = auto()
    """We have it open and no Alertmanager has: the first time."""
    MISSED_RESOLVE = auto()
    """Absent again."""
    SEEN = auto()
    """There again after an absence."""
    QUIET = auto()
    """Silenced, inhibited or muted now, and was not, or the other way round."""
    STILL_FIRING = auto()
    """Held as a late firing, or closed because Alertmanager did not show it; and it says that it fires."""
    WAS_LATE = auto()
    """Held as a late firing, and Alertmanager does not know it."""


def judge(
    known: Alert | None, sighting: Sighting | None, now: datetime, *, complete: bool, rules: Rules
) -> Finding:
    """What is to be done about an alert.

    now: when we looked. complete: every Alertmanager answered for all alerts; one that is down, or has just
    started, is not one without alerts.
    """
    if known is not None and _heard_since(known, now):
        return Finding.NOTHING
    if known is not None and known.held_until is not None:
        return _of_held(sighting, complete=complete)
    if sighting is not None:
        return _of_firing(known, sighting, now) if known and known.firing else _of_new(known, sighting, now)
    absent = known is not None and known.firing and complete
    return _of_absent(known, now, rules) if known is not None and absent else Finding.NOTHING


def _heard_since(known: Alert, looked_at: datetime) -> bool:
    """A webhook that came after we looked knows better than what we saw."""
    return timedelta(0) < known.last_seen_at - looked_at <= timedelta(seconds=MAX_LOOK_S)


def _of_held(sighting: Sighting | None, *, complete: bool) -> Finding:
    if sighting is not None:
        return Finding.STILL_FIRING
    return Finding.WAS_LATE if complete else Finding.NOTHING


def _of_new(known: Alert | None, sighting: Sighting, now: datetime) -> Finding:
    """We know nothing of it, or that it is over."""
    if sighting.suppressed is not None:
        return Finding.NOTHING
    if known is None or sighting.signal.starts_at > (known.ends_at or known.starts_at):
        return Finding.MISSED_FIRING if _settled(sighting, now) else Finding.NOTHING
    # Its end was our own conclusion. An end that we were told stands: a firing webhook would take it back.
    return Finding.STILL_FIRING if known.absent_since is not None else Finding.NOTHING


def _of_firing(known: Alert, sighting: Sighting, now: datetime) -> Finding:
    if known.suppressed != sighting.suppressed:
        return Finding.QUIET
    if sighting.signal.starts_at - known.starts_at >= TIME_RESOLUTION and _settled(sighting, now):
        return Finding.MISSED_FIRING
    return Finding.SEEN if known.absent_since is not None else Finding.NOTHING


def _settled(sighting: Sighting, now: datetime) -> bool:
    return now - sighting.signal.starts_at >= timedelta(seconds=SETTLING_S)


def _of_absent(known: Alert, now: datetime, rules: Rules) -> Finding:
    if known.absent_since is None:
        return Finding.ABSENT
    apart = now - known.absent_since >= timedelta(seconds=rules.absences_apart_s)
    return Finding.MISSED_RESOLVE if apart else Finding.NOTHING


def closed(alert: Alert, now: datetime) -> tuple[Alert, Transition]:
    """When it ended nobody told us; it was not there when we looked first.

    absent_since stays: it says that the end is our own conclusion.
    """
    over = replace(alert, status=Status.RESOLVED, ends_at=max(alert.absent_since or now, alert.starts_at))
    return over, _fact(over, now, "closed: Alertmanager no longer has it, and its resolve never came")


def reopened(alert: Alert, now: datetime) -> tuple[Alert, Transition]:
    again = replace(alert, status=Status.FIRING, ends_at=None, held_until=None, absent_since=None)
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
