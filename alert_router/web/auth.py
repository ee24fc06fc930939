"""Who may send alerts, and who may act on the pages."""

import hmac
import ipaddress
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from alert_router.settings import Settings
from alert_router.web.dependencies import state_of
from alert_router.web.problems import Problem

HostAndPort = tuple[str, int]
DEFAULT_PORTS = {"http": 80, "https": 443}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_bearer = HTTPBearer(scheme_name="bearer", description="One of ALERT_ROUTER_INGEST_TOKENS", auto_error=False)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def require_token(request: Request, credentials: Credentials) -> None:
    """For senders of alerts. Raises Problem."""
    _check_sender(request, credentials)


def check_sender(request: Request) -> None:
    """The same, for what is answered beside the framework's dependencies. Raises Problem."""
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    is_bearer = scheme.lower() == "bearer" and bool(token)
    credentials = HTTPAuthorizationCredentials(scheme=scheme, credentials=token) if is_bearer else None
    _check_sender(request, credentials)


def is_authorized(request: Request) -> bool:
    """Whether require_token would let the request pass: for what is refused before it is asked."""
    try:
        check_sender(request)
    except Problem:
        return False
    return True


def address_of(request: Request) -> str:
    """The sender's, or its proxy's."""
    return request.client.host if request.client else "a local socket"


def _check_sender(request: Request, credentials: HTTPAuthorizationCredentials | None) -> None:
    # Only browsers send it: any website could forge alerts through somebody who visits it on this machine.
    if "origin" in request.headers:
        raise Problem(HTTPStatus.FORBIDDEN, "requests with an Origin header are not accepted here")
    _check_token(request, credentials)


async def require_ui_origin(request: Request, credentials: Credentials) -> None:
    """For what people do on the pages: anybody who can read them may act, as on Alertmanager's own page.

    Another website in somebody's browser may not; a program needs a token like any sender. Raises Problem.
    """
    origin = request.headers.get("origin")
    if origin is None:
        _check_token(request, credentials)
    elif not _is_own_origin(_host_and_port(origin), state_of(request)["settings"]):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "the request comes from another website; if it is this router's own page, set "
            "ALERT_ROUTER_EXTERNAL_URL to the address of the page",
        )


def _is_own_origin(origin: HostAndPort | None, settings: Settings) -> bool:
    """The Host header proves nothing: any DNS name may point here."""
    listening = [(host, settings.port) for host in (settings.host.lower(), *LOOPBACK)]
    return origin is not None and origin in [_host_and_port(settings.public_url), *listening]


def _host_and_port(url: str) -> HostAndPort | None:
    """None for an opaque origin, such as "null"."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def _check_token(request: Request, credentials: HTTPAuthorizationCredentials | None) -> None:
    tokens = state_of(request)["settings"].ingest_tokens
    if not tokens:
        if not _is_loopback(request):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "without ALERT_ROUTER_INGEST_TOKENS only requests from this machine are accepted; set tokens "
                "here and one of them in the sender (Alertmanager: http_config.authorization.credentials)",
            )
        return
    token = credentials.credentials.strip().encode() if credentials else b""
    # Compare all of them, always: the time taken reveals nothing.
    matches = [hmac.compare_digest(token, valid.get_secret_value().encode()) for valid in tokens]
    if not any(matches):
        raise Problem(HTTPStatus.UNAUTHORIZED, "a bearer token from ALERT_ROUTER_INGEST_TOKENS is required")


def _is_loopback(request: Request) -> bool:
    if request.client is None:  # a Unix socket: its file's permissions decide
        return True
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
