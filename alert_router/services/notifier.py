"""Asks the notify rule about incidents, requests their cards, and stores what was decided and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice

import sqlalchemy as sa

from alert_router.config import Configuration
from alert_router.domain import digest_policy, notify_timing
from alert_router.domain.model import Alert, ChannelName, Incident, split_channels
from alert_router.domain.notify_values import Action, Decision, Reason
from alert_router.domain.severity import Severity
from alert_router.services.card_plan import CardPlan
from alert_router.services.incident_decisions import IncidentDecisions
from alert_router.services.unit_of_work import Touched
from alert_router.store import card_queue, digests, notify_state

BATCH = 200
"""How many incidents are read together."""


def notify_people(
    conn: sa.Connection,
    touched: Touched,
    configuration: Configuration,
    now: datetime,
    *,
    lost: Mapping[int, Sequence[ChannelName]] | None = None,
) -> int:
    """Request what the rule wants; how many new messages, of incidents that only time has changed.

    lost: by incident, the channels in which it is not shown any more.
    """
    plan = CardPlan(now)
    known = []
    for incident in touched.incidents:
        alerts = touched.new.get(incident.id, ())
        if not _request_first_cards(plan, incident, alerts, configuration):
            known.append(incident)
    if known:
        _decide(conn, plan, known, configuration, lost=lost or {})
    creates = plan.creates
    if touched.due:
        _decide(conn, plan, touched.due, configuration, lost=None)
    plan.save(conn)
    if known or touched.due:  # what has just been created is in no digest
        incident_ids = {incident_id for incident_id, _ in plan.requests}
        if incident_ids and (folded := card_queue.digests_of(conn, incident_ids)):
            digests.touch(conn, folded, now, every_s=digest_policy.EDIT_EVERY_S)
    return plan.creates - creates


def _request_first_cards(
    plan: CardPlan, incident: Incident, alerts: Sequence[Alert], configuration: Configuration
) -> bool:
    """Of an incident that this transaction created nothing needs to be read. False: ask the rule."""
    if not alerts or configuration.has_quiet_hours:
        return False
    for channel in split_channels(incident.channels):
        worst: Alert | None = None
        for alert in alerts:
            is_shown = alert.firing and f"|{channel}|" in alert.channels
            if is_shown and (worst is None or alert.severity_rank > worst.severity_rank):
                worst = alert
        critical = worst is not None and worst.severity_rank == Severity.CRITICAL
        decision = Decision(Action.CREATE, Reason.FIRST, mention_of=worst.id if worst else None)
        plan.create(incident, channel, decision, generation=1, critical=critical)
    return True


def _decide(
    conn: sa.Connection,
    plan: CardPlan,
    incidents: Sequence[Incident],
    configuration: Configuration,
    *,
    lost: Mapping[int, Sequence[ChannelName]] | None,
) -> None:
    """lost: None when nothing but time has changed, so that no card is edited."""
    window = max(notify_timing.HOUR, configuration.route.policy.notify.flap_window)
    rest = iter(incidents)
    while batch := list(islice(rest, BATCH)):
        states = notify_state.read(conn, [incident.id for incident in batch], plan.now - window)
        for incident in batch:
            decisions = IncidentDecisions(conn, plan, incident, states[incident.id], configuration)
            decisions.apply(edit=lost is not None, lost=(lost or {}).get(incident.id, ()))
