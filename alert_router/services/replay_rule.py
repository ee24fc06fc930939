"""Asks the notify rule on a simulated clock, and keeps the messages that it makes. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby

from alert_router.domain import notify, notify_news, notify_routes
from alert_router.domain.model import NOBODY, Mentions
from alert_router.domain.notify_routes import Group
from alert_router.domain.notify_timing import HOUR, is_audible_at
from alert_router.domain.notify_values import (
    Action,
    Decision,
    Episode,
    Posted,
    Quiet,
    Reason,
    Situation,
)
from alert_router.domain.quiet_hours import QuietHours
from alert_router.domain.severity import Severity
from alert_router.services import replay_waits
from alert_router.services.replay_history import History
from alert_router.services.replay_values import Incident, Message, Pair, Replay, Routed
from alert_router.store.past import PastTransition

NO_QUIET = Quiet()


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
            if episode.firing:
                pair.waiting |= {episode.severity}
        return True

    def _ask(self, incident: Incident, pair: Pair, now: datetime) -> None:
        pair.due_at = pair.escalation_due_at = None
        groups = _groups(pair)
        decision = self._decide(incident, pair, groups, now)
        if decision.action is Action.CREATE:
            self._announce(incident, pair, decision, now)
        else:
            pair.due_at = decision.due_at
            pair.waiting = frozenset(pair.episodes[id_].severity for id_ in decision.news)
        for group in groups:
            if group.policy.escalate_to is not None:
                self._escalate(incident, pair, group, now)

    def _decide(self, incident: Incident, pair: Pair, groups: Sequence[Group], now: datetime) -> Decision:
        if len(groups) != 1:
            return notify_routes.decide(self._situation(incident, pair, now), groups, now)
        [group] = groups
        if not pair.cards and any(not episode.suppressed for episode in group.episodes):
            return _first(pair, group, now)
        return notify.decide(self._situation(incident, pair, now, group), group.policy.notify, now)

    def _announce(self, incident: Incident, pair: Pair, decision: Decision, now: datetime) -> None:
        self._result.announced.update(
            id_
            for id_, episode in pair.episodes.items()
            if not (episode.suppressed or notify_news.is_shown(episode, pair.current))
        )
        pair.waiting = frozenset()
        pair.due_at = None if incident.acknowledged else _first_reminder(pair, now)
        self._post(
            incident, pair, decision, now, pair.episodes.values(), _mentions(pair, decision.mention_of)
        )

    def _escalate(self, incident: Incident, pair: Pair, group: Group, now: datetime) -> None:
        to, policy = group.policy.escalate_to, group.policy.notify
        if to is None or notify_news.worst_firing(group.episodes) is None:
            return
        lowest = Severity.WARNING if policy.renotify is None else policy.renotify
        other = incident.pair(to.channel)
        decision = notify.decide_escalation(
            self._situation(incident, other, now, group),
            policy,
            now,
            alarmed_at=pair.alarmed_at(incident.firing_since, lowest),
            escalated_at=pair.escalated_at,
        )
        if decision.due_at is not None:
            pair.escalation_due_at = min(pair.escalation_due_at or decision.due_at, decision.due_at)
        if decision.action is Action.CREATE:
            pair.escalated_at = now
            self._post(incident, other, decision, now, group.episodes, to.mentions)

    def _situation(
        self, incident: Incident, pair: Pair, now: datetime, group: Group | None = None
    ) -> Situation:
        return Situation(
            group.episodes if group else (),
            current=pair.current,
            recent=pair.recent(now, self._window),
            acknowledged=incident.acknowledged,
            quiet=_quiet(group.policy.quiet_hours, now) if group else NO_QUIET,
        )

    def _post(
        self,
        incident: Incident,
        pair: Pair,
        decision: Decision,
        now: datetime,
        episodes: Iterable[Episode],
        mentions: Mentions,
    ) -> None:
        worst = notify_news.worst_firing(episodes)
        severity = worst.severity if worst else None
        pair.cards.append(Posted(now, incident.revision, severity))
        self._result.messages.append(Message(now, pair.channel, decision.reason, severity, mentions))


def _groups(pair: Pair) -> tuple[Group, ...]:
    if pair.policy is not None:
        return (Group(pair.policy, tuple(pair.episodes.values())),)
    return notify_routes.grouped((pair.targets[id_].policy, each) for id_, each in pair.episodes.items())


def _first(pair: Pair, group: Group, now: datetime) -> Decision:
    """The rule's answer for an incident without a message: at once, but for quiet hours."""
    worst = notify_news.worst_firing(group.episodes)
    at = _audible_from(group.policy.quiet_hours, worst.severity if worst else None, now)
    if at > now:
        pair.is_held = True
        return Decision(Action.NONE, Reason.QUIET_HOURS, at)
    reason = Reason.QUIET_HOURS_OVER if pair.is_held else Reason.FIRST
    return Decision(Action.CREATE, reason, mention_of=worst.id if worst else None)


def _audible_from(quiet_hours: QuietHours | None, severity: Severity | None, at: datetime) -> datetime:
    quiet = _quiet(quiet_hours, at)
    return at if is_audible_at(quiet, severity, at) or quiet.until is None else quiet.until


def _matters(pair: Pair, episode: Episode) -> bool:
    """Whether the answer of the rule can be another one now that this episode has changed."""
    if not pair.cards:
        return True
    if episode.firing:
        return not (episode.suppressed or episode.severity in pair.waiting)
    is_over = not any(each.firing for each in pair.episodes.values())
    return is_over and pair.targets[episode.id].policy.notify.notify_resolved


def _mentions(pair: Pair, mention_of: int | None) -> Mentions:
    if mention_of is None:
        return NOBODY
    return pair.targets[mention_of].policy.mentions_for(pair.episodes[mention_of].severity)


def _first_reminder(pair: Pair, now: datetime) -> datetime | None:
    """No later than the rule would say: nothing else can come by time alone after a message."""
    spans = (
        pair.targets[episode.id].policy.notify.remind_every.get(episode.severity)
        for episode in notify_news.audible(pair.episodes.values())
    )
    shortest = min(filter(None, spans), default=None)
    return None if shortest is None else now + shortest


def _next_due(incident: Incident) -> tuple[datetime, Pair] | None:
    soonest: tuple[datetime, Pair] | None = None
    for pair in incident.pairs.values():
        at = pair.next_due
        if at is not None and (soonest is None or at < soonest[0]):
            soonest = at, pair
    return soonest


def _quiet(quiet_hours: QuietHours | None, now: datetime) -> Quiet:
    if quiet_hours is None:
        return NO_QUIET
    minute = int(now.timestamp()) // 60
    return _quiet_all_hour(quiet_hours, minute // 60) or _quiet_at(quiet_hours, minute)


@lru_cache(maxsize=10_000)
def _quiet_all_hour(quiet_hours: QuietHours, hour: int) -> Quiet | None:
    """None where it changes within the hour. hour: since 1970."""
    quiet = _quiet_at(quiet_hours, hour * 60)
    return quiet if quiet == _quiet_at(quiet_hours, hour * 60 + 59) else None


@lru_cache(maxsize=100_000)
def _quiet_at(quiet_hours: QuietHours, minute: int) -> Quiet:
    """Quiet hours begin and end at whole minutes. minute: since 1970."""
    return notify_routes.quiet_at(quiet_hours, datetime.fromtimestamp(minute * 60, UTC))
