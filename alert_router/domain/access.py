"""Who may what: the roles, and the one who is known to have sent a request."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    SEND = "send"
    """Bring alerts and events."""
    READ = "read"
    """Look at the history and the pages."""
    ACT = "act"
    """Acknowledge, retry, reload."""


Roles = frozenset[Role]
EVERY_ROLE: Roles = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Identity:
    name: str
    """As acts and the log name them."""
    roles: Roles
    is_known: bool = True
    """False: nothing proves who it is, and none was asked for a proof."""


LOCAL = Identity("this machine", EVERY_ROLE, is_known=False)
ANYBODY = Identity("anybody", EVERY_ROLE, is_known=False)
