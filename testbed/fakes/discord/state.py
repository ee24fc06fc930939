"""The fake's state, and the interface that tests use."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

from testbed.fakes.discord.faults import FaultPlan
from testbed.fakes.discord.limits import RateLimits
from testbed.fakes.discord.messages import Message, Operation, RequestRecord, Webhook
from testbed.fakes.discord.rates import RateLimiter

DEFAULT_TOKEN = "token"
DISCORD_EPOCH_MS = 1_420_070_400_000


def steady_clock() -> Callable[[], float]:
    """Seconds since the epoch that never jump, whatever is done to the machine's clock."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset


class DiscordState:
    def __init__(
        self,
        *,
        limits: RateLimits | None = None,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        auto_register: bool = False,
        strict_unknown_keys: bool = False,
        keep_files: bool = True,
    ) -> None:
        """`auto_register` takes any webhook that is called, `strict_unknown_keys` answers 400 to unknown
        keys, `keep_files=False` forgets the bytes of attachments (for long campaigns).
        """
        self.clock = clock or steady_clock()
        self.sleep = sleep
        self.rates = RateLimiter(limits or RateLimits(), self.clock)
        self.faults = FaultPlan()
        self.auto_register = auto_register
        self.strict_unknown_keys = strict_unknown_keys
        self.keep_files = keep_files
        self.webhooks: dict[str, Webhook] = {}
        self.requests: list[RequestRecord] = []
        self._messages: dict[str, Message] = {}
        self._last_id = 0

    # --- arranging

    def webhook(
        self,
        webhook_id: str = "1",
        token: str = DEFAULT_TOKEN,
        channel_id: str = "100",
        *,
        kind: Literal["text", "forum"] = "text",
        name: str = "fake",
    ) -> Webhook:
        """Registers a webhook; several may share a channel, and then its hidden limit."""
        hook = Webhook(webhook_id, token, channel_id, kind=kind, name=name)
        self.webhooks[webhook_id] = hook
        return hook

    def delete_webhook(self, webhook_id: str) -> None:
        """As a person would in the channel's settings: calls answer 404 10015, its messages stay."""
        self.webhooks[webhook_id].deleted = True

    def revive_webhook(self, webhook_id: str) -> None:
        self.webhooks[webhook_id].deleted = False

    def delete_message(self, message_id: str) -> None:
        """As a person would: edits answer 404 10008 from now on."""
        self._messages[message_id].deleted_at = self.clock()

    def clear(self) -> None:
        """Forgets messages, requests, faults and spent limits; webhooks stay."""
        self._messages.clear()
        self.requests.clear()
        self.faults.clear()
        self.rates.clear()

    # --- asserting

    def messages(self, webhook_id: str | None = None, *, deleted: bool = False) -> list[Message]:
        """Oldest first; the deleted ones only when asked for."""
        return [
            message
            for message in list(self._messages.values())  # a copy: the server may run in another thread
            if webhook_id in (None, message.webhook_id) and (deleted or message.deleted_at is None)
        ]

    def message(self, message_id: str) -> Message:
        return self._messages[message_id]

    @property
    def creates(self) -> list[RequestRecord]:
        """Requests that created a message, whatever the client was answered."""
        return self._stored("create")

    @property
    def edits(self) -> list[RequestRecord]:
        return self._stored("edit")

    @property
    def limited(self) -> int:
        """429s given, of every kind."""
        return sum(self.rates.sent_429.values())

    @property
    def unknown_keys(self) -> list[str]:
        return sorted({key for record in self.requests for key in record.unknown_keys})

    @property
    def repeated_embed_urls(self) -> list[str]:
        """Embeds that Discord would not show, because an earlier one of the message has the same URL."""
        return sorted({url for record in self.requests for url in record.repeated_embed_urls})

    def counters(self) -> Mapping[str, Any]:
        return {
            "requests": len(self.requests),
            "creates": len(self.creates),
            "edits": len(self.edits),
            "unanswered": sum(1 for record in self.requests if record.status is None),
            "statuses": _tally(str(record.status) for record in self.requests),
            "faults": _tally(record.fault for record in self.requests if record.fault),
            "limited": dict(self.rates.sent_429),
            "limited_total": self.limited,
            "impatient": self.rates.impatient,
            "invalid_total": self.rates.invalid_total,
            "invalid_recently": self.rates.invalid_recently,
        }

    # --- used by the application

    def new_id(self) -> str:
        """A snowflake: its upper bits are the time, so ids grow."""
        stamp = (int(self.clock() * 1000) - DISCORD_EPOCH_MS) << 22
        self._last_id = max(stamp, self._last_id + 1)
        return str(self._last_id)

    def keep(self, message: Message) -> None:
        self._messages[message.id] = message

    def find_message(self, message_id: str) -> Message | None:
        message = self._messages.get(message_id)
        return message if message is not None and message.deleted_at is None else None

    def _stored(self, operation: Operation) -> list[RequestRecord]:
        return [record for record in self.requests if record.operation == operation and record.stored]


def _tally(values: Any) -> Mapping[str, int]:
    counted: dict[str, int] = {}
    for value in values:
        counted[value] = counted.get(value, 0) + 1
    return counted


def only(messages: Sequence[Message]) -> Message:
    """The one message there must be."""
    assert len(messages) == 1, f"{len(messages)} messages: {[message.content for message in messages]}"
    return messages[0]
