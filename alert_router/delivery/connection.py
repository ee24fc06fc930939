"""One channel's webhook: whether it takes messages, and the requests to it, counted by the rate limiter."""

import logging
from collections.abc import Callable
from typing import Protocol

from alert_router.delivery.rate_limiter import RateLimiter
from alert_router.discord import responses
from alert_router.discord.client import Reply, WebhookInfo
from alert_router.discord.embeds import RenderedMessage
from alert_router.discord.packer import NO_FILES, Files, Payload
from alert_router.discord.responses import ChannelGone, Refusal
from alert_router.domain.model import ChannelName
from alert_router.store.card_queue import Claim

log = logging.getLogger(__name__)
CHECK_S = 60.0
"""How often the webhook of a stopped channel is fetched: its address only, never a message."""


class Channel(Protocol):
    async def create(
        self, payload: Payload, *, thread_id: str | None = None, files: Files = NO_FILES
    ) -> Reply: ...

    async def edit(
        self, message_id: str, payload: Payload, *, thread_id: str | None = None, files: Files = NO_FILES
    ) -> Reply: ...

    async def fetch_webhook(self) -> WebhookInfo | Refusal | None:
        """None without an answer."""


class Connection:
    """A channel as one worker knows it."""

    def __init__(
        self, name: ChannelName, channel: Channel, rate_limiter: RateLimiter, steady: Callable[[], float]
    ) -> None:
        self.stopped: str | None = None
        """Why nothing is delivered until a person intervenes; None while the channel works."""
        self._name = name
        self._channel = channel
        self._rate_limiter = rate_limiter
        self._steady = steady
        self._checked_at = steady()
        self._known = False
        """Whether Discord has said which of its channels the webhook belongs to."""
        rate_limiter.register(name)

    async def is_open(self) -> bool:
        """Whether the channel takes messages. Fetches the webhook when that is due."""
        if self.stopped is None and self._known:
            return True
        exists = self._may_check() and await self.check()
        if exists and self.stopped is not None:
            log.info("channel %s: takes messages again", self._name)
            self.stopped = None
        return self.stopped is None

    def _may_check(self) -> bool:
        is_due = self._steady() - self._checked_at >= CHECK_S
        return is_due and self._rate_limiter.wait_s(self._name) == 0

    async def check(self) -> bool:
        """Fetch the webhook: whose rate limit it shares, how messages are linked.

        False: there is no such answer. A webhook that is not there stops the channel.
        """
        self._checked_at = self._steady()
        webhook = await self._channel.fetch_webhook()
        if isinstance(webhook, Refusal):
            outcome = responses.classify_error(webhook)
            if isinstance(outcome, ChannelGone):
                self.stopped = outcome.reason
        if not isinstance(webhook, WebhookInfo):
            return False
        self._known = True
        self._rate_limiter.register(self._name, webhook.channel_id)
        return True

    async def send(self, claim: Claim, message: RenderedMessage) -> Reply:
        self._rate_limiter.record_request(self._name, old_edit=claim.old_edit)
        if claim.message_id is None:
            reply = await self._channel.create(
                message.payload, thread_id=claim.thread_id, files=message.files
            )
        else:
            reply = await self._channel.edit(
                claim.message_id, message.payload, thread_id=claim.thread_id, files=message.files
            )
        if reply.rate is not None:
            self._rate_limiter.record_response(self._name, reply.rate)
        if isinstance(reply.outcome, ChannelGone):
            # Repeated requests to a deleted webhook get the whole address blocked.
            self.stopped = reply.outcome.reason
            self._checked_at = self._steady()
        return reply
