"""When the next request to Discord may go out. Pure: times are seconds on a clock that never steps back."""

from dataclasses import dataclass, replace
from http import HTTPStatus

# Not documented, observed and confirmed by staff (discord-api-docs 367): all webhooks of a channel share it.
CHANNEL_REQUESTS = 30
# A second more than Discord's 60: it counts when a request arrives, we count when it leaves.
CHANNEL_WINDOW_S = 61.0
# Edits of messages older than an hour have a limit of their own (code 30046), about 3 in 6 s.
OLD_S = 3600.0
OLD_EDITS = 3
OLD_EDITS_WINDOW_S = 6.0
# After 10,000 answers of 401, 403 or 429 in 10 minutes the address is blocked for a day: stay far below.
INVALID_REQUESTS = 2_000
INVALID_WINDOW_S = 600.0
INVALID_STATUSES = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
# A blocked address gets no rate headers and no retry_after: wait long, and longer each time.
BLOCKED_S = 60.0
MAX_BLOCKED_S = 3600.0
MAX_PAUSE_S = 3600.0
"""Whatever an answer says: once an hour hammers nobody, and a proxy's mistake silences us no longer."""
UNLIMITED = 1_000_000
# New critical cards find room though others were faster: one in so many requests of a channel's minute is
# kept for them, and the last of a webhook's window of 5 in 2 s.
KEPT_SHARE = 6
KEPT_OF_WINDOW = 1


@dataclass(frozen=True, slots=True)
class RateFacts:
    """What one reply says about the rate limit; None where it says nothing."""

    status: int
    remaining: int | None = None
    reset_after_s: float | None = None
    retry_after_s: float | None = None
    scope: str | None = None
    """Whose limit it was: "user" (this webhook), "shared" (the channel), "global" (the address)."""
    old_edits: bool = False
    """It was the limit on edits of old messages."""

    @property
    def limited(self) -> bool:
        return self.status == HTTPStatus.TOO_MANY_REQUESTS

    @property
    def blocked(self) -> bool:
        """A 429 that does not come from Discord's own limiter, but from what stands before it."""
        return self.limited and self.remaining is None and self.retry_after_s is None


@dataclass(frozen=True, slots=True)
class Quota:
    """What a reply grants its webhook: so many more requests in so many seconds."""

    remaining: int
    for_s: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many in a sliding window, and not before a certain moment."""

    most: int = UNLIMITED
    window_s: float = CHANNEL_WINDOW_S
    counted: tuple[float, ...] = ()
    """When those within the window happened, oldest first."""
    not_before: float = 0.0
    blocks: int = 0
    """Answers in a row that showed us blocked."""


def ready_at(pace: Bucket, now: float) -> float:
    """The earliest moment at which a request may go out; `now` or before means at once."""
    recent = _recent(pace, now)
    full = len(recent) >= pace.most
    return max(pace.not_before, recent[-pace.most] + pace.window_s if full else 0.0)


def counting(pace: Bucket, now: float) -> Bucket:
    return replace(pace, counted=(*_recent(pace, now), now))


def paused(pace: Bucket, wait_s: float, now: float) -> Bucket:
    return replace(pace, not_before=max(pace.not_before, now + wait_s))


def blocked(pace: Bucket, now: float) -> Bucket:
    wait_s = min(BLOCKED_S * 2.0**pace.blocks, MAX_BLOCKED_S)
    return replace(paused(pace, wait_s, now), blocks=pace.blocks + 1)


def unblocked(pace: Bucket) -> Bucket:
    return replace(pace, blocks=0)


def pause_s(facts: RateFacts) -> float:
    """How long the reply asks to wait, an hour at the most."""
    reset_after_s = facts.reset_after_s or 0.0
    if facts.limited:
        return min(max(facts.retry_after_s or 0.0, reset_after_s), MAX_PAUSE_S)
    return min(reset_after_s, MAX_PAUSE_S) if facts.remaining == 0 else 0.0


def allowance(facts: RateFacts) -> Quota | None:
    """What every router of this webhook must know; None when the reply says nothing about it."""
    if facts.old_edits:
        return None
    if facts.limited:
        return Quota(0, BLOCKED_S if facts.blocked else pause_s(facts))
    if facts.remaining is None or facts.reset_after_s is None:
        return None
    return Quota(facts.remaining, facts.reset_after_s)


def _recent(pace: Bucket, now: float) -> tuple[float, ...]:
    return tuple(at for at in pace.counted if now - at < pace.window_s)
