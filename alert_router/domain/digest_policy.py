"""When a storm of new cards becomes one digest. Pure."""

from datetime import datetime, timedelta
from enum import Enum, auto

SINGLE_CRITICALS = 5
"""In a storm, so many critical cards stay messages of their own."""
MIN_FOLD = 5
"""While a digest is open, at most so many waiting cards stay single: a trickle is not a storm, and must not
prolong one."""
QUIET_S = 60.0
"""A digest that has folded nothing for so long is complete: later cards are single again."""
EDIT_EVERY_S = 5.0
"""Least time between edits of a digest: people can read it only so fast, and other cards need the quota."""


class DigestAction(Enum):
    NONE = auto()
    FOLD = auto()
    """Into the open digest; into a new one where none is open."""
    END = auto()


def decide(waiting: int, last_folded_at: datetime | None, now: datetime, *, per_minute: int) -> DigestAction:
    """What to do about a channel's waiting new cards.

    waiting: how many there are.

    last_folded_at: of the open digest; None where none is open.

    per_minute: how many messages the channel can carry.
    """
    if waiting > (per_minute if last_folded_at is None else MIN_FOLD):
        return DigestAction.FOLD
    # In either direction: a clock that stepped back must not keep a digest open for hours.
    if last_folded_at is not None and abs(now - last_folded_at) >= timedelta(seconds=QUIET_S):
        return DigestAction.END
    return DigestAction.NONE
