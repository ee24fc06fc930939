"""Signed links: each is the right to one act on one incident, once, until it expires. Pure."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum, auto

LIFETIME = timedelta(days=7)
"""From the creation of the card: a card that people still read after that has long had a successor."""
MAC_BYTES = 16
_TOKEN = re.compile(r"([aus])([0-9a-f]{1,15})\.([0-9a-f]{1,8})\.([0-9a-f]{1,8})\.([A-Za-z0-9_-]{22})")


class ActKind(StrEnum):
    """The letters are part of the links."""

    ACKNOWLEDGE = "a"
    UNACKNOWLEDGE = "u"
    SILENCE = "s"


class Refused(Enum):
    ALTERED = auto()
    """Or never signed by this router."""
    EXPIRED = auto()


@dataclass(frozen=True, slots=True)
class ActLink:
    kind: ActKind
    incident_id: int
    turn: int
    """How often people had acknowledged the incident, or silenced it: the next act makes the link void."""
    expires_at: datetime
    """In whole minutes."""


@dataclass(frozen=True, slots=True)
class CardLinks:
    """What a card offers; empty where it does not."""

    acknowledge: str = ""
    unacknowledge: str = ""
    silence: str = ""


@dataclass(slots=True)
class Signer:
    key: bytes = b""
    """Empty until the router has started: it may have to be made, and kept in the database."""

    def token(self, link: ActLink) -> str:
        minutes = int(link.expires_at.timestamp()) // 60
        text = f"{link.kind}{link.incident_id:x}.{link.turn:x}.{minutes:x}"
        return f"{text}.{self._mac(text)}"

    def read(self, token: str, now: datetime) -> ActLink | Refused:
        parts = _TOKEN.fullmatch(token)
        text, _, mac = token.rpartition(".")
        if not self.key or parts is None or not hmac.compare_digest(mac, self._mac(text)):
            return Refused.ALTERED
        kind, incident_id, turn, minutes, _mac = parts.groups()
        expires_at = datetime.fromtimestamp(int(minutes, 16) * 60, UTC)
        if expires_at <= now:
            return Refused.EXPIRED
        return ActLink(ActKind(kind), int(incident_id, 16), int(turn, 16), expires_at)

    def _mac(self, text: str) -> str:
        digest = hmac.new(self.key, f"alert-router act {text}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:MAC_BYTES]).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class ActLinks:
    signer: Signer
    base_url: str
    """Where people reach this router."""
    silences: bool = False
    """Whether there is an Alertmanager that takes silences."""

    def url(self, link: ActLink) -> str:
        return f"{self.base_url}/act/{self.signer.token(link)}"


def expiry(created_at: datetime) -> datetime:
    """Of a card's links: known from what is stored, so that the same state is the same card."""
    return created_at + LIFETIME
