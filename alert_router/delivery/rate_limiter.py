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
        self._default_per_minute = per_minute
        self._per_minute: dict[ChannelName, int] = {}
        self._steady = steady
        self._webhooks: dict[str, Bucket] = {}
        self._webhook_of: dict[ChannelName, str] = {}
        self._discord_channels: dict[str, Bucket] = {}
        self._old_edits: dict[str, Bucket] = {}
        self._address = Bucket()
        self._invalid = Bucket(
            max_requests=rate_limits.INVALID_REQUESTS, window_s=rate_limits.INVALID_WINDOW_S
        )
        self._discord_id: dict[ChannelName, str] = {}
        self._sharing: dict[str, list[ChannelName]] = {}
        """By Discord channel, the channels that lead to it."""

    def per_minute(self, name: ChannelName) -> int:
        """How many messages the channel takes."""
        return self._per_minute.get(name, self._default_per_minute)

    def set_per_minute(self, name: ChannelName, per_minute: int) -> None:
        """For a channel that is not Discord's."""
        self._per_minute[name] = per_minute

    def forget(self, name: ChannelName) -> None:
        """The channel is gone, or its name stands for another webhook now."""
        discord_id = self._discord_id.pop(name, None)
        self._per_minute.pop(name, None)
        webhook = self._webhook_of.pop(name, None)
        if webhook is not None and webhook not in self._webhook_of.values():
            self._webhooks.pop(webhook, None)
        if discord_id is not None:
            self._share(discord_id)

    def register(
        self, name: ChannelName, discord_id: str | None = None, *, webhook: str | None = None
    ) -> None:
        """Webhooks of one Discord channel share its limit; channels that use one webhook share both limits.

        discord_id: of the Discord channel, None while unknown. webhook: which one; one of its own if None.
        """
        if webhook is not None:
            self._webhook_of[name] = webhook
        webhook = self._webhook_of.setdefault(name, f"of {name}")
        unknown = f"behind {name}"
        discord_id = discord_id or unknown
        former = self._discord_channels.pop(unknown, None)
        self._discord_id[name] = discord_id
        self._share(discord_id)
        self._webhooks.setdefault(webhook, Bucket())
        self._discord_channels.setdefault(discord_id, former or Bucket(max_requests=self.per_minute(name)))
        self._old_edits.setdefault(
            discord_id, Bucket(max_requests=rate_limits.OLD_EDITS, window_s=rate_limits.OLD_EDITS_WINDOW_S)
        )

    def _share(self, discord_id: str) -> None:
        self._sharing[discord_id] = [name for name, id_ in self._discord_id.items() if id_ == discord_id]

    def _same_webhook(self, name: ChannelName) -> list[ChannelName]:
        webhook = self._webhook_of[name]
        return [other for other, used in self._webhook_of.items() if used == webhook]

    def capacity(self, conn: sa.Connection, name: ChannelName, now: datetime) -> Capacity:
        """What may be sent in this channel, as far as this process and all routers on this database know.

        Reads only; may be called in any thread.
        """
        wait_s = self.wait_s(name)
        if wait_s > 0:
            return Capacity(wait_s)
        discord_id = self._discord_id[name]
        shared = shared_limits.capacity(
            conn, self._same_webhook(name), self._sharing[discord_id], now, per_minute=self.per_minute(name)
        )
        old_edits_at = rate_limits.ready_at(self._old_edits[discord_id])
        return replace(shared, old_edits=old_edits_at <= self._steady())

    def wait_s(self, name: ChannelName) -> float:
        """How long until this process may send any request to this webhook; 0 for at once."""
        discord_channel = self._discord_channels[self._discord_id[name]]
        buckets = (self._webhooks[self._webhook_of[name]], discord_channel, self._address, self._invalid)
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
            webhook = self._webhook_of[name]
            self._webhooks[webhook] = rate_limits.pause(self._webhooks[webhook], info.pause_s, now)
