"""The rate limits of all channels of this process, and the one place that is asked about them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain import rate_limits
from alert_router.domain.model import ChannelName
from alert_router.domain.rate_limits import Bucket, Capacity, RateInfo
from alert_router.store import rate_limits as shared_limits


class RateLimiter:
    """Is asked before a request, and records requests and replies. One event loop, so no locks."""

    def __init__(
        self, steady: Callable[[], float], *, per_minute: int = rate_limits.CHANNEL_REQUESTS
    ) -> None:
        """steady: a clock in seconds that never steps back.

        per_minute: how many messages a Discord channel takes.
        """
        self.per_minute = per_minute
        self._steady = steady
        self._webhooks: dict[ChannelName, Bucket] = {}
        self._discord_channels: dict[str, Bucket] = {}
        self._old_edits: dict[str, Bucket] = {}
        self._address = Bucket()
        self._invalid = Bucket(
            max_requests=rate_limits.INVALID_REQUESTS, window_s=rate_limits.INVALID_WINDOW_S
        )
        self._discord_id: dict[ChannelName, str] = {}
        self._sharing: dict[str, list[ChannelName]] = {}
        """By Discord channel, the channels that lead to it."""

    def register(self, name: ChannelName, discord_id: str | None = None) -> None:
        """Webhooks of one Discord channel share its limit. discord_id: that channel's, None while unknown."""
        unknown = f"behind {name}"
        discord_id = discord_id or unknown
        former = self._discord_channels.pop(unknown, None)
        self._discord_id[name] = discord_id
        self._sharing[discord_id] = [other for other, id_ in self._discord_id.items() if id_ == discord_id]
        self._webhooks.setdefault(name, Bucket())
        self._discord_channels.setdefault(discord_id, former or Bucket(max_requests=self.per_minute))
        self._old_edits.setdefault(
            discord_id, Bucket(max_requests=rate_limits.OLD_EDITS, window_s=rate_limits.OLD_EDITS_WINDOW_S)
        )

    def capacity(self, conn: sa.Connection, name: ChannelName, now: datetime) -> Capacity:
        """What may be sent in this channel, as far as this process and all routers on this database know.

        Reads only; may be called in any thread.
        """
        wait_s = self.wait_s(name)
        if wait_s > 0:
            return Capacity(wait_s)
        discord_id = self._discord_id[name]
        shared = shared_limits.capacity(
            conn, name, self._sharing[discord_id], now, per_minute=self.per_minute
        )
        old_edits_at = rate_limits.ready_at(self._old_edits[discord_id])
        return replace(shared, old_edits=old_edits_at <= self._steady())

    def wait_s(self, name: ChannelName) -> float:
        """How long until this process may send any request to this webhook; 0 for at once."""
        discord_channel = self._discord_channels[self._discord_id[name]]
        buckets = (self._webhooks[name], discord_channel, self._address, self._invalid)
        return max(0.0, max(map(rate_limits.ready_at, buckets)) - self._steady())

    def record_request(self, name: ChannelName, *, old_edit: bool = False) -> None:
        """Counted when it leaves: a request without an answer has used the limit all the same."""
        now, discord_id = self._steady(), self._discord_id[name]
        self._discord_channels[discord_id] = rate_limits.record(self._discord_channels[discord_id], now)
        if old_edit:
            self._old_edits[discord_id] = rate_limits.record(self._old_edits[discord_id], now)

    def record_response(self, name: ChannelName, info: RateInfo) -> None:
        now = self._steady()
        if info.status in rate_limits.INVALID_STATUSES:
            if info.scope != "shared":
                self._invalid = rate_limits.record(self._invalid, now)
            if info.blocked:
                self._address = rate_limits.block(self._address, now)
                return
        if self._address.blocks:
            self._address = rate_limits.unblock(self._address)
        if info.pause_s > 0:
            self._pause(name, info, now)

    def _pause(self, name: ChannelName, info: RateInfo, now: float) -> None:
        discord_id = self._discord_id[name]
        if info.old_edits:
            self._old_edits[discord_id] = rate_limits.pause(self._old_edits[discord_id], info.pause_s, now)
        elif info.scope == "global":
            self._address = rate_limits.pause(self._address, info.pause_s, now)
        elif info.scope == "shared":
            bucket = self._discord_channels[discord_id]
            self._discord_channels[discord_id] = rate_limits.pause(bucket, info.pause_s, now)
        else:
            self._webhooks[name] = rate_limits.pause(self._webhooks[name], info.pause_s, now)
