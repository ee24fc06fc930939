"""The notify rule: when an incident gets a new message in a channel, because an edit notifies nobody. Pure.

Level-triggered: a decision is a function of what is stored now, whatever happened in between, so it may be
taken as often as one likes, by any router.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from alert_router.domain import notify_news as news
from alert_router.domain import notify_timing as timing
from alert_router.domain.notify_timing import Candidate
from alert_router.domain.notify_values import (
    Action,
    Beginning,
    Decision,
    Episode,
    Policy,
    Posted,
    Reason,
    Situation,
)
from alert_router.domain.severity import Severity

_Unannounced = tuple[Episode, ...]


def decide(situation: Situation, policy: Policy, now: datetime) -> Decision:
    """Whether the incident gets a new message in the channel now, and why (not).

    Ask whenever an episode, the acknowledgement, a card or the configuration changed, and at due_at.
    """
    situation = timing.without_future(situation, now)
    unannounced = news.unannounced(situation, policy)
    ids = tuple(episode.id for episode in unannounced)
    if situation.pending:
        return Decision(Action.NONE, Reason.PENDING, news=ids)

    def ready(at: datetime) -> Candidate | None:
        candidates = _candidates(situation, policy, unannounced, at)
        return next((each for each in candidates if timing.admits(situation, each, at)), None)

    candidate = ready(now)
    if candidate is not None:
        reason = _reason_for(candidate, situation, now)
        mention_of = _mention_of(candidate, situation, unannounced)
        return Decision(Action.CREATE, reason, news=ids, mention_of=mention_of)
    action = Action.EDIT if situation.current else Action.NONE
    due_at = timing.first(timing.moments(situation, policy), now, lambda at: ready(at) is not None)
    return Decision(action, _reason_against(situation, policy, unannounced, now), due_at, ids)


def decide_escalation(
    situation: Situation,
    policy: Policy,
    now: datetime,
    *,
    alarmed_at: datetime | None,
    escalated_at: datetime | None,
) -> Decision:
    """Whether the incident is escalated now: a create in the channel of `escalate_to`.

    situation: of that channel, with the episodes of the route that escalates.
    alarmed_at: when the route's own channel first posted, since the incident last opened or reopened, a card
    with a firing episode at or above `renotify`; None: not yet. escalated_at: the last escalation.
    """
    situation = timing.without_future(situation, now)
    worst = news.worst_firing(situation.episodes)
    lowest = Severity.WARNING if policy.renotify is None else policy.renotify
    if policy.escalate_after is None or alarmed_at is None or worst is None or worst.severity < lowest:
        return Decision(Action.NONE, Reason.NOT_ESCALATED)
    if situation.acknowledged:
        return Decision(Action.NONE, Reason.ACKNOWLEDGED)
    if escalated_at is not None and escalated_at >= alarmed_at:
        return Decision(Action.NONE, Reason.ESCALATED)
    if situation.pending:
        return Decision(Action.NONE, Reason.PENDING)
    start = _escalation_start(alarmed_at + policy.escalate_after, escalated_at)
    return _escalation(situation, worst, now, start=start)


def explain(
    decision: Decision, time_words: Callable[[datetime], str] = "{:%Y-%m-%d %H:%M:%S} UTC".format
) -> str:
    """One sentence for the question "why did I (not) get a message?"."""
    words = decision.reason.words
    if decision.action is Action.CREATE:
        return f"New message: {words}."
    if decision.due_at is None:
        return f"No new message: {words}."
    return f"No new message before {time_words(decision.due_at)}: {words}."


def _candidates(
    situation: Situation, policy: Policy, unannounced: _Unannounced, at: datetime
) -> Iterator[Candidate]:
    """The messages that may be made once their waits are over, the most important first."""
    if situation.current is None:
        yield from _first_message(situation)
        return
    creates = timing.creates_within(situation.recent, policy.flap_window, at)
    announced = _worst_announced(situation, policy, at)
    yield from _announcements(situation, policy, unannounced, creates=creates, announced=announced)
    yield from _reminders(situation, policy, creates)
    yield from _resolution(situation, situation.current, policy, creates)


def _first_message(situation: Situation) -> Iterator[Candidate]:
    """Whatever its severity, even if it is over; but what fires silenced is shown by no new message."""
    if any(not episode.suppressed for episode in situation.episodes):
        worst = news.worst_firing(situation.episodes)
        severity = worst.severity if worst else None
        yield Candidate(Reason.FIRST, severity, timing.NO_WAIT, timing.HOURLY_LIMIT, worst)


def _announcements(
    situation: Situation,
    policy: Policy,
    unannounced: _Unannounced,
    *,
    creates: int,
    announced: Severity | None,
) -> Iterator[Candidate]:
    for episode in news.one_of_each_severity(news.renotified(unannounced, policy)):
        base = policy.renotify_after.get(episode.severity)
        if base is None:
            continue
        severity, limit = episode.severity, timing.hourly_limit(episode.severity)
        if announced is None or severity > announced:
            yield Candidate(Reason.WORSE, severity, timing.NO_WAIT, limit, episode)
        wait = timing.renotify_wait(base, creates, acknowledged=situation.acknowledged)
        yield Candidate(_news_reason(episode, situation), severity, wait, limit, episode)


def _reminders(situation: Situation, policy: Policy, creates: int) -> Iterator[Candidate]:
    if situation.acknowledged:
        return
    for episode in news.one_of_each_severity(news.audible(situation.episodes)):
        every = policy.remind_every.get(episode.severity)
        if every is not None:
            base = policy.renotify_after.get(episode.severity) or timing.OTHER_AFTER
            wait = max(every, timing.renotify_wait(base, creates, acknowledged=False))
            yield Candidate(Reason.REMINDER, episode.severity, wait, timing.LOWEST_LIMIT, episode)


def _resolution(situation: Situation, current: Posted, policy: Policy, creates: int) -> Iterator[Candidate]:
    if policy.notify_resolved and current.severity is not None and news.is_over(situation):
        wait = timing.renotify_wait(timing.OTHER_AFTER, creates, acknowledged=False)
        yield Candidate(Reason.RESOLVED, None, wait, timing.LOWEST_LIMIT)


def _worst_announced(situation: Situation, policy: Policy, at: datetime) -> Severity | None:
    """By every create of the flap window: by the current one alone, a flapper would always be worse."""
    cards = [card for card in situation.recent if card.at > at - policy.flap_window]
    shown = [card.severity for card in (situation.current, *cards) if card is not None]
    return max((severity for severity in shown if severity is not None), default=None)


def _news_reason(episode: Episode, situation: Situation) -> Reason:
    if episode.beginning is Beginning.UNSUPPRESSED:
        return Reason.UNSUPPRESSED
    before = any(other.series == episode.series and other.id < episode.id for other in situation.episodes)
    again = before or episode.beginning is Beginning.REOPENED
    return Reason.FIRES_AGAIN if again else Reason.NEW_ALERTS


def _reason_for(candidate: Candidate, situation: Situation, now: datetime) -> Reason:
    announces = candidate.reason not in (Reason.REMINDER, Reason.RESOLVED)
    held = announces and _was_held(candidate, situation, now)
    return Reason.QUIET_HOURS_OVER if held else candidate.reason


def _was_held(candidate: Candidate, situation: Situation, now: datetime) -> bool:
    """Whether it waited for the end of the quiet hours."""
    ended_at = situation.quiet.ended_at
    if ended_at is None or ended_at > now or timing.passes(situation.quiet, candidate.severity):
        return False
    if situation.current is not None and situation.current.at >= ended_at:
        return False
    episodes = (candidate.episode,) if candidate.episode else situation.episodes
    return any(episode.counts_since < ended_at for episode in episodes)


def _mention_of(candidate: Candidate, situation: Situation, unannounced: _Unannounced) -> int | None:
    """Of the worst that is new; of the worst that fires where nothing is."""
    if unannounced and candidate.reason is not Reason.REMINDER:
        return unannounced[0].id
    worst = news.worst_firing(situation.episodes)
    return worst.id if worst else None


def _reason_against(situation: Situation, policy: Policy, unannounced: _Unannounced, now: datetime) -> Reason:
    """Why there is no message now, where no candidate is ready."""
    if not situation.episodes:
        return Reason.NO_ALERTS
    candidate = next(_candidates(situation, policy, unannounced, now), None)
    if candidate is not None and candidate.reason is not Reason.REMINDER:
        return _reason_to_wait(situation, candidate, now)
    if news.is_over(situation) and situation.current is not None:
        return Reason.OVER
    if news.worst_firing(situation.episodes) is None:
        return Reason.SUPPRESSED
    if unannounced:
        return Reason.NEVER_AGAIN if news.renotified(unannounced, policy) else Reason.BELOW_RENOTIFY
    shown = (news.is_shown(episode, situation.current) for episode in news.audible(situation.episodes))
    return Reason.ANNOUNCED if all(shown) else Reason.SAME_TROUBLE


def _reason_to_wait(situation: Situation, candidate: Candidate, now: datetime) -> Reason:
    if not timing.is_audible_at(situation.quiet, candidate.severity, now):
        return Reason.QUIET_HOURS
    if not timing.is_within_limit(situation, candidate, now):
        return Reason.HOURLY_LIMIT
    return Reason.WAITING_ACKNOWLEDGED if situation.acknowledged else Reason.WAITING


def _escalation_start(start: datetime, escalated_at: datetime | None) -> datetime:
    """An incident that flaps escalates once an hour."""
    return start if escalated_at is None else max(start, escalated_at + timing.HOUR)


def _escalation(situation: Situation, worst: Episode, now: datetime, *, start: datetime) -> Decision:
    limit = timing.hourly_limit(worst.severity)
    candidate = Candidate(Reason.ESCALATION, worst.severity, timing.NO_WAIT, limit, worst)

    def ready(at: datetime) -> bool:
        return at >= start and timing.admits(situation, candidate, at)

    if ready(now):
        return Decision(Action.CREATE, Reason.ESCALATION, mention_of=worst.id)
    moments = {start, *timing.quiet_and_limit_moments(situation)}
    return Decision(Action.NONE, Reason.NOT_ESCALATED, timing.first(moments, now, ready))
