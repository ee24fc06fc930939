"""What every door for senders does alike: who may speak, how much, and what is kept of what was refused."""

import hmac
import ipaddress
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from pydantic import SecretStr

from alert_router.services.intake import Batch
from alert_router.settings import Settings
from alert_router.sources.errors import InvalidBody
from alert_router.store.engine import Unavailable
from alert_router.store.quarantine import Refused
from alert_router.web.dependencies import Parts
from alert_router.web.problems import Problem

log = logging.getLogger(__name__)
Site = tuple[str, int]
"""Host and port."""
DEFAULT_PORTS = {"http": 80, "https": 443}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
JSON_TYPES = ("application/json", "+json")
MAX_LOGGED_CHARS = 500
"""Characters of a reason in the log; all of it is in the quarantine."""
ANSWERS: Mapping[int | str, str] = {
    401: "No bearer token that we know",
    413: "Larger than the body limit",
    422: "Cannot be read; names the fields; kept in the quarantine",
    503: "The database cannot take it now: send it again",
}


async def body_of(request: Request, parts: Parts) -> bytes:
    """The raw body of a sender who may speak. Raises Problem."""
    # Only browsers say it: a page anywhere could forge alerts through whoever reads it on this machine.
    if "origin" in request.headers:
        raise Problem(HTTPStatus.FORBIDDEN, "a page in a browser is no sender of alerts")
    _admit(request, parts.settings.ingest_tokens)
    content_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if not content_type.endswith(JSON_TYPES):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type must be application/json, not {content_type}"
        )
    return await read(request, parts.settings.max_body_bytes)


def admit_person(request: Request, parts: Parts) -> None:
    """For what people do on our pages: whoever may read them may do it, as on Alertmanager's own page.

    Another site's page in somebody's browser may not; a program shows a token like any sender.
    """
    origin = request.headers.get("origin")
    if origin is None:
        _admit(request, parts.settings.ingest_tokens)
    elif not _is_ours(_site(origin), parts.settings):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "another site's page asked for this; if it is this router's own, set ALERT_ROUTER_EXTERNAL_URL "
            "to where people reach it",
        )


def _is_ours(site: Site | None, settings: Settings) -> bool:
    """One where our pages are read. The Host that a request names proves nothing: any name may lead here."""
    listening = [(host, settings.port) for host in (settings.host.lower(), *LOOPBACK)]
    return site is not None and site in [_site(settings.public_url), *listening]


def _site(url: str) -> Site | None:
    """None for what is no site, such as the "null" of a page without one."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def _admit(request: Request, tokens: tuple[SecretStr, ...]) -> None:
    if not tokens:
        if not _is_loopback(request):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "without ALERT_ROUTER_INGEST_TOKENS only senders on this machine are heard; set tokens, and "
                "one of them in the sender (Alertmanager: http_config.authorization.credentials)",
            )
        return
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    # All are compared, always: the time taken tells nothing.
    matches = [
        hmac.compare_digest(shown.strip().encode(), token.get_secret_value().encode()) for token in tokens
    ]
    if scheme.lower() != "bearer" or not any(matches):
        raise Problem(HTTPStatus.UNAUTHORIZED, "a bearer token from ALERT_ROUTER_INGEST_TOKENS is needed")


def _is_loopback(request: Request) -> bool:
    if request.client is None:  # a Unix socket: its file's permissions decide
        return True
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def read(request: Request, most: int) -> bytes:
    """The body, at most so many bytes of it. Raises Problem (413)."""
    too_large = Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {most} bytes (ALERT_ROUTER_MAX_BODY_BYTES); in alertmanager.yml, group_by "
        "more labels",
    )
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


async def refuse(parts: Parts, source: str, body: bytes, invalid: InvalidBody) -> Problem:
    """The answer to a body nobody can read, once it is kept. The sender will not send it again."""
    refused = Refused(parts.now(), source, str(invalid), body)
    try:
        await parts.intake.accept(Batch((), parts.now(), (refused,)))
    except Unavailable as error:
        return away(error)
    kept(parts, (refused,))
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"{invalid.errors[0]}. The body is kept in the quarantine",
        errors=invalid.errors,
    )


def kept(parts: Parts, refused: Sequence[Refused]) -> None:
    """Counts and logs what has come into the quarantine: all of one sender, in one line."""
    if not refused:
        return
    first, alerts = refused[0], sum(one.alerts for one in refused)
    parts.metrics.quarantined.labels(first.source).inc(alerts)
    # The reason names fields as the sender did: nothing of theirs may look like a line of ours, or move a
    # terminal's cursor.
    reason = "".join(char if char.isprintable() else " " for char in first.reason[:MAX_LOGGED_CHARS])
    others = f" (and {alerts - 1} more)" if alerts > 1 else ""
    log.warning("quarantined from %s: %s%s", first.source, reason, others)


def away(error: Unavailable) -> Problem:
    """5xx: Alertmanager sends it again. Never 429, which it would drop."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the database cannot take it now: {error}; send it again")


def described(schema: Mapping[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    """The body in the OpenAPI document: the doors read it raw, so FastAPI cannot see it by itself."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    }
