"""The life of an alert: what a signal means, given what is known of its fingerprint. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import assert_never

from alert_router.domain import index_keys
from alert_router.domain.model import (
    CLOCK_SKEW_S,
    TIME_RESOLUTION,
    Alert,
    Rules,
    Signal,
    Status,
    Transition,
    TransitionKind,
)


class SignalKind(Enum):
    OPEN = auto()
    """A new episode."""
    OPEN_RESOLVED = auto()
    """An episode we hear of only when it is over: it is history, and people hear of it once."""
    REPEAT = auto()
    UPDATE = auto()
    """The open alert again, saying something else about it."""
    SUPERSEDE = auto()
    """A later start than the open one's: its resolve was missed."""
    RESOLVE = auto()
    LATE = auto()
    """Speaks of an episode that is over and known: counted only."""
    HOLD = auto()
    """A firing of an episode that has resolved: a late replica, or true after all. Time will tell."""


@dataclass(frozen=True, slots=True)
class Step:
    """The alerts a signal changed, in their new state, oldest first, and the facts to remember."""

    verdict: SignalKind
    alerts: tuple[Alert, ...]
    transitions: tuple[Transition, ...]

    @property
    def alert(self) -> Alert:
        """The alert the signal ended in."""
        return self.alerts[-1]


def judge(newest: Alert | None, signal: Signal) -> SignalKind:
    """What the signal is, against the newest alert of its fingerprint (None: nothing is known)."""
    if newest is None:
        return SignalKind.OPEN if signal.firing else SignalKind.OPEN_RESOLVED
    if newest.firing:
        return _judge_while_open(newest, signal)
    return _judge_after_resolve(newest, signal)


def _judge_while_open(newest: Alert, signal: Signal) -> SignalKind:
    if not signal.firing:
        return SignalKind.RESOLVE if _end(signal) >= newest.starts_at else SignalKind.LATE
    if signal.starts_at - newest.starts_at >= TIME_RESOLUTION:
        return SignalKind.SUPERSEDE
    return SignalKind.REPEAT if signal.annotations == newest.annotations else SignalKind.UPDATE


def _judge_after_resolve(newest: Alert, signal: Signal) -> SignalKind:
    # Alertmanager's own rule (types.Alert.Merge): intervals that overlap are one episode.
    another = signal.starts_at > max(newest.ends_at or newest.starts_at, newest.starts_at)
    if signal.firing:
        late = SignalKind.HOLD if signal.may_be_late else SignalKind.LATE
        return SignalKind.OPEN if another else late
    if another:
        return SignalKind.OPEN_RESOLVED
    return SignalKind.LATE if newest.held_until else SignalKind.REPEAT


def advance(
    newest: Alert | None, signal: Signal, now: datetime, *, rules: Rules, new_id: Callable[[], int]
) -> Step:
    """Apply the signal. A new alert has incident_id 0: which incident it joins is another rule."""
    verdict = judge(newest, signal)
    if newest is None or verdict in (SignalKind.OPEN, SignalKind.OPEN_RESOLVED):
        return _opened(verdict, newest, signal, now, rules=rules, new_id=new_id)
    match verdict:
        case SignalKind.REPEAT:
            return Step(verdict, (_seen(newest, signal, now),), ())
        case SignalKind.UPDATE:
            changed = replace(_seen(newest, signal, now), annotations=signal.annotations)
            return Step(verdict, (changed,), (_fact(changed, TransitionKind.UPDATED, signal, now),))
        case SignalKind.SUPERSEDE:
            return _superseded(newest, signal, now, new_id=new_id)
        case SignalKind.RESOLVE:
            over = _over(_seen(newest, signal, now, counts=False), at=_end(signal))
            return Step(verdict, (over,), (_fact(over, TransitionKind.RESOLVED, signal, now),))
        case SignalKind.LATE:
            late = replace(_seen(newest, signal, now), held_until=None)
            return Step(verdict, (late,), (_fact(late, TransitionKind.LATE_DUPLICATE, signal, now),))
        case SignalKind.HOLD:
            until = newest.held_until or now + timedelta(seconds=rules.hold_s)
            return Step(verdict, (replace(_seen(newest, signal, now), held_until=until),), ())
        case _:
            assert_never(verdict)


def expire(alert: Alert, now: datetime, *, rules: Rules) -> Step | None:
    """What time alone does: a hold that nobody answered reopens, a report not repeated ends."""
    if alert.held_until is not None and _hold_is_over(alert.held_until, now, rules):
        again = replace(alert, status=Status.FIRING, ends_at=None, held_until=None, absent_since=None)
        fact = _note(again, TransitionKind.REOPENED, now, "still firing after its resolve")
        return Step(SignalKind.OPEN, (again,), (fact,))
    if alert.firing and alert.expires_at is not None and alert.expires_at <= now:
        over = _over(alert, at=alert.expires_at)
        fact = _note(over, TransitionKind.RESOLVED, now, "not reported again")
        return Step(SignalKind.RESOLVE, (over,), (fact,))
    return None


def _hold_is_over(until: datetime, now: datetime, rules: Rules) -> bool:
    """No hold is set further ahead than hold_s: a later one was written before the clock stepped back."""
    return until <= now or until > now + timedelta(seconds=rules.hold_s + CLOCK_SKEW_S)


def _opened(
    verdict: SignalKind,
    previous: Alert | None,
    signal: Signal,
    now: datetime,
    *,
    rules: Rules,
    new_id: Callable[[], int],
) -> Step:
    alert = _new(signal, now, flaps=_flaps(previous, now, rules), alert_id=new_id())
    facts = [_fact(alert, TransitionKind.OPENED, signal, now)]
    if verdict is SignalKind.OPEN_RESOLVED:
        # The event's identity stays with the first fact: a key is written once.
        facts.append(_note(alert, TransitionKind.RESOLVED, now, "heard of only when it was over"))
    # A hold on the previous episode has its answer: this one is the truth now.
    cleared = (replace(previous, held_until=None),) if previous and previous.held_until else ()
    return Step(verdict, (*cleared, alert), tuple(facts))


def _superseded(newest: Alert, signal: Signal, now: datetime, *, new_id: Callable[[], int]) -> Step:
    old = _over(newest, at=signal.starts_at)
    alert = _new(signal, now, flaps=newest.flaps, alert_id=new_id())
    facts = (
        _note(old, TransitionKind.SUPERSEDED, now, f"its resolve was missed; alert {alert.id} follows"),
        _fact(alert, TransitionKind.OPENED, signal, now),
    )
    return Step(SignalKind.SUPERSEDE, (old, alert), facts)


def _new(signal: Signal, now: datetime, *, flaps: int, alert_id: int) -> Alert:
    return Alert(
        id=alert_id,
        source=signal.source,
        fingerprint=signal.fingerprint,
        alertname=index_keys.name(signal.labels.get("alertname", "")),
        severity=index_keys.name(signal.labels.get("severity", "none")),
        status=signal.status,
        labels=signal.labels,
        annotations=signal.annotations,
        starts_at=signal.starts_at,
        ends_at=None if signal.firing else _end(signal),
        received_at=now,
        last_seen_at=now,
        repeats=0,
        flaps=flaps,
        incident_id=0,
        generator_url=signal.generator_url,
        source_url=signal.source_url,
        reporter=signal.reporter,
        held_until=None,
        expires_at=signal.expires_at,
    )


def _flaps(previous: Alert | None, now: datetime, rules: Rules) -> int:
    if previous is None or previous.ends_at is None:
        return 0
    recent = now - previous.ends_at < timedelta(seconds=rules.flap_window_s)
    return previous.flaps + 1 if recent else 0


def _seen(alert: Alert, signal: Signal, now: datetime, *, counts: bool = True) -> Alert:
    return replace(
        alert,
        last_seen_at=max(now, alert.last_seen_at),
        repeats=alert.repeats + (1 if counts else 0),
        expires_at=signal.expires_at or alert.expires_at,
    )


def _over(alert: Alert, *, at: datetime) -> Alert:
    ends_at = max(at, alert.starts_at)
    return replace(alert, status=Status.RESOLVED, ends_at=ends_at, held_until=None, absent_since=None)


def _end(signal: Signal) -> datetime:
    return max(signal.ends_at or signal.starts_at, signal.starts_at)


def _fact(alert: Alert, kind: TransitionKind, signal: Signal, now: datetime) -> Transition:
    return Transition(alert.id, now, kind, signal.source, signal.reporter, signal.event_key)


def _note(alert: Alert, kind: TransitionKind, now: datetime, detail: str) -> Transition:
    return Transition(alert.id, now, kind, "alert_router", detail)
