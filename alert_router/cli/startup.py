"""What the start says in one line, and what `check-config` warns of."""

import ipaddress
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import sqlalchemy as sa

from alert_router.config import Configuration
from alert_router.domain.access import Role, Roles
from alert_router.domain.model import PREVIEW
from alert_router.settings import Settings, ignored_characters


def summary(settings: Settings, configuration: Configuration) -> str:
    """Database, channels, tokens, public URL, configuration and what is unsafe; no secrets."""
    channels = ", ".join(name for name in configuration.channels if name != PREVIEW)
    doubts = [*_unsafe(settings, configuration), *_links(settings)]
    parts = [
        f"database {_database(settings)}",
        f"channels {channels or 'none but the preview'}",
        f"tokens {len(settings.ingest_tokens) or 'none'}",
        f"users {len(settings.users) or 'none'}",
        f"web config {settings.web_config or 'none'}",
        f"public URL {settings.public_url}",
        f"configuration {configuration.file or 'from the environment'}",
    ]
    if doubts:
        parts.append(f"mind that {', and '.join(doubts)}")
    return "; ".join(parts)


def warnings(settings: Settings, environ: Mapping[str, str], configuration: Configuration) -> Iterator[str]:
    """What is valid and probably not meant."""
    yield from map(str, ignored_characters(environ))
    yield from map(str, configuration.warnings)
    if any(channel.webhook_url for channel in configuration.channels.values()):
        yield from (f"ALERT_ROUTER_EXTERNAL_URL: {doubt}" for doubt in _links(settings))


def _database(settings: Settings) -> str:
    """Its kind and place: a user, a password or an option of the URL may be secret."""
    url = sa.make_url(settings.database_url.get_secret_value())
    kind = url.get_backend_name()
    if kind == "sqlite":
        return f"{kind} {url.database or 'in memory'}"
    return f"{kind} {url.host or 'local'}/{url.database or ''}"


def too_open(settings: Settings, guarded: Roles) -> str | None:
    """Why the router must not start; None: it may."""
    missing = {Role.SEND, Role.READ} - guarded
    if _is_loopback(settings.host) or settings.web_insecure or not missing:
        return None
    open_to = " and ".join(role for role in (Role.SEND, Role.READ) if role in missing)
    return (
        f"ALERT_ROUTER_LISTEN is {settings.listen}, where everybody could {open_to}: set "
        "ALERT_ROUTER_INGEST_TOKENS and ALERT_ROUTER_USERS (or their _FILE twins, or --web.config.file), "
        "or say --web.insecure"
    )


def _unsafe(settings: Settings, configuration: Configuration) -> Iterator[str]:
    if settings.web_insecure and not _is_loopback(settings.host):
        yield "with --web.insecure everybody who reaches the router may do what needs no credential"
    if not any(channel.webhook_url for channel in configuration.channels.values()):
        yield "without a webhook nobody is notified"
    if not sa.make_url(settings.database_url.get_secret_value()).database:
        yield "a database in memory forgets everything at the end"


def _links(settings: Settings) -> Iterator[str]:
    host = urlsplit(settings.public_url).hostname or ""
    if _is_loopback(host):
        yield f"links in cards start with {settings.public_url}, which opens on this machine only"
    elif not _is_address(host) and "." not in host.strip("."):
        yield f"Discord refuses links to a host without a dot, {host}: cards go without them"


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
