"""Checks a Discord webhook URL as people paste it. Nothing here shows the token."""

import re
import unicodedata
from urllib.parse import SplitResult, parse_qs, urlsplit

MAX_ID_DIGITS = 20
SHAPE = "https://discord.com/api/webhooks/ID/TOKEN"
_PLACEHOLDER_ID = re.compile(r".*(\b|_)id\b.*|.*[<>{}$*…].*|\.+|x+|your.*|webhook.*", re.IGNORECASE)
_PLACEHOLDER_TOKEN = re.compile(r".*[<>{}$*…].*|\.+|x+", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_LOOK_ALIKES = {"slack": "Slack's", "github": "GitHub's"}


def cleaned(url: str) -> tuple[str, str]:
    """Without the invisible characters around it, and a sentence that names them, if any."""
    start, end = 0, len(url)
    while start < end and _is_invisible(url[start]):
        start += 1
    while end > start and _is_invisible(url[end - 1]):
        end -= 1
    ignored = [
        f"{_name(chars[0])} {place}"
        for chars, place in ((url[:start], "before"), (url[end:], "after"))
        if chars
    ]
    return url[start:end], f"the URL has {' and '.join(ignored)} it; ignored" if ignored else ""


def check(url: str) -> str:
    """The URL, if Discord can take it. Raises ValueError with a sentence."""
    for offset, char in enumerate(url):
        if _is_invisible(char):
            raise ValueError(f"the URL has {_name(char)} inside, as character {offset + 1}")
    parts = split(url)
    if parts is None:
        raise ValueError(f"must be an http or https URL like {SHAPE}")
    _, marker, rest = parts.path.partition("/webhooks/")
    segments = rest.rstrip("/").split("/")
    if not marker or len(segments) < 2:  # noqa: PLR2004 - an id and a token
        raise ValueError(f"must end in /webhooks/ID/TOKEN, like {SHAPE}")
    webhook_id, token, *more = segments
    if _PLACEHOLDER_ID.fullmatch(webhook_id) or _PLACEHOLDER_TOKEN.fullmatch(token):
        raise ValueError(
            "is a placeholder; paste the URL that Discord shows under Edit Channel, Integrations, Webhooks"
        )
    if more:
        # What is no known word may be the token.
        known = _LOOK_ALIKES.get(more[0])
        reason = f"/{more[0]} is for messages in {known} format" if known else "there is more after it"
        raise ValueError(f"must end with the token: {reason}")
    if not (webhook_id.isascii() and webhook_id.isdigit()):
        # A long one may be the token, where the two were swapped.
        shown = f', "{webhook_id}",' if len(webhook_id) <= MAX_ID_DIGITS else ""
        raise ValueError(f"its id{shown} is not a number")
    if not _TOKEN.fullmatch(token):
        raise ValueError("its token has characters that no token of Discord's has; copy the URL again")
    return url


def thread_id(url: str) -> str | None:
    """Of a URL that names a thread itself: .../TOKEN?thread_id=123."""
    parts = split(url)
    return next(iter(parse_qs(parts.query).get("thread_id", [])), None) if parts else None


def redacted(url: str) -> str:
    """Without the token, so that it is seen which webhook this is; it does not load."""
    parts = split(url)
    if parts is None or "/" not in parts.path:
        return "***"
    path = parts.path.rstrip("/").rpartition("/")[0] + "/***"
    return parts._replace(path=path, netloc=parts.netloc.rpartition("@")[2]).geturl()


def split(url: str) -> SplitResult | None:
    """None when it is not an http(s) URL with a host and, if any, a port from 1 to 65535."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its text would show what may be a password
        return None
    return parts if valid else None


def _is_invisible(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in ("Cc", "Cf", "Zs", "Zl", "Zp")


def _name(char: str) -> str:
    if char == " ":
        return "a blank"
    if char in "\r\n":
        return "a line break"
    return f"an invisible U+{ord(char):04X}"
