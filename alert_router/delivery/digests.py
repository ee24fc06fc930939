"""Folds a storm of new cards into one digest, until it is quiet again."""

from datetime import datetime

import sqlalchemy as sa

from alert_router.domain import digest_policy
from alert_router.domain.digest_policy import DigestAction
from alert_router.domain.model import ChannelName
from alert_router.store import digests
from alert_router.store.digests import OpenDigest


def is_due(conn: sa.Connection, channel: ChannelName, now: datetime, *, per_minute: int) -> bool:
    """Whether `update` would change anything. Reads only."""
    return _decide(conn, channel, now, per_minute)[0] is not DigestAction.NONE


def update(conn: sa.Connection, channel: ChannelName, now: datetime, *, per_minute: int) -> None:
    """Fold the waiting cards, or end the open digest, when it is time."""
    action, digest = _decide(conn, channel, now, per_minute)
    if action is DigestAction.FOLD:
        _fold(conn, channel, digest.id if digest else digests.begin(conn, channel, now), now)
    elif action is DigestAction.END and digest is not None:
        digests.end(conn, digest.id, now)
        digests.touch(conn, [digest.id], now, every_s=digest_policy.EDIT_EVERY_S)


def _decide(
    conn: sa.Connection, channel: ChannelName, now: datetime, per_minute: int
) -> tuple[DigestAction, OpenDigest | None]:
    digest, waiting = digests.find_open(conn, channel), digests.waiting(conn, channel)
    folded_at = digest.last_folded_at if digest else None
    return digest_policy.decide(waiting, folded_at, now, per_minute=per_minute), digest


def _fold(conn: sa.Connection, channel: ChannelName, digest_id: int, now: datetime) -> None:
    priority = digests.fold(conn, channel, digest_id, now, single=digest_policy.SINGLE_CRITICALS)
    if priority is not None:
        digests.touch(conn, [digest_id], now, every_s=digest_policy.EDIT_EVERY_S, priority=priority)
