"""Discord's rate limits on an injected clock: the one that the headers show, and those that they do not.

One limiter counts for one fake Discord; times are seconds since the epoch.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from testbed.fakes.discord.answers import Answer, Scope, limited, round_up_ms
from testbed.fakes.discord.limits import RateLimits
from testbed.fakes.discord.messages import Operation

DUST_S = 1e-6
"""Floats near 1.7e9 resolve 2e-7 s: a client that waits exactly Retry-After must not be too early."""

EVERYBODY = "everybody"
EDGE = "edge"
"""Cloudflare, in front of Discord."""

Group = tuple[str, str]


@dataclass(slots=True)
class Window:
    """Opens with its first request; Discord's headers describe such a window."""

    resets_at: float
    used: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    until: float
    scope: Scope
    code: int | None


class RateLimiter:
    def __init__(self, limits: RateLimits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        self.sent_429: Counter[str] = Counter()
        """429s by what was exceeded: webhook, channel, old_edit, edge, and fault:<scope>."""
        self.impatient = 0
        """Requests that came before the Retry-After of an earlier 429 was over."""
        self.invalid_total = 0
        self._invalid: deque[float] = deque()
        self._windows: dict[Group, Window] = {}
        self._channels: dict[str, deque[float]] = {}
        self._old_edits: dict[str, deque[float]] = {}
        self._blocks: dict[str, Block] = {}
        self._told: dict[str, float] = {}

    def admit(
        self, operation: Operation, webhook_id: str, channel_id: str | None, *, old: bool
    ) -> Answer | None:
        """The 429 for this request, or None: it may pass and has been counted."""
        blocked = self._blocked(webhook_id, channel_id)
        if blocked is not None or not self.limits.enabled:
            return blocked
        if not self._take_window(operation, webhook_id):
            wait_s = self._window(operation, webhook_id).resets_at - self._clock()
            return self._refuse("webhook", f"webhook {webhook_id}", "user", wait_s)
        sends = operation == "create" or (operation == "edit" and self.limits.channel_counts_edits)
        if channel_id is None or not sends:
            return self._old_edit(channel_id, old=old)
        taken = self._channels.setdefault(channel_id, deque())
        wait_s = _slide(taken, self._clock(), self.limits.channel_requests, self.limits.channel_window_s)
        if wait_s > 0:
            return self._refuse("channel", f"channel {channel_id}", self.limits.channel_scope, wait_s)
        return self._old_edit(channel_id, old=old)

    def block(
        self,
        scope: Scope,
        seconds: float,
        *,
        webhook_id: str,
        channel_id: str | None,
        code: int | None = None,
    ) -> Answer:
        """A 429 out of the blue, kept up until it has passed: a client that does not wait gets it again."""
        here = f"channel {channel_id}"
        key = {"user": f"webhook {webhook_id}", "shared": here, "global": EVERYBODY}.get(scope, EDGE)
        until = self._clock() + seconds
        self._blocks[key] = Block(until, scope, code)
        self._told[key] = until
        self.sent_429[f"fault:{scope}"] += 1
        return limited(scope, seconds, code=code)

    def headers(self, operation: Operation, webhook_id: str) -> Mapping[str, str]:
        """The X-RateLimit headers, the same bucket hash for every webhook (discord-api-docs#6753)."""
        if not self.limits.enabled or not self.limits.webhook_requests:
            return {}
        window = self._window(operation, webhook_id)
        return {
            "X-RateLimit-Limit": str(self.limits.webhook_requests),
            "X-RateLimit-Remaining": str(self.limits.webhook_requests - window.used),
            "X-RateLimit-Reset": f"{window.resets_at:.3f}",
            "X-RateLimit-Reset-After": f"{round_up_ms(window.resets_at - self._clock()):.3f}",
            "X-RateLimit-Bucket": f"{_group(operation):0>32}",
        }

    def note_invalid(self) -> None:
        """Counts a 401, 403 or 429 not of scope shared: too many, and Cloudflare shuts the address out."""
        now = self._clock()
        self.invalid_total += 1
        self._invalid.append(now)
        if not (self.limits.enabled and self.limits.invalid_requests):
            return
        if self.invalid_recently >= self.limits.invalid_requests and EDGE not in self._blocks:
            self._blocks[EDGE] = Block(now + self.limits.ban_s, "cloudflare_html", None)

    @property
    def invalid_recently(self) -> int:
        while self._invalid and self._invalid[0] <= self._clock() - self.limits.invalid_window_s:
            self._invalid.popleft()
        return len(self._invalid)

    def _blocked(self, webhook_id: str, channel_id: str | None) -> Answer | None:
        for key in (EDGE, EVERYBODY, f"channel {channel_id}", f"webhook {webhook_id}"):
            block = self._blocks.get(key)
            if block is None:
                continue
            wait_s = block.until - self._clock()
            if wait_s <= DUST_S:
                del self._blocks[key]
                continue
            kind = "edge" if key == EDGE else f"fault:{block.scope}"
            return self._refuse(kind, key, block.scope, wait_s, code=block.code)
        return None

    def _refuse(self, kind: str, key: str, scope: Scope, wait_s: float, *, code: int | None = None) -> Answer:
        now = self._clock()
        self.sent_429[kind] += 1
        if self._told.get(key, now) > now + DUST_S:
            self.impatient += 1
        self._told[key] = now + wait_s
        return limited(scope, wait_s, code=code)

    def _window(self, operation: Operation, webhook_id: str) -> Window:
        now = self._clock()
        group = (webhook_id, _group(operation))
        window = self._windows.get(group)
        if window is None or now >= window.resets_at - DUST_S:
            window = self._windows[group] = Window(resets_at=now + self.limits.webhook_window_s)
        return window

    def _take_window(self, operation: Operation, webhook_id: str) -> bool:
        window = self._window(operation, webhook_id)
        if self.limits.webhook_requests and window.used >= self.limits.webhook_requests:
            return False
        window.used += 1
        return True

    def _old_edit(self, channel_id: str | None, *, old: bool) -> Answer | None:
        if channel_id is None or not old:
            return None
        taken = self._old_edits.setdefault(channel_id, deque())
        wait_s = _slide(taken, self._clock(), self.limits.old_edit_requests, self.limits.old_edit_window_s)
        if wait_s <= 0:
            return None
        return self._refuse("old_edit", f"old edits {channel_id}", "user", wait_s, code=30046)


def _group(operation: Operation) -> str:
    """Execute and edit share one budget (docs PR #2243); the others have their own."""
    return "send" if operation in ("create", "edit") else operation


def _slide(taken: deque[float], now: float, most: int, window_s: float) -> float:
    """Seconds to wait until one more fits into the sliding window; 0 means it was taken."""
    while taken and taken[0] <= now - window_s + DUST_S:
        taken.popleft()
    if most and len(taken) >= most:
        return taken[0] + window_s - now
    taken.append(now)
    return 0.0
