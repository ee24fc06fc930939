"""What a transaction writes about cards: collected first, so that each kind is one statement."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alert_router.domain.model import ChannelName, Incident
from alert_router.domain.notify_values import Decision
from alert_router.store import card_queue
from alert_router.store.card_queue import CardRequest, HeldCard
from alert_router.store.decisions import DecisionRow

FLAPPING = 5
"""After this many reopenings an incident's card changes less often..."""
FLAPPING_EDIT_S = 60.0
"""...because its changes are gathered for this long."""


@dataclass(slots=True)
class CardPlan:
    now: datetime
    requests: dict[tuple[int, ChannelName], CardRequest] = field(default_factory=dict)
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
        self.requests[incident.id, channel] = CardRequest(
            incident_id=incident.id,
            channel=channel,
            generation=generation,
            create_priority=card_queue.NEW_CRITICAL if critical else card_queue.NEW,
            edit_priority=card_queue.EDIT,
            requested_at=self.now,
            edit_at=self.now,
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
        self.requests[incident.id, channel] = CardRequest(
            incident_id=incident.id,
            channel=channel,
            generation=generation,
            create_priority=card_queue.NEW_CRITICAL if critical else card_queue.NEW,
            edit_priority=card_queue.EDIT if firing else card_queue.RESOLVE,
            requested_at=self.now,
            edit_at=self.now + timedelta(seconds=delay_s),
            mention_of=mention_of,
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
