"""What a new message says beside the state: why it was made, what is new, whom it mentions."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from alert_router.config import Configuration
from alert_router.domain import notify_news, routes
from alert_router.domain.model import NOBODY, Alert, Announcement, CardState, ChannelName, Mentions
from alert_router.domain.notify_values import Posted, Reason, Situation
from alert_router.domain.routes import RoutePolicy
from alert_router.domain.severity import Severity
from alert_router.store import alerts as alert_rows
from alert_router.store import notify_state
from alert_router.store.card_state import Previous, Subject
from alert_router.store.digests import UnannouncedAlert


def policy_of(configuration: Configuration, alert: Alert, channel: ChannelName) -> RoutePolicy:
    """How people are notified of the alert in the channel."""
    return routes.target_in(configuration.route, channel, alert.labels).policy


def of_card(
    conn: sa.Connection,
    configuration: Configuration,
    subject: Subject,
    state: CardState,
    previous: Previous | None,
    now: datetime,
) -> Announcement:
    alert = alert_rows.by_id(conn, subject.mention_of) if subject.mention_of is not None else None
    mentions, silent = NOBODY, False
    # An escalation's channel may get a later message, which is that of its own route.
    escalates = subject.escalates if subject.reason == Reason.ESCALATION else None
    if alert is not None:
        mentions = _mentions(configuration, alert, subject.routed_to, escalates)
    if escalates is None and (worst := alert or next(iter(state.alerts), None)):
        silent = _is_silent(configuration, worst, subject.routed_to)
    return Announcement(
        Reason(subject.reason),
        news=_news(configuration, subject, state, alert, previous),
        previous_at=previous.posted_at if previous else None,
        mentions=mentions,
        silent=silent,
        at=now,
    )


def of_digest(
    configuration: Configuration,
    unannounced: Sequence[UnannouncedAlert],
    *,
    reason: Reason,
    previous_at: datetime | None,
    now: datetime,
) -> Announcement:
    """By the route of the worst alert that no message has announced. unannounced: worst first."""
    if not unannounced:
        return Announcement(reason, previous_at=previous_at, at=now)
    worst = unannounced[0]
    mentions = _mentions(configuration, worst.alert, worst.routed_to, worst.escalates)
    return Announcement(
        reason,
        news=tuple(member.alert.id for member in unannounced),
        previous_at=previous_at,
        mentions=mentions,
        silent=worst.escalates is None and _is_silent(configuration, worst.alert, worst.routed_to),
        at=now,
    )


def _mentions(
    configuration: Configuration, alert: Alert, channel: ChannelName, escalates: ChannelName | None
) -> Mentions:
    if escalates is not None:
        to = policy_of(configuration, alert, escalates).escalate_to
        return to.mentions if to else NOBODY
    return policy_of(configuration, alert, channel).mentions_for(Severity(alert.severity_rank))


def _is_silent(configuration: Configuration, alert: Alert, channel: ChannelName) -> bool:
    return policy_of(configuration, alert, channel).is_silent(Severity(alert.severity_rank))


def _news(
    configuration: Configuration,
    subject: Subject,
    state: CardState,
    alert: Alert | None,
    previous: Previous | None,
) -> tuple[int, ...]:
    """What no message has announced, worst first. alert: by whose route people are mentioned."""
    if alert is None:
        return ()
    posted = Posted(previous.posted_at, previous.revision, None) if previous else None
    situation = Situation(tuple(map(notify_state.episode_of, state.alerts)), posted)
    policy = policy_of(configuration, alert, subject.routed_to).notify
    return tuple(episode.id for episode in notify_news.unannounced(situation, policy))
