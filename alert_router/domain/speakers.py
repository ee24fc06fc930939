"""Who says that an alert fires, where several Alertmanagers speak of one fingerprint. Pure.

Kept in `alerts.also_firing`, which is empty while one address speaks. Addresses with one start are replicas
of one Alertmanager. Another start is another cluster's alert, which no label distinguishes and which ends by
itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alert_router.domain.model import TIME_RESOLUTION, Alert, Signal

MAX_SPEAKERS = 10
"""More are forgotten, the earliest start first."""
Stored = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Speaker:
    source_url: str
    """Empty: unknown, so that anyone continues what it began (the API has shown it, no webhook has come)."""
    starts_at: datetime
    ends_at: datetime | None = None
    """Set once it is over there while it still fires elsewhere."""

    def has_start(self, moment: datetime) -> bool:
        return abs(self.starts_at - moment) < TIME_RESOLUTION

    def is_of(self, signal: Signal) -> bool:
        return self.source_url in ("", signal.source_url)


def of(alert: Alert) -> tuple[Speaker, ...]:
    if not alert.also_firing:
        return (Speaker(alert.source_url, alert.starts_at),)
    return tuple(map(_parse, alert.also_firing))


def clusters(alert: Alert) -> tuple[str, ...]:
    """The addresses where the alert fires, if several clusters speak of it; else none."""
    if not (alert.also_firing and alert.firing):
        return ()
    speakers = of(alert)
    if all(speaker.has_start(speakers[0].starts_at) for speaker in speakers):
        return ()
    firing = [speaker.source_url for speaker in speakers if speaker.ends_at is None and speaker.source_url]
    return tuple(dict.fromkeys(firing))


def is_anonymous(signal: Signal) -> bool:
    """Whether the signal leaves open which Alertmanager speaks, or of which episode."""
    return signal.from_api or not signal.source_url or not signal.start_known


def is_elsewhere(alert: Alert, signal: Signal) -> bool:
    """Whether the sender has not spoken of this alert's own episode, but of another cluster's."""
    if is_anonymous(signal):
        return False
    return not any(one.is_of(signal) and one.has_start(alert.starts_at) for one in of(alert))


def awaits_webhook(alert: Alert) -> bool:
    """Whether only Alertmanager's API has shown it."""
    return any(not speaker["source_url"] for speaker in alert.also_firing)


def of_new(signal: Signal, previous: Alert | None) -> Stored:
    """Of a new alert. previous: the one before, which is over, or held for one who says that it fires."""
    if previous is not None and previous.held_until is not None and previous.also_firing and signal.firing:
        return after_supersede(previous, signal)
    return _dump([Speaker("", signal.starts_at)]) if signal.from_api else ()


def after_firing(alert: Alert, signal: Signal) -> Stored:
    """The signal says that the alert fires, and has no later start than it."""
    if is_anonymous(signal):
        return alert.also_firing
    speakers = of(alert)
    own = next((speaker for speaker in speakers if speaker.is_of(signal)), None)
    if own is None:
        return _dump([*speakers, Speaker(signal.source_url, signal.starts_at)])
    if own.has_start(signal.starts_at):
        fires = replace(own, source_url=signal.source_url, ends_at=None)
        others = [speaker for speaker in speakers if speaker is not own]
        return alert.also_firing if fires == own else _dump([fires, *others])
    if signal.starts_at < own.starts_at:  # of an episode before the one it has spoken of
        return alert.also_firing
    others = [speaker for speaker in speakers if not speaker.has_start(own.starts_at)]
    return _dump([Speaker(signal.source_url, signal.starts_at), *others])


def after_supersede(alert: Alert, signal: Signal) -> Stored:
    """The signal begins a later episode: the others that fire go on, but not the sender's replicas."""
    if is_anonymous(signal):
        return of_new(signal, None)
    firing = _firing(of(alert))
    ended = [speaker for speaker in firing if speaker.is_of(signal)]
    others = [speaker for speaker in firing if not any(speaker.has_start(own.starts_at) for own in ended)]
    return _dump([Speaker(signal.source_url, signal.starts_at), *others]) if others else ()


def while_held(alert: Alert, signal: Signal) -> Stored:
    """The alert is over, and the signal says that it fires: if that holds, it fires for this sender alone."""
    if is_anonymous(signal) or (not alert.also_firing and signal.source_url == alert.source_url):
        return alert.also_firing
    ended = [replace(speaker, ends_at=speaker.ends_at or alert.ends_at) for speaker in of(alert)]
    others = [speaker for speaker in ended if speaker.source_url != signal.source_url]
    return _dump([*others, Speaker(signal.source_url, signal.starts_at)])


def answers_hold(alert: Alert, signal: Signal) -> bool:
    """Whether this resolve is that of the sender whose late "firing" is held."""
    held = _firing(of(alert)) if alert.also_firing else []
    return not held or any(one.is_of(signal) or one.has_start(signal.starts_at) for one in held)


def ended_by(alert: Alert, signal: Signal, end: datetime) -> Sequence[Speaker]:
    """For whom the signal's resolve counts; nobody: it is about an episode that is over."""
    firing = _firing(of(alert))
    if is_anonymous(signal):
        return firing if not signal.start_known or end >= alert.starts_at else ()
    ended = [speaker for speaker in firing if speaker.has_start(signal.starts_at)]
    if not ended:
        own = [speaker for speaker in firing if speaker.is_of(signal) and end >= speaker.starts_at]
        ended = [speaker for speaker in firing if any(speaker.has_start(one.starts_at) for one in own)]
    return ended


def remaining(alert: Alert, ended: Sequence[Speaker]) -> Sequence[Speaker]:
    return [speaker for speaker in _firing(of(alert)) if speaker not in ended]


def after_resolve(alert: Alert, ended: Sequence[Speaker], end: datetime) -> Stored:
    """It is over for some of them, and fires elsewhere."""
    return _dump(
        replace(speaker, ends_at=max(end, speaker.starts_at)) if speaker in ended else speaker
        for speaker in of(alert)
    )


def last_end(alert: Alert, end: datetime) -> datetime:
    """When it was over everywhere."""
    return max([end, *(speaker.ends_at for speaker in of(alert) if speaker.ends_at)])


def _firing(speakers: Iterable[Speaker]) -> list[Speaker]:
    return [speaker for speaker in speakers if speaker.ends_at is None]


def _parse(stored: Mapping[str, str]) -> Speaker:
    ends_at = stored.get("ends_at")
    return Speaker(
        stored["source_url"],
        datetime.fromisoformat(stored["starts_at"]),
        datetime.fromisoformat(ends_at) if ends_at else None,
    )


def _dump(speakers: Iterable[Speaker]) -> Stored:
    latest = sorted(speakers, key=lambda speaker: speaker.starts_at, reverse=True)[:MAX_SPEAKERS]
    return tuple(map(_stored, latest))


def _stored(speaker: Speaker) -> Mapping[str, str]:
    values = {"source_url": speaker.source_url, "starts_at": speaker.starts_at.isoformat()}
    return values | ({"ends_at": speaker.ends_at.isoformat()} if speaker.ends_at else {})
