"""When a message may be made: its wait, the hour's limit, the quiet hours. Pure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product

from alert_router.domain.model import CLOCK_SKEW_S
from alert_router.domain.notify_values import Episode, Policy, Posted, Quiet, Reason, Situation
from alert_router.domain.severity import Severity

FACTORS = (1, 3, 10)
"""The wait grows with the creates of the flap window: one, two, three or more."""
LONGEST_WAIT = timedelta(minutes=15)
"""It does not grow beyond this, so that an error behind a flapping critical is not half an hour late."""
OTHER_AFTER = timedelta(minutes=1)
"""The wait, before its factor, where `renotify_after` has none: of "resolved" and of a reminder of info."""
HOUR = timedelta(hours=1)
HOURLY_LIMIT = 8
"""Creates of one incident in one channel in any hour."""
NO_WAIT = timedelta(0)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that would be made once its wait is over."""

    reason: Reason
    severity: Severity | None
    """Of the episode it is about; None: nothing that fires."""
    wait: timedelta
    """Since the current card was posted."""
    limit: int
    """It is made while fewer creates than this were made within the hour."""
    episode: Episode | None = None


def hourly_limit(severity: Severity | None) -> int:
    """One of the hour's creates is kept for each severity above, so that a rise always finds one left."""
    return HOURLY_LIMIT - (Severity.CRITICAL - (severity or Severity.INFO))


LOWEST_LIMIT = hourly_limit(None)
"""For messages that announce nothing new."""


def renotify_wait(base: timedelta, creates: int, *, acknowledged: bool) -> timedelta:
    """How long after the card was posted the next may come. creates: of the flap window."""
    if acknowledged:
        return base * FACTORS[-1]
    factor = FACTORS[min(max(creates, 1), len(FACTORS)) - 1]
    return min(base * factor, max(base, LONGEST_WAIT))


def creates_within(recent: Iterable[Posted], window: timedelta, at: datetime) -> int:
    return sum(card.at > at - window for card in recent)


def admits(situation: Situation, candidate: Candidate, at: datetime) -> bool:
    posted_at = situation.current.at if situation.current else _LONG_AGO
    return (
        at - posted_at >= candidate.wait
        and is_audible_at(situation.quiet, candidate.severity, at)
        and is_within_limit(situation, candidate, at)
    )


def is_audible_at(quiet: Quiet, severity: Severity | None, at: datetime) -> bool:
    return quiet.until is None or at >= quiet.until or passes(quiet, severity)


def passes(quiet: Quiet, severity: Severity | None) -> bool:
    return quiet.passes is not None and severity is not None and severity >= quiet.passes


def is_within_limit(situation: Situation, candidate: Candidate, at: datetime) -> bool:
    return creates_within(situation.recent, HOUR, at) < candidate.limit


def first(moments: Iterable[datetime], after: datetime, holds: Callable[[datetime], bool]) -> datetime | None:
    return next((at for at in sorted(set(moments)) if at > after and holds(at)), None)


def moments(situation: Situation, policy: Policy) -> Iterator[datetime]:
    """Every moment at which the answer can change by time alone."""
    yield from quiet_and_limit_moments(situation)
    yield from (card.at + policy.flap_window for card in situation.recent)
    if situation.current is not None:
        yield from map(situation.current.at.__add__, _waits(policy))


def quiet_and_limit_moments(situation: Situation) -> Iterator[datetime]:
    if situation.quiet.until is not None:
        yield situation.quiet.until
    yield from (card.at + HOUR for card in situation.recent)


def _waits(policy: Policy) -> set[timedelta]:
    bases = {base for base in policy.renotify_after.values() if base is not None} | {OTHER_AFTER}
    counts = range(1, len(FACTORS) + 1)
    waits = {
        renotify_wait(base, n, acknowledged=ack) for base, n, ack in product(bases, counts, (True, False))
    }
    return waits | set(policy.remind_every.values())


def without_future(situation: Situation, now: datetime) -> Situation:
    """Cards from ahead of the clock were posted before it was set back: no wait is counted from them."""
    latest = now + timedelta(seconds=CLOCK_SKEW_S)
    current = situation.current
    if current is not None and current.at > latest:
        current = replace(current, at=_LONG_AGO)
    recent = tuple(card for card in situation.recent if card.at <= latest)
    return replace(situation, current=current, recent=recent)
