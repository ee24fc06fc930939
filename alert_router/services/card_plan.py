"""What a transaction writes about cards: collected first, so that each kind is one statement."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import ChannelName, Incident
from alert_router.domain.notify_values import Decision
from alert_router.store import card_queue, decisions
from alert_router.store.card_queue import CardEdit, HeldCard, NewCard
from alert_router.store.decisions import DecisionRow

FLAPPING = 5
"""After this many reopenings an incident's card changes less often..."""
FLAPPING_EDIT_S = 60.0
"""...because its changes are gathered for this long."""


@dataclass(slots=True)
class CardPlan:
    now: datetime
    requests: dict[tuple[int, ChannelName], NewCard | CardEdit] = field(default_factory=dict)
    held: list[HeldCard] = field(default_factory=list)
    moments: list[tuple[int, datetime | None]] = field(default_factory=list)
    """Card id, and when the rule is asked again."""
    decisions: list[DecisionRow] = field(default_factory=list)
    creates: int = 0

    def create(
        self,
        incident: Incident,
        channel: ChannelName,
        decision: Decision,
        *,
        generation: int,
        critical: bool,
        escalates: ChannelName | None = None,
    ) -> None:
        self.creates += 1
        self.requests[incident.id, channel] = NewCard(
            incident_id=incident.id,
            channel=channel,
            generation=generation,
            priority=card_queue.NEW_CRITICAL if critical else card_queue.NEW,
            due_at=self.now,
            waiting_since=self.now,
            created_at=self.now,
            reason=decision.reason,
            mention_of=decision.mention_of,
            escalates=escalates,
        )
        self.record(incident, channel, decision, generation)

    def edit(
        self,
        incident: Incident,
        channel: ChannelName,
        *,
        generation: int,
        critical: bool,
        firing: bool,
        mention_of: int | None = None,
    ) -> None:
        """Show the present state in the newest card. critical, mention_of: of one that is not sent yet."""
        delay_s = FLAPPING_EDIT_S if incident.flaps >= FLAPPING else 0.0
        self.requests[incident.id, channel] = CardEdit(
            of_incident=incident.id,
            of_channel=channel,
            of_generation=generation,
            create_priority=card_queue.NEW_CRITICAL if critical else card_queue.NEW,
            edit_priority=card_queue.EDIT if firing else card_queue.RESOLVE,
            now=self.now,
            edit_at=self.now + timedelta(seconds=delay_s),
            mention=mention_of,
        )

    def record(
        self, incident: Incident, channel: ChannelName, decision: Decision, generation: int | None
    ) -> None:
        self.decisions.append(
            DecisionRow(
                incident_id=incident.id,
                channel=channel,
                at=self.now,
                action=decision.action,
                reason=decision.reason,
                due_at=decision.due_at,
                generation=generation,
            )
        )

    def save(self, conn: sa.Connection) -> None:
        by_kind: dict[type, list[Any]] = {NewCard: [], CardEdit: []}
        for request in self.requests.values():
            by_kind[type(request)].append(request)
        if new := by_kind[NewCard]:
            card_queue.create(conn, new)
        if edits := by_kind[CardEdit]:
            card_queue.edit(conn, edits)
        if self.held:
            card_queue.hold(conn, self.held)
        if self.moments:
            card_queue.decide_at(conn, self.moments)
        decisions.append(conn, self.decisions)
