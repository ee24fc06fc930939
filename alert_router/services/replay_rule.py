"""Asks the notify rule on a simulated clock, and keeps the messages that it makes. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby

from alert_router.domain import notify, notify_news
from alert_router.domain.model import NOBODY, Mentions
from alert_router.domain.notify_timing import HOUR, is_audible_at
from alert_router.domain.notify_values import (
    Action,
    Decision,
    Episode,
    Policy,
    Posted,
    Quiet,
    Reason,
    Situation,
)
from alert_router.domain.quiet_hours import QuietHours
from alert_router.domain.routes import Target
from alert_router.domain.severity import Severity
from alert_router.services import replay_waits
from alert_router.services.replay_history import History
from alert_router.services.replay_values import Incident, Message, Pair, Replay, Routed
from alert_router.store.past import PastTransition


class ReplayedGroup:
    """The incidents of one group of alerts, one after the other."""

    def __init__(self, routed: Mapping[int, Routed], result: Replay, *, flap_window: timedelta) -> None:
        self._history = History(routed, flap_window)
        self._result = result
        self._window = max(HOUR, flap_window)

    def run(self, transitions: Sequence[PastTransition], until: datetime) -> None:
        now = transitions[0].at
        for at, batch in groupby(transitions, key=lambda transition: transition.at):
            now = max(now, at)
            self._advance(now)
            self._apply(batch, now)
        self._advance(until)

    def _apply(self, batch: Iterator[PastTransition], now: datetime) -> None:
        """What was recorded at one moment came in one request: the rule is asked once, after all of it."""
        changed: dict[int, tuple[Incident, Pair, list[Episode]]] = {}
        for transition in batch:
            incident = self._history.apply(transition, now)
            for pair in incident.pairs.values() if incident else ():
                episode = pair.episodes.get(transition.alert_id)
                if incident and episode is not None and _matters(pair, episode):
                    changed.setdefault(id(pair), (incident, pair, []))[2].append(episode)
        for touched, pair, episodes in changed.values():
            if not self._may_wait(touched, pair, episodes, now):
                self._ask(touched, pair, now)

    def _advance(self, until: datetime) -> None:
        """Ask at every moment that is due before."""
        incidents = self._history.incidents
        for incident in incidents:
            while (due := _next_due(incident)) is not None and due[0] < until:
                at, pair = due
                self._ask(incident, pair, at)
        if len(incidents) > 1:
            incidents[:-1] = [incident for incident in incidents[:-1] if _next_due(incident)]

    def _may_wait(self, incident: Incident, pair: Pair, episodes: Sequence[Episode], now: datetime) -> bool:
        """Whether the rule need not be asked before the pair is due. Asking it is what takes time."""
        policy = pair.policy
        if policy is None or not pair.cards or not all(episode.firing for episode in episodes):
            return False
        cards = pair.recent(now, self._window) or pair.cards[-1:]
        for episode in episodes:
            at = replay_waits.earliest(episode, cards, policy.notify, now, acknowledged=incident.acknowledged)
            if at is not None and at <= now:
                return False
            if at is not None:
                at = _audible_from(policy.quiet_hours, episode.severity, at)
                pair.due_at = min(pair.due_at or at, at)
            pair.waiting |= {episode.severity}
        return True

    def _ask(self, incident: Incident, pair: Pair, now: datetime) -> None:
        pair.due_at = pair.escalation_due_at = None
        target = _target(pair)
        decision = self._decide(incident, pair, target, now)
        if decision.action is Action.CREATE:
            self._post(incident, pair, target, decision, now)
        else:
            pair.due_at = decision.due_at
            pair.waiting = frozenset(pair.episodes[id_].severity for id_ in decision.news)
        self._ask_escalation(incident, pair, target, now)

    def _decide(self, incident: Incident, pair: Pair, target: Target, now: datetime) -> Decision:
        if not pair.cards and any(not episode.suppressed for episode in pair.episodes.values()):
            return _first(pair, target, now)
        situation = self._situation(incident, pair, target, now)
        return notify.decide(situation, target.policy.notify, now)

    def _post(
        self, incident: Incident, pair: Pair, target: Target, decision: Decision, now: datetime
    ) -> None:
        worst = notify_news.worst_firing(pair.episodes.values())
        self._result.announced.update(
            id_
            for id_, episode in pair.episodes.items()
            if not episode.suppressed and _is_news(episode, pair)
        )
        pair.cards.append(Posted(now, incident.revision, worst.severity if worst else None))
        pair.waiting = frozenset()
        policy = target.policy.notify
        if worst and pair.alarmed_at is None and worst.severity >= (policy.renotify or Severity.WARNING):
            pair.alarmed_at = now
        if not incident.acknowledged:
            pair.due_at = _first_reminder(pair, policy, now)
        mentions = _mentions(pair, decision.mention_of)
        self._record(pair, target, decision, now, mentions=mentions)

    def _ask_escalation(self, incident: Incident, pair: Pair, target: Target, now: datetime) -> None:
        escalation = target.policy.escalate_to
        if escalation is None or pair.alarmed_at is None:
            return
        other = incident.pair(escalation.channel)
        situation = replace(
            self._situation(incident, other, target, now), episodes=tuple(pair.episodes.values())
        )
        decision = notify.decide_escalation(
            situation,
            target.policy.notify,
            now,
            alarmed_at=pair.alarmed_at,
            escalated_at=pair.escalated_at,
        )
        pair.escalation_due_at = decision.due_at
        if decision.action is Action.CREATE:
            worst = notify_news.worst_firing(situation.episodes)
            pair.escalated_at = now
            other.cards.append(Posted(now, incident.revision, worst.severity if worst else None))
            self._record(other, target, decision, now, mentions=escalation.mentions)

    def _situation(self, incident: Incident, pair: Pair, target: Target, now: datetime) -> Situation:
        return Situation(
            tuple(pair.episodes.values()),
            current=pair.current,
            recent=pair.recent(now, self._window),
            acknowledged=incident.acknowledged,
            quiet=_quiet(target.policy.quiet_hours, now),
        )

    def _record(
        self, pair: Pair, target: Target, decision: Decision, now: datetime, *, mentions: Mentions
    ) -> None:
        severity = pair.cards[-1].severity
        self._result.messages.append(Message(now, pair.channel, target, decision.reason, severity, mentions))


def _first(pair: Pair, target: Target, now: datetime) -> Decision:
    """The rule's answer for an incident without a message, which it has at once but for quiet hours."""
    worst = notify_news.worst_firing(pair.episodes.values())
    at = _audible_from(target.policy.quiet_hours, worst.severity if worst else None, now)
    if at > now:
        pair.is_held = True
        return Decision(Action.NONE, Reason.QUIET_HOURS, at)
    reason = Reason.QUIET_HOURS_OVER if pair.is_held else Reason.FIRST
    return Decision(Action.CREATE, reason, mention_of=worst.id if worst else None)


def _audible_from(quiet_hours: QuietHours | None, severity: Severity | None, at: datetime) -> datetime:
    quiet = _quiet(quiet_hours, at)
    return at if is_audible_at(quiet, severity, at) or quiet.until is None else quiet.until


def _is_news(episode: Episode, pair: Pair) -> bool:
    return not notify_news.is_shown(episode, pair.current)


def _matters(pair: Pair, episode: Episode) -> bool:
    """Whether the answer of the rule can be another one now that this episode has changed."""
    if not pair.cards:
        return True
    if episode.firing:
        return not (episode.suppressed or episode.severity in pair.waiting)
    is_over = not any(each.firing for each in pair.episodes.values())
    return is_over and pair.targets[episode.id].policy.notify.notify_resolved


def _target(pair: Pair) -> Target:
    """Of the worst that is new, else of the worst that fires, else of the newest."""
    audible = notify_news.audible(pair.episodes.values())
    news = (episode for episode in audible if _is_news(episode, pair))
    chosen = next(news, None) or next(iter(audible), None) or max(pair.episodes.values(), key=_by_age)
    return pair.targets[chosen.id]


def _by_age(episode: Episode) -> int:
    return episode.id


def _mentions(pair: Pair, mention_of: int | None) -> Mentions:
    if mention_of is None:
        return NOBODY
    return pair.targets[mention_of].policy.mentions_for(pair.episodes[mention_of].severity)


def _first_reminder(pair: Pair, policy: Policy, now: datetime) -> datetime | None:
    """No later than the rule would say: nothing else can come by time alone after a message."""
    severities = {episode.severity for episode in notify_news.audible(pair.episodes.values())}
    spans = [policy.remind_every[severity] for severity in severities if severity in policy.remind_every]
    return now + min(spans) if spans else None


def _next_due(incident: Incident) -> tuple[datetime, Pair] | None:
    due = (
        (at, pair)
        for pair in incident.pairs.values()
        for at in (pair.due_at, pair.escalation_due_at)
        if at is not None and pair.episodes
    )
    return min(due, key=lambda item: item[0], default=None)


def _quiet(quiet_hours: QuietHours | None, now: datetime) -> Quiet:
    if quiet_hours is None:
        return Quiet()
    return _quiet_in_minute(quiet_hours, now.replace(second=0, microsecond=0))


@lru_cache(maxsize=100_000)
def _quiet_in_minute(quiet_hours: QuietHours, minute: datetime) -> Quiet:
    """Quiet hours begin and end at whole minutes."""
    return Quiet(quiet_hours.until(minute), quiet_hours.passes, quiet_hours.last_end(minute))
