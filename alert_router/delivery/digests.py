"""Folds a storm of new cards into one digest, until it is quiet again.

An edit of the digest notifies nobody, so the notify rule holds for it as for any card: when alerts that were
folded after its message was created must be announced, a new digest takes over what fires.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from alert_router.config import Configuration
from alert_router.delivery import announcements
from alert_router.domain import digest_policy, notify_routes, notify_timing
from alert_router.domain.digest_policy import DigestAction
from alert_router.domain.model import Alert, ChannelName
from alert_router.domain.notify_values import Action, Decision, Episode, Posted, Reason, Situation
from alert_router.domain.severity import Severity
from alert_router.store import digests, notify_state, postings
from alert_router.store.digests import PostedDigest

MAX_UNANNOUNCED = 200
"""How many of the worst are looked at: those that are not are announced with them."""
MAX_CREATES = 10
"""More than the hourly limit lets one channel's digests have in an hour."""


def is_due(conn: sa.Connection, channel: ChannelName, now: datetime, *, per_minute: int) -> bool:
    """Whether `update` would change anything. Reads only."""
    backlog = digests.backlog(conn, channel)
    action = digest_policy.decide(backlog.waiting, backlog.last_folded_at, now, per_minute=per_minute)
    return action is not DigestAction.NONE or bool(digests.to_decide(conn, channel, now))


def update(
    conn: sa.Connection, channel: ChannelName, configuration: Configuration, now: datetime, *, per_minute: int
) -> None:
    """Fold the waiting cards, end the open digest, or announce anew, when it is time."""
    backlog = digests.backlog(conn, channel)
    action = digest_policy.decide(backlog.waiting, backlog.last_folded_at, now, per_minute=per_minute)
    if action is DigestAction.FOLD:
        _fold(conn, channel, backlog.digest_id or digests.begin(conn, channel, now), now)
    elif action is DigestAction.END and backlog.digest_id is not None:
        digests.end(conn, backlog.digest_id, now)
        digests.touch(conn, [backlog.digest_id], now, every_s=digest_policy.EDIT_EVERY_S)
    to_decide = digests.to_decide(conn, channel, now)
    if to_decide:
        _decide(conn, channel, configuration, to_decide, now)


def _fold(conn: sa.Connection, channel: ChannelName, digest_id: int, now: datetime) -> None:
    priority = digests.fold(conn, channel, digest_id, now, single=digest_policy.SINGLE_CRITICALS)
    if priority is not None:
        digests.touch(conn, [digest_id], now, every_s=digest_policy.EDIT_EVERY_S, priority=priority)


def _decide(
    conn: sa.Connection,
    channel: ChannelName,
    configuration: Configuration,
    digest_ids: Sequence[int],
    now: datetime,
) -> None:
    """Announce anew in one message what is due in any of these digests."""
    posted = digests.posted(conn, channel, MAX_CREATES)
    reasons: dict[int, Reason] = {}
    for digest_id in digest_ids:
        decisions = list(_decisions(conn, configuration, digest_id, posted, now))
        creates = [decision.reason for decision in decisions if decision.action is Action.CREATE]
        if creates:
            reasons[digest_id] = creates[0]
        else:
            moments = (decision.due_at for decision in decisions if decision.due_at is not None)
            digests.decide_at(conn, [digest_id], min(moments, default=None))
    if reasons:
        _announce_anew(conn, channel, reasons, now)


def _announce_anew(
    conn: sa.Connection, channel: ChannelName, reasons: dict[int, Reason], now: datetime
) -> None:
    open_id = digests.backlog(conn, channel).digest_id
    replaced = sorted({*reasons, *([open_id] if open_id is not None else [])})
    digests.end_all(conn, replaced, now)
    new_id = digests.begin(conn, channel, now, reason=next(iter(reasons.values())))
    digests.replace(conn, replaced, new_id)


def _decisions(
    conn: sa.Connection,
    configuration: Configuration,
    digest_id: int,
    posted: Sequence[PostedDigest],
    now: datetime,
) -> Iterator[Decision]:
    """What the notify rule says about the alerts that the digest's message has not announced."""
    current = next((each for each in posted if each.id == digest_id), None)
    if current is None:
        return
    unannounced = digests.unannounced(conn, digest_id, MAX_UNANNOUNCED)
    for acknowledged in (False, True):
        situation = Situation(
            episodes=(),
            current=_posted(current),
            recent=tuple(_posted(each) for each in posted if each.posted_at > now - notify_timing.HOUR),
            acknowledged=acknowledged,
        )
        groups = notify_routes.grouped(
            (announcements.policy_of(configuration, each.alert, each.routed_to), _episode(each.alert))
            for each in unannounced
            if each.acknowledged is acknowledged
        )
        if groups:
            yield notify_routes.decide(situation, groups, now)


def _posted(digest: PostedDigest) -> Posted:
    rank = digest.announced_rank
    severity = None if rank is None else Severity(rank)
    return Posted(digest.posted_at, postings.DIGEST_REVISION, severity)


def _episode(alert: Alert) -> Episode:
    """News to the digest; of each incident by itself, for a new pod in another incident is news."""
    episode = notify_state.episode_of(alert)
    identity = f"{alert.incident_id} {episode.identity}"
    return replace(episode, identity=identity, revision=postings.DIGEST_REVISION + 1)
