"""Decides who may do what. The functions are pure; `guard` asks them for every request."""

import ipaddress
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import Request

from alert_router.domain.access import ANYBODY, LOCAL, Identity, Role, Roles
from alert_router.settings import Settings
from alert_router.web.credentials import Credentials, Headers, Refusal
from alert_router.web.problems import Problem

IDENTITY = "alert_router.identity"
"""The key of the scope under which `guard` leaves the identity."""
SOMEBODY = "somebody"
"""Who acts without giving a name."""
HostAndPort = tuple[str, int]
DEFAULT_PORTS = {"http": 80, "https": 443}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
OWN_SITE = (b"same-origin", b"none")
"""Of Sec-Fetch-Site: this router's own page, or a person who typed the address."""


def identity_of(request: Request) -> Identity:
    identity: Identity = request.scope.get(IDENTITY, ANYBODY)
    return identity


def signed_by(request: Request, name: str) -> str:
    """The name that a person gave, and who was known to ask where that is another."""
    identity = identity_of(request)
    if not identity.is_known or name.casefold() == identity.name.casefold():
        return name
    return identity.name if name == SOMEBODY else f"{name} ({identity.name})"


def address_of(request: Request) -> str:
    """The sender's, or its proxy's."""
    return request.client.host if request.client else "a local socket"


def authorize(
    claim: Identity | Refusal | None,
    needed: Roles,
    credentials: Credentials,
    settings: Settings,
    address: str | None,
) -> Identity:
    """The identity that may do it. address: of the client; None: a local socket. Raises Problem."""
    known = claim if isinstance(claim, Identity) else None
    if known is not None and known.roles & needed:
        return known
    if needed <= credentials.guarded:
        raise _refused(claim, needed, credentials)
    is_local = is_loopback(address)
    if is_local or settings.web_insecure or Role.READ in needed:
        return known or (LOCAL if is_local else ANYBODY)
    raise Problem(HTTPStatus.FORBIDDEN, _only_from_here(needed))


def check_browser(headers: Headers, needed: Roles, settings: Settings) -> None:
    """A website in somebody's browser may not send or act in their name. Raises Problem.

    An Origin proves nothing: any program can send one.
    """
    origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
    if needed == {Role.SEND}:
        if origin is not None:
            raise Problem(HTTPStatus.FORBIDDEN, "requests with an Origin header are not accepted here")
        return
    is_own = origin is None or _is_own_origin(_host_and_port(origin.decode("latin-1")), settings)
    if not is_own or (site is not None and site not in OWN_SITE):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "the request comes from another website; if it is this router's own page, set "
            "ALERT_ROUTER_EXTERNAL_URL to the address of the page",
        )


def check_host(headers: Headers, settings: Settings) -> None:
    """For who is let in without a proof: a stranger's DNS name may lead a browser here. Raises Problem."""
    host = headers.get(b"host", b"").decode("latin-1")
    named = _host_and_port(f"http://{host}")
    if not host or (named is not None and _is_own_name(named[0], settings)):
        return
    raise Problem(
        HTTPStatus.MISDIRECTED_REQUEST,
        "this router is not known under that name; set ALERT_ROUTER_EXTERNAL_URL to its address",
    )


def is_loopback(address: str | None) -> bool:
    if address is None:  # a Unix socket: its file's permissions decide
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _refused(claim: Identity | Refusal | None, needed: Roles, credentials: Credentials) -> Problem:
    roles = " or ".join(sorted(needed))
    if isinstance(claim, Identity):
        return Problem(HTTPStatus.FORBIDDEN, f"{claim.name} may not {roles}")
    reason = claim.reason if claim else _wanted(needed, credentials)
    return Problem(HTTPStatus.UNAUTHORIZED, reason, headers={"WWW-Authenticate": _challenge(credentials)})


def _wanted(needed: Roles, credentials: Credentials) -> str:
    if not credentials.users:
        return "a bearer token from ALERT_ROUTER_INGEST_TOKENS is required"
    return f"to {' or '.join(sorted(needed))}, a user and a password or a bearer token are required"


def _challenge(credentials: Credentials) -> str:
    """Basic first, so that a browser asks for it."""
    basic = ['Basic realm="alert-router", charset="UTF-8"'] if credentials.users else []
    return ", ".join([*basic, *(["Bearer"] if credentials.tokens or not basic else [])])


def _only_from_here(needed: Roles) -> str:
    if Role.SEND in needed:
        return (
            "without ALERT_ROUTER_INGEST_TOKENS only requests from this machine are accepted; set tokens "
            "here and one of them in the sender (Alertmanager: http_config.authorization.credentials)"
        )
    return (
        "without ALERT_ROUTER_USERS only people on this machine may act; set users, or a token in the program"
    )


def _is_own_name(host: str, settings: Settings) -> bool:
    """A number cannot be rebound, and a name without a dot is of this machine or network."""
    external = urlsplit(settings.external_url).hostname
    return host in (external, settings.host.lower()) or "." not in host or _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


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
