"""The life of an alert: what a signal changes, given what is known of its fingerprint. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import assert_never

from alert_router.domain import index_keys, speakers
from alert_router.domain.model import (
    CLOCK_SKEW_S,
    TIME_RESOLUTION,
    Alert,
    Labels,
    Rules,
    Signal,
    Status,
    Transition,
    TransitionKind,
)
from alert_router.domain.values import evolve

SILENT_AFTER = timedelta(hours=25)
"""An alert that is over in one cluster ends when the other does not repeat it for this long: longer than any
usual repeat_interval, so that an address that is gone for good does not hold it open."""


class SignalKind(Enum):
    OPEN = auto()
    """A new episode."""
    OPEN_RESOLVED = auto()
    """A new episode, first reported when it is over: it becomes history, and people are notified once."""
    REPEAT = auto()
    UPDATE = auto()
    """The open alert again, with other annotations."""
    SUPERSEDE = auto()
    """A later start than the open one's: its resolve was missed."""
    RESOLVE = auto()
    PARTLY_RESOLVE = auto()
    """Over in one cluster; another says that it fires."""
    LATE = auto()
    """About an episode that is known to be over: counted only."""
    HOLD = auto()
    """Firing, of an episode that has resolved: from a late replica, or true. The hold decides."""


@dataclass(frozen=True, slots=True)
class Change:
    """The alerts that a signal, or time, changed, in their new state, oldest first; and what happened."""

    kind: SignalKind
    alerts: tuple[Alert, ...]
    transitions: tuple[Transition, ...]

    @property
    def alert(self) -> Alert:
        """The alert that the signal is about now."""
        return self.alerts[-1]


def classify(newest: Alert | None, signal: Signal) -> SignalKind:
    """What the signal is, against the newest alert of its fingerprint (None: nothing is known)."""
    if newest is None:
        return SignalKind.OPEN if signal.firing else SignalKind.OPEN_RESOLVED
    return _classify_while_open(newest, signal) if newest.firing else _classify_afterresolve(newest, signal)


def _classify_while_open(newest: Alert, signal: Signal) -> SignalKind:
    if not signal.firing:
        return _classify_resolve(newest, signal)
    later = signal.starts_at - newest.starts_at
    if later >= TIME_RESOLUTION and signal.start_known:
        return SignalKind.SUPERSEDE
    # Two clusters write different annotations: those of the alert's own episode are shown.
    is_other = later <= -TIME_RESOLUTION and speakers.is_elsewhere(newest, signal)
    same = is_other or signal.annotations == newest.annotations
    return SignalKind.REPEAT if same else SignalKind.UPDATE


def _classify_resolve(newest: Alert, signal: Signal) -> SignalKind:
    ended = speakers.ended_by(newest, signal, _end(signal))
    if not ended:
        return SignalKind.LATE
    return SignalKind.PARTLY_RESOLVE if speakers.remaining(newest, ended) else SignalKind.RESOLVE


def _classify_afterresolve(newest: Alert, signal: Signal) -> SignalKind:
    # Alertmanager's own rule (types.Alert.Merge): intervals that overlap are one episode.
    is_new_episode = signal.starts_at > max(newest.ends_at or newest.starts_at, newest.starts_at)
    if not signal.start_known:
        return SignalKind.OPEN if signal.firing else SignalKind.REPEAT
    if signal.firing:
        late = SignalKind.HOLD if signal.may_be_late else SignalKind.LATE
        return SignalKind.OPEN if is_new_episode else late
    if is_new_episode:
        return SignalKind.OPEN_RESOLVED
    answers = newest.held_until is not None and speakers.answers_hold(newest, signal)
    return SignalKind.LATE if answers else SignalKind.REPEAT


def apply_signal(
    newest: Alert | None, signal: Signal, now: datetime, *, rules: Rules, new_id: Callable[[], int]
) -> Change:
    """Apply the signal. A new alert has incident_id 0: which incident it joins is another rule."""
    kind = classify(newest, signal)
    if newest is None or kind in (SignalKind.OPEN, SignalKind.OPEN_RESOLVED):
        return _open(kind, newest, signal, now, rules=rules, new_id=new_id)
    match kind:
        case SignalKind.REPEAT:
            return _repeat(newest, signal, now)
        case SignalKind.UPDATE:
            repeated = _repeat(newest, signal, now)
            updated = evolve(repeated.alert, annotations=signal.annotations)
            transition = _transition(updated, TransitionKind.UPDATED, now, signal)
            return Change(kind, (updated,), (*repeated.transitions, transition))
        case SignalKind.SUPERSEDE:
            return _supersede(newest, signal, now, new_id=new_id)
        case SignalKind.RESOLVE:
            end = speakers.last_end(newest, _end(signal))
            counted = evolve(
                _count(newest, signal, now, repeats=0),
                annotations=_at_the_end(newest, signal),
                also_firing=(),
            )
            resolved = resolve(counted, at=end)
            return Change(kind, (resolved,), (_transition(resolved, TransitionKind.RESOLVED, now, signal),))
        case SignalKind.PARTLY_RESOLVE:
            return _resolve_partly(newest, signal, now)
        case SignalKind.LATE:
            also_firing = newest.also_firing if newest.firing else ()
            late = evolve(_count(newest, signal, now), held_until=None, also_firing=also_firing)
            return Change(kind, (late,), (_transition(late, TransitionKind.LATE_DUPLICATE, now, signal),))
        case SignalKind.HOLD:
            until = newest.held_until or now + timedelta(seconds=rules.hold_s)
            held = evolve(
                _count(newest, signal, now),
                held_until=until,
                also_firing=speakers.while_held(newest, signal),
            )
            return Change(kind, (held,), ())
        case _:
            assert_never(kind)


def apply_time(alert: Alert, now: datetime, *, rules: Rules) -> Change | None:
    """What time alone changes: a hold that ran out reopens, a report that was not repeated ends."""
    if alert.held_until is not None and _hold_is_over(alert.held_until, now, rules):
        reopened = reopen(alert)
        detail = "still firing after its resolve"
        transition = _transition(reopened, TransitionKind.REOPENED, now, detail)
        return Change(SignalKind.OPEN, (reopened,), (transition,))
    if alert.firing and alert.expires_at is not None and alert.expires_at <= now:
        resolved = resolve(alert, at=alert.expires_at)
        transition = _transition(resolved, TransitionKind.RESOLVED, now, "not reported again")
        return Change(SignalKind.RESOLVE, (resolved,), (transition,))
    return None


def _hold_is_over(until: datetime, now: datetime, rules: Rules) -> bool:
    """No hold is set further ahead than hold_s: a later one was written before the clock was set back."""
    return until <= now or until > now + timedelta(seconds=rules.hold_s + CLOCK_SKEW_S)


def _open(
    kind: SignalKind,
    previous: Alert | None,
    signal: Signal,
    now: datetime,
    *,
    rules: Rules,
    new_id: Callable[[], int],
) -> Change:
    flaps = _flaps(previous, now, rules) if previous else 0
    alert = _new_alert(_after(previous, signal), now, flaps=flaps, alert_id=new_id())
    alert = evolve(alert, also_firing=speakers.of_new(signal, previous))
    # The event's key stays with the first transition: a key is written once.
    transitions = [_transition(alert, TransitionKind.OPENED, now, signal)]
    if kind is SignalKind.OPEN_RESOLVED:
        detail = "first reported when it was over"
        transitions.append(_transition(alert, TransitionKind.RESOLVED, now, detail))
    # A new episode answers the question whether the previous one still fires: its hold ends.
    released = (evolve(previous, held_until=None),) if previous and previous.held_until else ()
    return Change(kind, (*released, alert), tuple(transitions))


def _supersede(newest: Alert, signal: Signal, now: datetime, *, new_id: Callable[[], int]) -> Change:
    old = resolve(newest, at=signal.starts_at)
    alert = _new_alert(signal, now, flaps=newest.flaps, alert_id=new_id())
    alert = evolve(alert, also_firing=speakers.after_supersede(newest, signal))
    others = [url for url in speakers.clusters(alert) if url != signal.source_url]
    reason = f"still fires at {', '.join(others)}" if others else "its resolve was missed"
    detail = f"{reason}; alert {alert.id} follows"
    transitions = (
        _transition(old, TransitionKind.SUPERSEDED, now, detail),
        _transition(alert, TransitionKind.OPENED, now, signal),
    )
    return Change(SignalKind.SUPERSEDE, (old, alert), transitions)


def _after(previous: Alert | None, signal: Signal) -> Signal:
    """Without a start of its own, a new episode starts after the previous one, whatever the clocks say."""
    if signal.start_known or previous is None:
        return signal
    over = max(previous.ends_at or previous.starts_at, previous.starts_at)
    return replace(signal, starts_at=max(signal.starts_at, over + 2 * TIME_RESOLUTION))


def _at_the_end(alert: Alert, signal: Signal) -> Labels:
    """Its last words, and those of its end: a resolve may say why, and need not repeat the rest."""
    return {**alert.annotations, **{name: text for name, text in signal.annotations.items() if text}}


def _repeat(newest: Alert, signal: Signal, now: datetime) -> Change:
    counted = _count(newest, signal, now)
    if not newest.firing:
        return Change(SignalKind.REPEAT, (counted,), ())
    alert = evolve(counted, also_firing=speakers.after_firing(newest, signal))
    if alert.also_firing and any("ends_at" in speaker for speaker in alert.also_firing):
        alert = evolve(alert, expires_at=now + SILENT_AFTER)
    elif newest.also_firing and newest.expires_at and not signal.expires_at:
        alert = evolve(alert, expires_at=None)
    transitions = []
    if speakers.awaits_webhook(newest) and not speakers.awaits_webhook(alert):
        detail = f"its webhook came {in_words(now - newest.received_at)} after it was opened"
        transitions.append(_transition(alert, TransitionKind.RECONCILED, now, detail))
    if speakers.clusters(alert) != speakers.clusters(newest):
        detail = f"also fires at {signal.source_url} since {signal.starts_at:%Y-%m-%d %H:%M:%S} UTC"
        transitions.append(_transition(alert, TransitionKind.UPDATED, now, detail))
    return Change(SignalKind.REPEAT, (alert,), tuple(transitions))


def in_words(span: timedelta) -> str:
    seconds = max(span.total_seconds(), 0)
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - a reader's taste


def _resolve_partly(newest: Alert, signal: Signal, now: datetime) -> Change:
    ended = speakers.ended_by(newest, signal, _end(signal))
    alert = evolve(
        _count(newest, signal, now, repeats=0),
        also_firing=speakers.after_resolve(newest, ended, _end(signal)),
        expires_at=now + SILENT_AFTER,
    )
    there = ", ".join(speaker.source_url for speaker in speakers.remaining(newest, ended))
    detail = f"over at {signal.source_url}; still fires at {there}"
    transition = _transition(alert, TransitionKind.UPDATED, now, detail)
    return Change(SignalKind.PARTLY_RESOLVE, (alert,), (transition,))


def _new_alert(signal: Signal, now: datetime, *, flaps: int, alert_id: int) -> Alert:
    return Alert(
        id=alert_id,
        source=signal.source,
        fingerprint=signal.fingerprint,
        alertname=index_keys.truncate(signal.labels.get("alertname", "")),
        severity=index_keys.truncate(signal.labels.get("severity", "")),
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
        sent_to=signal.sent_to,
        origin=signal.origin,
    )


def _flaps(previous: Alert, now: datetime, rules: Rules) -> int:
    if previous.ends_at is None or now - previous.ends_at >= timedelta(seconds=rules.flap_window_s):
        return 0
    return previous.flaps + 1


def _count(alert: Alert, signal: Signal, now: datetime, *, repeats: int = 1) -> Alert:
    return evolve(
        alert,
        last_seen_at=max(now, alert.last_seen_at),
        repeats=alert.repeats + repeats,
        expires_at=signal.expires_at or alert.expires_at,
        sent_to=alert.sent_to if _is_sent_to(alert, signal) else f"{alert.sent_to}|{signal.sent_to}",
    )


def _is_sent_to(alert: Alert, signal: Signal) -> bool:
    """Whether the channel that the signal names is known; an alert sent to none goes by the routes."""
    return not (signal.sent_to and alert.sent_to) or signal.sent_to in alert.sent_to.split("|")


def reopen(alert: Alert) -> Alert:
    # The expiry of one that was over in another cluster ran from then on.
    expires_at = None if alert.also_firing else alert.expires_at
    return evolve(
        alert,
        status=Status.FIRING,
        ends_at=None,
        held_until=None,
        absent_since=None,
        expires_at=expires_at,
    )


def resolve(alert: Alert, *, at: datetime) -> Alert:
    ends_at = max(at, alert.starts_at)
    return evolve(alert, status=Status.RESOLVED, ends_at=ends_at, held_until=None, absent_since=None)


def _end(signal: Signal) -> datetime:
    return max(signal.ends_at or signal.starts_at, signal.starts_at)


def _transition(alert: Alert, kind: TransitionKind, now: datetime, cause: Signal | str) -> Transition:
    """cause: the signal, or the router's own reason in words."""
    if isinstance(cause, str):
        return Transition(alert.id, now, kind, "alert_router", cause)
    return Transition(alert.id, now, kind, cause.source, cause.reporter, cause.event_key)
