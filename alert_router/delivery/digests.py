"""Folds a storm of new cards into one digest, until it is quiet again."""

from datetime import datetime

import sqlalchemy as sa

from alert_router.domain import digest_policy
from alert_router.domain.digest_policy import DigestAction
from alert_router.domain.model import ChannelName
from alert_router.store import digests


def is_due(conn: sa.Connection, channel: ChannelName, now: datetime, *, per_minute: int) -> bool:
    """Whether `update` would change anything. Reads only."""
    backlog = digests.backlog(conn, channel)
    action = digest_policy.decide(backlog.waiting, backlog.last_folded_at, now, per_minute=per_minute)
    return action is not DigestAction.NONE


def update(conn: sa.Connection, channel: ChannelName, now: datetime, *, per_minute: int) -> None:
    """Fold the waiting cards, or end the open digest, when it is time."""
    backlog = digests.backlog(conn, channel)
    action = digest_policy.decide(backlog.waiting, backlog.last_folded_at, now, per_minute=per_minute)
    if action is DigestAction.FOLD:
        _fold(conn, channel, backlog.digest_id or digests.begin(conn, channel, now), now)
    elif action is DigestAction.END and backlog.digest_id is not None:
        digests.end(conn, backlog.digest_id, now)
        digests.touch(conn, [backlog.digest_id], now, every_s=digest_policy.EDIT_EVERY_S)


def _fold(conn: sa.Connection, channel: ChannelName, digest_id: int, now: datetime) -> None:
    priority = digests.fold(conn, channel, digest_id, now, single=digest_policy.SINGLE_CRITICALS)
    if priority is not None:
        digests.touch(conn, [digest_id], now, every_s=digest_policy.EDIT_EVERY_S, priority=priority)
