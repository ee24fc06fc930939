"""When the next request to Discord may go out. Pure: times are seconds on a clock that never steps back."""

from dataclasses import dataclass, replace
from http import HTTPStatus

# Not documented, observed and confirmed by staff (discord-api-docs 367): all webhooks of a channel share it.
CHANNEL_REQUESTS = 30
CHANNEL_WINDOW_S = 60.0
# A blocked address gets no rate headers and no retry_after: wait long, and longer each time.
BLOCKED_S = 60.0
BLOCKED_MOST_S = 3600.0


@dataclass(frozen=True, slots=True)
class RateFacts:
    """What one reply says about the rate limit; None where it says nothing."""

    status: int
    remaining: int | None = None
    reset_after_s: float | None = None
    retry_after_s: float | None = None

    @property
    def blocked(self) -> bool:
        """A 429 that does not come from Discord's own limiter, but from what stands before it."""
        silent = self.remaining is None and self.retry_after_s is None
        return self.status == HTTPStatus.TOO_MANY_REQUESTS and silent


@dataclass(frozen=True, slots=True)
class Pace:
    """One channel's pace."""

    most: int = CHANNEL_REQUESTS
    """Requests in a window."""
    sent: tuple[float, ...] = ()
    """When requests went out, within the last window, oldest first."""
    not_before: float = 0.0
    blocks: int = 0
    """Answers in a row that showed us blocked."""


def ready_at(pace: Pace, now: float) -> float:
    """The earliest moment at which a request may go out; `now` or before means at once."""
    recent = _recent(pace.sent, now)
    full = len(recent) >= pace.most
    return max(pace.not_before, recent[-pace.most] + CHANNEL_WINDOW_S if full else 0.0)


def sending(pace: Pace, now: float) -> Pace:
    """Counted when it leaves: a request whose answer is lost has used the budget all the same."""
    return replace(pace, sent=(*_recent(pace.sent, now), now))


def answered(pace: Pace, facts: RateFacts, now: float) -> Pace:
    if facts.blocked:
        wait_s = min(BLOCKED_S * 2**pace.blocks, BLOCKED_MOST_S)
        return replace(pace, not_before=now + wait_s, blocks=pace.blocks + 1)
    return replace(pace, not_before=max(pace.not_before, now + _pause_s(facts)), blocks=0)


def paused(pace: Pace, wait_s: float, now: float) -> Pace:
    return replace(pace, not_before=max(pace.not_before, now + wait_s))


def _pause_s(facts: RateFacts) -> float:
    if facts.status == HTTPStatus.TOO_MANY_REQUESTS:
        return max(facts.retry_after_s or 0.0, facts.reset_after_s or 0.0)
    if facts.remaining == 0:
        return facts.reset_after_s or 0.0
    return 0.0


def _recent(sent: tuple[float, ...], now: float) -> tuple[float, ...]:
    return tuple(at for at in sent if now - at < CHANNEL_WINDOW_S)
