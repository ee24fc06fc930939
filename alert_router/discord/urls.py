"""Which URLs Discord accepts: for one bad URL it refuses the whole message (400 URL_TYPE_INVALID_URL)."""

import ipaddress
import re
from urllib.parse import urlsplit

from alert_router.discord import limits

_SPACE = re.compile(r"\s")


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
    return parts.scheme in ("http", "https") and (_is_dotted(host) or _is_address(host))


def _is_dotted(host: str) -> bool:
    labels = host.rstrip(".").split(".")
    return len(labels) > 1 and all(labels) and host.isascii()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
