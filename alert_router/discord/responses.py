"""Classifies Discord's replies: one table, the only place that looks at statuses and codes."""

from dataclasses import dataclass
from http import HTTPStatus

UNKNOWN_MESSAGE = 10008
UNKNOWN_WEBHOOK = 10015
OVERLOADED = 130000
OLD_EDITS = 30046
"""Too many edits of messages older than an hour: a limit of its own, under status 429."""
TOO_LARGE = 40005
NO_MESSAGES = frozenset({40067, 50083, 160005, 220001, 220002, 220003})
"""The channel is a forum, or the thread is closed: it takes no message, whatever its content."""


@dataclass(frozen=True, slots=True)
class Sent:
    message_id: str
    message_url: str | None


@dataclass(frozen=True, slots=True)
class TryAgain:
    """It may work later, as it is."""

    reason: str
    after_s: float | None = None
    rate_limited: bool = False
    """The channel had too many requests: not a fault of this message."""
    maybe_sent: bool = False
    """Discord may have the message: webhooks have no idempotency key, so a retry can create a second one."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Discord refuses this body: degrade it, or give up."""

    reason: str


@dataclass(frozen=True, slots=True)
class MessageGone:
    """Somebody deleted the message: create it again."""

    reason: str


@dataclass(frozen=True, slots=True)
class ChannelGone:
    """The webhook is deleted or forbidden: nothing is delivered until a person intervenes."""

    reason: str


Outcome = Sent | TryAgain | Rejected | MessageGone | ChannelGone


@dataclass(frozen=True, slots=True)
class Refusal:
    """An unsuccessful reply. `detail` is Discord's own text."""

    status: int
    code: int | None
    detail: str
    retry_after_s: float | None = None


def classify_error(refusal: Refusal) -> TryAgain | Rejected | MessageGone | ChannelGone:
    status, reason = refusal.status, _reason(refusal)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return TryAgain(reason, after_s=refusal.retry_after_s, rate_limited=True)
    if refusal.code == UNKNOWN_MESSAGE:
        return MessageGone(reason)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        return ChannelGone(reason)
    if refusal.code in NO_MESSAGES:
        return ChannelGone(reason)
    if refusal.code == OVERLOADED or status == HTTPStatus.REQUEST_TIMEOUT or status < HTTPStatus.OK:
        return TryAgain(reason)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # These two come from a gateway that did not reach Discord; others may come from behind it.
        unsent = status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
        return TryAgain(reason, maybe_sent=not unsent)
    if status >= HTTPStatus.BAD_REQUEST:
        return Rejected(reason)
    # 2xx without a message, or a redirect: a proxy replied.
    return TryAgain(reason, maybe_sent=status < HTTPStatus.MULTIPLE_CHOICES)


def _reason(refusal: Refusal) -> str:
    code = f" code {refusal.code}" if refusal.code is not None else ""
    detail = f": {refusal.detail}" if refusal.detail else ""
    return f"HTTP {refusal.status}{code}{detail}"
