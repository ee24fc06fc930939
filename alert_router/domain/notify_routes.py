"""The notify rule where alerts of one incident come to a channel by several routes. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alert_router.domain import notify
from alert_router.domain.notify_values import Action, Decision, Episode, Quiet, Situation
from alert_router.domain.quiet_hours import QuietHours
from alert_router.domain.routes import RoutePolicy


@dataclass(frozen=True, slots=True)
class Group:
    """The episodes that come to the channel under one policy."""

    policy: RoutePolicy
    episodes: tuple[Episode, ...]


def grouped(episodes: Iterable[tuple[RoutePolicy, Episode]]) -> tuple[Group, ...]:
    policies: list[RoutePolicy] = []
    members: list[list[Episode]] = []
    for policy, episode in episodes:
        if policy not in policies:
            policies.append(policy)
            members.append([])
        members[policies.index(policy)].append(episode)
    return tuple(Group(policy, tuple(own)) for policy, own in zip(policies, members, strict=True))


def quiet_at(hours: QuietHours | None, now: datetime) -> Quiet:
    if hours is None:
        return Quiet()
    return Quiet(until=hours.until(now), passes=hours.passes, ended_at=hours.last_end(now))


def with_group(situation: Situation, group: Group, now: datetime) -> Situation:
    return replace(situation, episodes=group.episodes, quiet=quiet_at(group.policy.quiet_hours, now))


def decide(situation: Situation, groups: Sequence[Group], now: datetime) -> Decision:
    """Each group is decided by its own policy, and one message announces what is due in any of them.

    situation: without episodes and quiet hours, which are the groups'.
    """
    decisions = [_decide(situation, group, groups, now) for group in groups]
    creates = [decision for decision in decisions if decision.action is Action.CREATE]
    if not creates and not decisions:
        return notify.decide(situation, RoutePolicy().notify, now)
    chosen = _worst(creates, groups) if creates else _soonest(decisions)
    others = (id_ for decision in decisions if decision is not chosen for id_ in decision.news)
    return replace(chosen, news=(*chosen.news, *others))


def _decide(situation: Situation, group: Group, groups: Sequence[Group], now: datetime) -> Decision:
    policy = group.policy.notify
    if policy.notify_resolved and any(each.firing for other in groups for each in other.episodes):
        policy = replace(policy, notify_resolved=False)
    return notify.decide(with_group(situation, group, now), policy, now)


def _worst(creates: Sequence[Decision], groups: Sequence[Group]) -> Decision:
    """The one that mentions the worst episode."""
    severity = {episode.id: episode.severity for group in groups for episode in group.episodes}
    return max(creates, key=lambda decision: severity.get(decision.mention_of or 0, -1))


def _soonest(decisions: Sequence[Decision]) -> Decision:
    return min(decisions, key=lambda decision: (decision.due_at is None, decision.due_at or 0))
