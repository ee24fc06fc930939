"""Which URLs Discord accepts: for one bad URL it refuses the whole message (400 URL_TYPE_INVALID_URL)."""

import ipaddress
import re
from urllib.parse import urlsplit

from alert_router.discord import limits

_SPACE = re.compile(r"\s")
_DOTTED = re.compile(r"[^.]+(\.[^.]+)+\.*")


def is_acceptable(url: str, max_chars: int = limits.URL_CHARS) -> bool:
    """http(s) with a dotted host or an address; `http://alertmanager:9093` is refused by Discord."""
    if not 0 < len(url) <= max_chars or _SPACE.search(url):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    is_dotted = host.isascii() and _DOTTED.fullmatch(host) is not None
    return parts.scheme in ("http", "https") and (is_dotted or _is_address(host))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
