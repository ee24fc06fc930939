"""How an alert of the router differs from what Alertmanager's API shows, and what that changes. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from alert_router.domain import lifecycle
from alert_router.domain.lifecycle import Change, SignalKind
from alert_router.domain.model import TIME_RESOLUTION, Alert, Rules, Signal, Transition, TransitionKind

SOURCE = "reconcile"
LATENESS = timedelta(seconds=60)
"""A webhook may come this much later than the group's timers say: retries, and the turns of a pair."""
MIN_DOWNTIME = timedelta(minutes=2)
"""Without a comparison for this long, no router ran."""
MAX_QUERY_S = 60.0
"""Upper bound on a query of the API. A time further ahead was written before the clock was set back."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """An alert as Alertmanager's API shows it."""

    signal: Signal
    receiver: str
    suppressed: str | None
    """ "silenced", "inhibited", "muted", or None."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an alert that Alertmanager shows and no webhook has brought."""

    shown_for: timedelta
    """How long Alertmanager has shown it to this router, not suppressed."""
    while_down: bool = False
    """It began when no router ran to receive its webhook."""
    left_out: bool = False
    """Alertmanager cut it from the webhook of its group (max_alerts): none will bring it."""

    def reason_to_open(self, webhook_due: timedelta) -> str | None:
        """In words; None while its webhook may still come: until it has stood for webhook_due."""
        if self.left_out:
            return "left out of the webhook (max_alerts)"
        if self.while_down:
            return "it began while the router was down"
        if self.shown_for < webhook_due:
            return None
        span = lifecycle.in_words(self.shown_for)
        return f"Alertmanager has shown it for {span} and its webhook has not come"


def was_down(previous: datetime | None, now: datetime, *, every_s: float) -> bool:
    """Whether no router ran between these two comparisons. previous: None if there never was one."""
    if previous is None:
        return True
    return now - previous > max(MIN_DOWNTIME, timedelta(seconds=3 * every_s))


class Finding(Enum):
    NOTHING = auto()
    MISSED_FIRING = auto()
    """Alertmanager shows it, and the router has never received this episode."""
    ABSENT = auto()
    """Open here, and no Alertmanager shows it: the first time."""
    MISSED_RESOLVE = auto()
    """Absent again."""
    PRESENT = auto()
    """Shown again after an absence."""
    SUPPRESSION_CHANGED = auto()
    """Newly silenced, inhibited or muted, or no longer."""
    STILL_FIRING = auto()
    """Held as a late firing, or closed because Alertmanager did not show it; and it is shown as firing."""
    LATE_DUPLICATE = auto()
    """Held as a late firing, and Alertmanager does not show it."""


def classify(
    known: Alert | None,
    sighting: Sighting | None,
    now: datetime,
    *,
    complete: bool,
    rules: Rules,
    overdue: bool = False,
) -> Finding:
    """Compare an alert with what the API shows of it.

    now: when the API was asked. complete: every Alertmanager answered for all alerts; one that is down, or
    has just started, is not one without alerts. overdue: no webhook will bring it any more.
    """
    if known is not None and _signalled_since(known, now):
        return Finding.NOTHING
    if known is not None and known.held_until is not None:
        return _classify_held(sighting, complete=complete)
    if sighting is not None:
        if known is not None and known.firing:
            return _classify_firing(known, sighting, overdue=overdue)
        return _classify_unknown(known, sighting, overdue=overdue)
    if known is not None and known.firing and complete:
        return _classify_absent(known, now, rules)
    return Finding.NOTHING


def _signalled_since(known: Alert, asked_at: datetime) -> bool:
    """A webhook that came after the API was asked is newer than its answer."""
    return timedelta(0) < known.last_seen_at - asked_at <= timedelta(seconds=MAX_QUERY_S)


def _classify_held(sighting: Sighting | None, *, complete: bool) -> Finding:
    if sighting is not None:
        return Finding.STILL_FIRING
    return Finding.LATE_DUPLICATE if complete else Finding.NOTHING


def _classify_unknown(known: Alert | None, sighting: Sighting, *, overdue: bool) -> Finding:
    """Not open here: never received, or over."""
    if sighting.suppressed is not None:
        return Finding.NOTHING
    if known is None or sighting.signal.starts_at > (known.ends_at or known.starts_at):
        return Finding.MISSED_FIRING if overdue else Finding.NOTHING
    # Reopen only what the router closed by its own conclusion. A resolve that a source sent stands.
    return Finding.STILL_FIRING if known.absent_since is not None else Finding.NOTHING


def _classify_firing(known: Alert, sighting: Sighting, *, overdue: bool) -> Finding:
    if known.suppressed != sighting.suppressed:
        return Finding.SUPPRESSION_CHANGED
    if sighting.signal.starts_at - known.starts_at >= TIME_RESOLUTION and overdue:
        return Finding.MISSED_FIRING
    return Finding.PRESENT if known.absent_since is not None else Finding.NOTHING


def _classify_absent(known: Alert, now: datetime, rules: Rules) -> Finding:
    if known.absent_since is None:
        return Finding.ABSENT
    apart = now - known.absent_since >= timedelta(seconds=rules.absences_apart_s)
    return Finding.MISSED_RESOLVE if apart else Finding.NOTHING


def apply_finding(finding: Finding, alert: Alert, sighting: Sighting | None, now: datetime) -> Change:
    """What the finding changes about a known alert (MISSED_FIRING is applied as a signal instead)."""
    if finding is Finding.ABSENT:
        return Change(SignalKind.REPEAT, (replace(alert, absent_since=now),), ())
    if finding is Finding.PRESENT:
        return Change(SignalKind.REPEAT, (replace(alert, absent_since=None),), ())
    changed, kind, detail = _change(finding, alert, sighting, now)
    return Change(SignalKind.UPDATE, (changed,), (Transition(alert.id, now, kind, SOURCE, detail),))


def _change(
    finding: Finding, alert: Alert, sighting: Sighting | None, now: datetime
) -> tuple[Alert, TransitionKind, str]:
    if finding is Finding.MISSED_RESOLVE:
        # It ended when it was first absent. absent_since stays: it marks the end as the router's conclusion.
        closed = lifecycle.resolve(alert, at=alert.absent_since or now)
        detail = "closed: Alertmanager no longer has it, and its resolve never came"
        return replace(closed, absent_since=alert.absent_since), TransitionKind.RECONCILED, detail
    if finding is Finding.STILL_FIRING:
        return lifecycle.reopen(alert), TransitionKind.REOPENED, "Alertmanager says it still fires"
    if finding is Finding.LATE_DUPLICATE:
        detail = "Alertmanager no longer has it: a late replica"
        return replace(alert, held_until=None), TransitionKind.LATE_DUPLICATE, detail
    suppressed = sighting.suppressed if sighting else None
    detail = suppressed or f"no longer {alert.suppressed}"
    return replace(alert, suppressed=suppressed, absent_since=None), TransitionKind.SILENCED, detail


def missed_firing(alert: Alert, now: datetime, reason: str) -> Transition:
    return Transition(alert.id, now, TransitionKind.RECONCILED, SOURCE, f"opened: {reason}")
