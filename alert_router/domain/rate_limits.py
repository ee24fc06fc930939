"""When the next request to Discord may leave. Pure: times are seconds on a clock that never steps back."""

from dataclasses import dataclass, replace
from http import HTTPStatus

# Not documented, observed and confirmed by staff (discord-api-docs 367): all webhooks of a channel share it.
CHANNEL_REQUESTS = 30
# A second more than Discord's 60: Discord counts a request when it arrives, the router when it leaves.
CHANNEL_WINDOW_S = 61.0
# Edits of messages older than an hour have a limit of their own (code 30046), about 3 in 6 s.
OLD_MESSAGE_S = 3600.0
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
"""Upper bound on the wait that a reply can impose: a proxy's mistake must not silence a channel for days."""
UNLIMITED = 1_000_000
# Capacity reserved for new critical cards: one in so many requests of a channel's minute, and the last of a
# webhook's window of 5 in 2 s.
RESERVED_SHARE = 6
RESERVED_IN_WINDOW = 1


@dataclass(frozen=True, slots=True)
class RateInfo:
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
    def blocked(self) -> bool:
        """A 429 that comes from a proxy in front of Discord, not from Discord's own limiter."""
        is_limited = self.status == HTTPStatus.TOO_MANY_REQUESTS
        return is_limited and self.remaining is None and self.retry_after_s is None

    @property
    def pause_s(self) -> float:
        """How long the reply asks to wait, at most MAX_PAUSE_S."""
        reset_after_s = self.reset_after_s or 0.0
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            return min(max(self.retry_after_s or 0.0, reset_after_s), MAX_PAUSE_S)
        return min(reset_after_s, MAX_PAUSE_S) if self.remaining == 0 else 0.0


@dataclass(frozen=True, slots=True)
class Quota:
    """What a reply grants its webhook: so many more requests in so many seconds."""

    remaining: int
    for_s: float


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a channel may send now."""

    wait_s: float
    """How long until a request may leave; 0 for at once."""
    critical_only: bool = False
    """What is left is reserved for new critical cards."""
    old_edits: bool = True
    """Whether a message older than OLD_MESSAGE_S may be edited."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """At most so many requests in a sliding window, and none before a certain time."""

    max_requests: int = UNLIMITED
    window_s: float = CHANNEL_WINDOW_S
    sent_at: tuple[float, ...] = ()
    """When the last max_requests left, oldest first."""
    not_before: float = 0.0
    blocks: int = 0
    """Answers in a row that showed the address blocked."""


def ready_at(bucket: Bucket) -> float:
    """The earliest time at which a request may leave; in the past means at once."""
    is_full = len(bucket.sent_at) == bucket.max_requests
    return max(bucket.not_before, bucket.sent_at[0] + bucket.window_s if is_full else 0.0)


def record(bucket: Bucket, now: float) -> Bucket:
    """The bucket after one more request."""
    return replace(bucket, sent_at=(*bucket.sent_at, now)[-bucket.max_requests :])


def pause(bucket: Bucket, wait_s: float, now: float) -> Bucket:
    """A shorter pause never ends a longer one."""
    return replace(bucket, not_before=max(bucket.not_before, now + wait_s))


def block(bucket: Bucket, now: float) -> Bucket:
    wait_s = min(BLOCKED_S * 2.0**bucket.blocks, MAX_BLOCKED_S)
    return replace(pause(bucket, wait_s, now), blocks=bucket.blocks + 1)


def unblock(bucket: Bucket) -> Bucket:
    return replace(bucket, blocks=0)


def quota(info: RateInfo) -> Quota | None:
    """What every router that uses this webhook must know; None when the reply says nothing about it."""
    if info.old_edits:
        return None
    if info.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Quota(0, BLOCKED_S if info.blocked else info.pause_s)
    if info.remaining is None or info.reset_after_s is None:
        return None
    return Quota(info.remaining, info.reset_after_s)
