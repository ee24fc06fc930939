"""Which URLs Discord accepts, and which people can open.

For one bad URL Discord refuses the whole message (400 URL_TYPE_INVALID_URL).
"""

import ipaddress
import re
from urllib.parse import quote, urlsplit

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
    return parts.scheme in ("http", "https") and (is_dotted or _address(host) is not None)


def is_public(url: str) -> bool:
    """Acceptable, however long, and not on the reader's own machine or nowhere."""
    if not is_acceptable(url, len(url)):
        return False
    host = (urlsplit(url).hostname or "").rstrip(".")
    address = _address(host)
    if address is not None:
        return not (address.is_loopback or address.is_unspecified)
    return host != "localhost.localdomain" and not host.endswith(".localhost")


def without_blanks(url: str) -> str:
    return _SPACE.sub(lambda blank: quote(blank[0]), url.strip())


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
