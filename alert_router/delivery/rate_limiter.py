"""The pace of all webhooks of this process: what they share is counted once."""

from collections.abc import Callable

from alert_router.domain import rate_limits
from alert_router.domain.model import ChannelName
from alert_router.domain.rate_limits import Bucket, RateFacts


class RateLimiter:
    """Asked before a request leaves, told when it does and what came back. One event loop, so no locks."""

    def __init__(
        self, steady: Callable[[], float], *, per_minute: int = rate_limits.CHANNEL_REQUESTS
    ) -> None:
        """steady: a clock in seconds that never steps back."""
        self._steady = steady
        self._per_minute = per_minute
        self._webhooks: dict[ChannelName, Bucket] = {}
        self._places: dict[str, Bucket] = {}
        self._old_edits: dict[str, Bucket] = {}
        self._address = Bucket()
        self._invalid = Bucket(most=rate_limits.INVALID_REQUESTS, window_s=rate_limits.INVALID_WINDOW_S)
        self._place_of: dict[ChannelName, str] = {}

    def register(self, name: ChannelName, place: str | None = None) -> None:
        """place: Discord's id of the channel behind the webhook; webhooks with one place share its pace."""
        place = place or f"behind {name}"
        former = self._places.pop(f"behind {name}", None)
        self._place_of[name] = place
        self._webhooks.setdefault(name, Bucket())
        self._places.setdefault(place, former or Bucket(most=self._per_minute))
        self._old_edits.setdefault(
            place, Bucket(most=rate_limits.OLD_EDITS, window_s=rate_limits.OLD_EDITS_WINDOW_S)
        )

    def together(self, name: ChannelName) -> list[ChannelName]:
        """The webhooks that share this one's place, itself among them."""
        return [one for one, place in self._place_of.items() if place == self._place_of[name]]

    def wait_s(self, name: ChannelName) -> float:
        """How long until a request of this webhook may leave; 0 for at once."""
        paces = (self._webhooks[name], self._places[self._place_of[name]], self._address, self._invalid)
        now = self._steady()
        return max(0.0, *(rate_limits.ready_at(pace, now) - now for pace in paces))

    def old_edit_wait_s(self, name: ChannelName) -> float:
        now = self._steady()
        return max(0.0, rate_limits.ready_at(self._old_edits[self._place_of[name]], now) - now)

    def leaves(self, name: ChannelName, *, old_edit: bool = False) -> None:
        """Counted when it leaves: a request whose answer is lost has used the budget all the same."""
        now, place = self._steady(), self._place_of[name]
        self._places[place] = rate_limits.counting(self._places[place], now)
        if old_edit:
            self._old_edits[place] = rate_limits.counting(self._old_edits[place], now)

    def answered(self, name: ChannelName, facts: RateFacts) -> None:
        now, place = self._steady(), self._place_of[name]
        if facts.status in rate_limits.INVALID_STATUSES and facts.scope != "shared":
            self._invalid = rate_limits.counting(self._invalid, now)
        if facts.blocked:
            self._address = rate_limits.blocked(self._address, now)
            return
        self._address = rate_limits.unblocked(self._address)
        wait_s = rate_limits.pause_s(facts)
        if facts.old_edits:
            self._old_edits[place] = rate_limits.paused(self._old_edits[place], wait_s, now)
        elif facts.scope == "global":
            self._address = rate_limits.paused(self._address, wait_s, now)
        elif facts.scope == "shared":
            self._places[place] = rate_limits.paused(self._places[place], wait_s, now)
        else:
            self._webhooks[name] = rate_limits.paused(self._webhooks[name], wait_s, now)
