"""Discord's published limits (https://docs.discord.com/developers/resources/message#embed-object-embed-limits).

Lengths are code points, counted after leading and trailing whitespace is trimmed; every limit is inclusive.
"""

from dataclasses import dataclass
from typing import Literal

CONTENT_CHARS = 2000
USERNAME_CHARS = 80
THREAD_NAME_CHARS = 100
APPLIED_TAGS = 5

EMBEDS = 10
EMBED_TITLE_CHARS = 256
EMBED_DESCRIPTION_CHARS = 4096
EMBED_FIELDS = 25
EMBED_FIELD_NAME_CHARS = 256
EMBED_FIELD_VALUE_CHARS = 1024
EMBED_FOOTER_CHARS = 2048
EMBED_AUTHOR_CHARS = 256
EMBED_TOTAL_CHARS = 6000
"""Over all embeds of one message: titles, descriptions, field names and values, footers, author names."""
COLOR_MAX = 0xFFFFFF

URL_CHARS = 2048
BUTTON_URL_CHARS = 512
BUTTON_LABEL_CHARS = 80
CUSTOM_ID_CHARS = 100
ROW_BUTTONS = 5
ROWS = 5
COMPONENTS_V2 = 40
COMPONENTS_V2_CHARS = 4000

MENTION_IDS = 100
ATTACHMENTS = 10
ATTACHMENT_TEXT_CHARS = 1024
FILE_BYTES = 10 * 1024 * 1024
REQUEST_BYTES = 25 * 1024 * 1024

SUPPRESS_EMBEDS = 1 << 2
SUPPRESS_NOTIFICATIONS = 1 << 12
IS_COMPONENTS_V2 = 1 << 15


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How often one may call; 0 requests turns a single limit off."""

    enabled: bool = True
    webhook_requests: int = 5
    """Per webhook, execute and edit together, in a window that opens with its first request."""
    webhook_window_s: float = 2.0
    channel_requests: int = 30
    """Per channel over all its webhooks, sliding, not shown in any header (discord-api-docs#1454)."""
    channel_window_s: float = 60.0
    channel_counts_edits: bool = True
    channel_scope: Literal["user", "shared"] = "user"
    """`user` is the stricter reading: a 429 of scope `shared` does not count as an invalid request."""
    old_edit_requests: int = 3
    """Edits of messages older than `old_after_s`, per channel; beyond it 429 with code 30046."""
    old_edit_window_s: float = 6.0
    old_after_s: float = 3600.0
    invalid_requests: int = 10_000
    """Answers of 401, 403 and 429 in the window before Cloudflare blocks the address."""
    invalid_window_s: float = 600.0
    ban_s: float = 3600.0
