"""Everyone who may do something, and what proves who they are: compiled from settings and files."""

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path

from alert_router.config import ConfigError, Problem
from alert_router.config.web_config import Proxy, Signature, WebConfig
from alert_router.domain.access import EVERY_ROLE, Identity, Role, Roles
from alert_router.settings import Settings

Headers = Mapping[bytes, bytes]
"""By lower-case name; of several with one name, the first."""
MAX_SIGNATURES = 10_000
"""More than a Grafana sends while one is fresh."""
BCRYPT = ("$2a$", "$2b$", "$2y$")
INGEST_ROLES: Roles = frozenset({Role.SEND, Role.ACT})
"""Of ALERT_ROUTER_INGEST_TOKENS: since the first version a program acts with them, too."""


@dataclass(frozen=True, slots=True)
class Token:
    identity: Identity
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class User:
    identity: Identity
    secret: bytes
    """A bcrypt hash, or the password itself."""

    @property
    def is_hashed(self) -> bool:
        return self.secret.startswith(tuple(prefix.encode() for prefix in BCRYPT))


class SignatureUses:
    """Where each signature was used first: sent again to another address, its alerts would be new ones."""

    def __init__(self) -> None:
        self._addresses: OrderedDict[bytes, str] = OrderedDict()

    def is_of(self, signature: bytes, address: str) -> bool:
        """Whether it was used for no other address. It is known to be right."""
        first = self._addresses.setdefault(signature.strip().lower(), address)
        if len(self._addresses) > MAX_SIGNATURES:
            self._addresses.popitem(last=False)
        return first == address


@dataclass(frozen=True, slots=True)
class Signer:
    """HMAC-SHA256 in hexadecimal over `timestamp:body`, as Grafana signs since 12.0."""

    identity: Identity
    secret: bytes
    header: bytes
    timestamp_header: bytes
    tolerance: timedelta
    uses: SignatureUses = field(default_factory=SignatureUses, compare=False)

    def is_fresh(self, headers: Headers, now: datetime) -> bool:
        """Asked before a body is read: a stranger's costs nothing then."""
        seconds = _seconds(headers.get(self.timestamp_header, b""))
        return abs(now.timestamp() - seconds) <= self.tolerance.total_seconds()

    def accepts(self, headers: Headers, body: bytes) -> bool:
        timestamp, given = headers.get(self.timestamp_header, b""), headers.get(self.header, b"")
        expected = hmac.new(self.secret, timestamp + b":" + body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), given.strip().lower())


@dataclass(frozen=True, slots=True)
class Refusal:
    """A proof that is none, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """A hash to compute: it takes a tenth of a second, so not on the event loop."""

    user: User | None
    """None: the name is unknown; the hash is computed all the same, so that the time reveals nothing."""
    password: bytes


Claim = Identity | Refusal | PasswordCheck | None
"""What the headers say; None: nothing."""


@dataclass(frozen=True, slots=True)
class Credentials:
    tokens: Mapping[bytes, Token] = field(default_factory=dict)
    """By the SHA-256 of the token: a look-up reveals nothing by its time."""
    users: Mapping[str, User] = field(default_factory=dict)
    signers: tuple[Signer, ...] = ()
    proxy: Proxy | None = None
    guarded: Roles = frozenset()
    """The roles that need a proof."""
    public_metrics: bool = True

    def claim(self, headers: Headers, peer: str | None, now: datetime) -> Claim:
        """peer: the address at the other end of the connection, whatever the headers say."""
        authorization = headers.get(b"authorization")
        if authorization is None:
            return self._proxied(headers, peer)
        scheme, _, proof = authorization.strip().partition(b" ")
        if scheme.lower() == b"bearer":
            return self._bearer(proof.strip(), now)
        if scheme.lower() == b"basic":
            return self._basic(proof.strip())
        return Refusal("the Authorization header must be Bearer or Basic")

    def signers_of(self, headers: Headers) -> tuple[Signer, ...]:
        return tuple(signer for signer in self.signers if signer.header in headers)

    def _bearer(self, proof: bytes, now: datetime) -> Claim:
        token = self.tokens.get(hashlib.sha256(proof).digest())
        if token is None:
            return Refusal("the bearer token is not valid")
        if token.expires is not None and now >= token.expires:
            return Refusal(f"the token of {token.identity.name} has expired")
        return token.identity

    def _basic(self, proof: bytes) -> Claim:
        try:
            name, colon, password = base64.b64decode(proof, validate=True).partition(b":")
            user = self.users.get(name.decode())
        except (binascii.Error, UnicodeDecodeError):
            return Refusal("the Basic credentials are not readable")
        if not colon:
            return Refusal("the Basic credentials are not readable")
        if user is not None and not user.is_hashed:
            is_right = hmac.compare_digest(password, user.secret)
            return user.identity if is_right else Refusal("the user or the password is wrong")
        return PasswordCheck(user, password)

    def _proxied(self, headers: Headers, peer: str | None) -> Claim:
        if self.proxy is None or not is_within(peer, self.proxy.addresses):
            return None
        name = headers.get(self.proxy.user_header.lower().encode(), b"").decode("latin-1").strip()
        return Identity(name[:100], self.proxy.roles) if name.isprintable() and name else None


def of(settings: Settings, web: WebConfig) -> Credentials:
    """Reads the files of tokens and secrets. Raises ConfigError."""
    tokens = {
        _digest(token.get_secret_value()): Token(Identity(f"ingest token {number}", INGEST_ROLES))
        for number, token in enumerate(settings.ingest_tokens, 1)
    }
    for scoped in web.tokens:
        identity = Identity(scoped.name, scoped.roles)
        tokens[_digest(_secret(scoped.token_file))] = Token(identity, scoped.expires)
    users = {
        name: User(Identity(name, web.roles_of(name)), secret.get_secret_value().encode())
        for name, secret in web.basic_auth_users.items()
    }
    users |= {
        name: User(Identity(name, EVERY_ROLE), password.encode()) for name, password in settings.named_users
    }
    return Credentials(
        tokens=tokens,
        users=users,
        signers=tuple(map(_signer, web.signatures)),
        proxy=web.proxy,
        guarded=_guarded(settings, web, users),
        public_metrics=web.public_metrics,
    )


def _guarded(settings: Settings, web: WebConfig, users: Mapping[str, User]) -> Roles:
    roles = {role for token in web.tokens for role in token.roles}
    roles |= {role for user in users.values() for role in user.identity.roles}
    roles |= web.proxy.roles if web.proxy else set()
    if settings.ingest_tokens or web.signatures:
        roles.add(Role.SEND)
    # Who may not look may not change anything either.
    return frozenset(roles | ({Role.ACT} if Role.READ in roles else set()))


def _signer(signature: Signature) -> Signer:
    return Signer(
        Identity(signature.name, frozenset({Role.SEND})),
        _secret(signature.secret_file).encode(),
        signature.header.lower().encode(),
        signature.timestamp_header.lower().encode(),
        signature.tolerance,
    )


def _secret(path: Path) -> str:
    try:
        secret = path.read_text().strip()
    except OSError as error:
        raise ConfigError([Problem(str(path), 0, 0, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise ConfigError([Problem(str(path), 0, 0, "is not UTF-8")]) from None
    if not secret:
        raise ConfigError([Problem(str(path), 0, 0, "is empty")])
    return secret


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _seconds(timestamp: bytes) -> float:
    """Since 1970; a text that is no such number is older than every tolerance."""
    return float(timestamp) if timestamp.isdigit() and len(timestamp) <= 12 else float("-inf")  # noqa: PLR2004


def is_within(address: str | None, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return False
    return any(parsed in network for network in networks)
