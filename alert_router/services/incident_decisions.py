"""What the notify rule decides about one incident, in each of its channels."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from alert_router.config import Configuration
from alert_router.domain import notify, notify_news, notify_routes, routes
from alert_router.domain.model import ChannelName, Incident, split_channels
from alert_router.domain.notify_routes import Group
from alert_router.domain.notify_values import Action, Decision, Episode, Reason, Situation
from alert_router.domain.severity import Severity
from alert_router.services.card_plan import CardPlan
from alert_router.store import notify_state
from alert_router.store.card_queue import HeldCard, NewCard
from alert_router.store.notify_state import Card, Member, State


@dataclass(slots=True)
class IncidentDecisions:
    conn: sa.Connection
    plan: CardPlan
    incident: Incident
    state: State
    configuration: Configuration
    _again_at: dict[int, datetime] = field(default_factory=dict)
    """Card id, and when the rule must be asked again because of its channel."""

    def apply(self, *, edit: bool, lost: Sequence[ChannelName] = ()) -> None:
        """edit: something has changed, so its cards must show it.

        lost: the channels that it is not shown in any more.
        """
        channels = self._channels()
        groups = {channel: self._groups(channel) for channel in channels}
        for channel, own in groups.items():
            self._apply(channel, own, edit=edit)
        for channel in (*self._escalated_to(channels), *lost) if edit else ():
            self._edit(channel, ())
        for channel, own in groups.items():
            for group in own:
                self._escalate(channel, group)
        self._save_moments()

    def _channels(self) -> tuple[ChannelName, ...]:
        """Without routes, from before there were any: where its cards are."""
        return split_channels(self.incident.channels) or tuple(self.state.cards)

    def _escalated_to(self, channels: Sequence[ChannelName]) -> Iterator[ChannelName]:
        for channel, cards in self.state.cards.items():
            if channel not in channels and cards[0].escalates:
                yield channel

    def _groups(self, channel: ChannelName) -> tuple[Group, ...]:
        return groups_of(self.state.members, channel, self.configuration)

    def _apply(self, channel: ChannelName, groups: Sequence[Group], *, edit: bool) -> None:
        decision = notify_routes.decide(self._situation(channel), groups, self.plan.now)
        episodes = [episode for group in groups for episode in group.episodes]
        newest = self._newest(channel)
        if decision.action is Action.CREATE:
            self._create(channel, decision, episodes)
            return
        if newest is None:
            if episodes:
                self._hold(channel, decision)
            return
        self._record_if_new(channel, newest, decision)
        if decision.due_at is not None:
            self._ask_again(newest, decision.due_at)
        if edit and not newest.is_held:
            self._edit(channel, episodes, mention_of=next(iter(decision.news), None))

    def _situation(self, channel: ChannelName) -> Situation:
        """Without episodes and quiet hours."""
        cards = self.state.cards.get(channel, ())
        posted = [card.posted for card in cards if card.posted is not None]
        return Situation(
            episodes=(),
            current=posted[0] if posted else None,
            recent=tuple(posted),
            pending=bool(cards) and cards[0].is_unsent,
            acknowledged=self.incident.acknowledged_at is not None,
        )

    def _newest(self, channel: ChannelName) -> Card | None:
        return next(iter(self.state.cards.get(channel, ())), None)

    def _create(
        self,
        channel: ChannelName,
        decision: Decision,
        episodes: Sequence[Episode],
        escalates: ChannelName | None = None,
    ) -> None:
        newest = self._newest(channel)
        generation = 1 if newest is None else newest.generation + (not newest.is_held)
        if escalates is None and newest is not None:
            escalates = _channel(newest.escalates)
        self.plan.create(
            self.incident,
            channel,
            decision,
            generation=generation,
            critical=_is_critical(episodes),
            escalates=escalates,
        )

    def _hold(self, channel: ChannelName, decision: Decision) -> None:
        now = self.plan.now
        moment = notify_state.decide_at(decision.due_at, now)
        self.plan.held.append(HeldCard(self.incident.id, channel, created_at=now, decide_at=moment))
        self.plan.record(self.incident, channel, decision, None)

    def _edit(self, channel: ChannelName, episodes: Sequence[Episode], mention_of: int | None = None) -> None:
        newest = self._newest(channel)
        if newest is None or newest.is_held or channel not in self.configuration.channels:
            return
        self.plan.edit(
            self.incident,
            channel,
            generation=newest.generation,
            critical=_is_critical(episodes),
            firing=any(episode.firing for episode in episodes),
            mention_of=mention_of if newest.is_unsent else None,
        )

    def _escalate(self, channel: ChannelName, group: Group) -> None:
        """In the channel of escalate_to, once nobody has acknowledged what fires here."""
        to, policy, now = group.policy.escalate_to, group.policy.notify, self.plan.now
        newest = self._newest(channel)
        if to is None or newest is None or notify_news.worst_firing(group.episodes) is None:
            return
        decision = notify.decide_escalation(
            notify_routes.with_group(self._situation(to.channel), group, now),
            policy,
            now,
            alarmed_at=notify_state.first_alarm(
                self.conn,
                self.incident.id,
                channel,
                since=self.incident.firing_since or self.incident.opened_at,
                lowest=Severity.WARNING if policy.renotify is None else policy.renotify,
            ),
            escalated_at=notify_state.last_escalation(self.conn, self.incident.id, channel),
        )
        if decision.due_at is not None:
            self._ask_again(newest, decision.due_at)
        request = self.plan.requests.get((self.incident.id, to.channel))
        present = self._newest(to.channel)
        is_requested = isinstance(request, NewCard) and (
            present is None or request.generation > present.generation
        )
        if decision.action is Action.CREATE and not is_requested:
            self._create(to.channel, decision, group.episodes, escalates=channel)

    def _record_if_new(self, channel: ChannelName, newest: Card, decision: Decision) -> None:
        last = (newest.last_action, newest.last_reason, newest.last_due_at)
        if decision.reason is not Reason.PENDING and last != (
            decision.action,
            decision.reason,
            decision.due_at,
        ):
            self.plan.record(self.incident, channel, decision, None)

    def _ask_again(self, newest: Card, at: datetime) -> None:
        self._again_at[newest.id] = min(at, self._again_at.get(newest.id, at))

    def _save_moments(self) -> None:
        """Each card that waits for a moment which has no meaning any more waits no longer."""
        for cards in self.state.cards.values():
            for card in cards:
                due_at = self._again_at.get(card.id)
                moment = notify_state.decide_at(due_at, self.plan.now, before=card.decide_at)
                if moment != card.decide_at:
                    self.plan.moments.append((card.id, moment))


def groups_of(
    members: Iterable[Member], channel: ChannelName, configuration: Configuration
) -> tuple[Group, ...]:
    """The episodes that are shown in the channel, by the policies of their routes."""
    own = [member for member in members if member.is_in(channel)]
    root = configuration.route
    if not root.routes:
        return (Group(root.policy, tuple(member.episode for member in own)),)
    return notify_routes.grouped(
        (routes.target_in(root, channel, member.labels).policy, member.episode) for member in own
    )


def _is_critical(episodes: Sequence[Episode]) -> bool:
    worst = notify_news.worst_firing(episodes)
    return worst is not None and worst.severity == Severity.CRITICAL


def _channel(name: str | None) -> ChannelName | None:
    return ChannelName(name) if name else None
