"""Does every card show the final state? Each incident's, one by one, and every digest's."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from testbed.faults import message_parser
from testbed.faults.message_parser import Shown
from testbed.faults.records import Evidence, Past

GREEN = 0x30A46C
SIGNS = {"critical": "🔴", "warning": "🟡", "info": "🔵"}
WEIGHT = tuple(SIGNS)


def findings(evidence: Evidence) -> Iterator[str]:
    for incident_id in evidence.tables.incidents:
        yield from (f"incident {incident_id}: {text}" for text in _of_incident(evidence, incident_id))
    for digest_id, card in evidence.digests.items():
        yield from (f"digest {digest_id}: {text}" for text in _of_digest(evidence, digest_id, card))


def told_singly(evidence: Evidence) -> int:
    return sum(cards[-1].folded_into is None for cards in evidence.cards_of.values())


def _of_incident(evidence: Evidence, incident_id: int) -> Iterator[str]:
    cards = evidence.cards_of.get(incident_id, ())
    current = [card for card in cards if card.generation == evidence.tables.incidents[incident_id].generation]
    if len(current) != 1:
        yield f"{len(current)} current cards"
        return
    if current[0].folded_into is not None:
        if current[0].folded_into not in evidence.digests:
            yield "folded into a digest that is not there"
    elif current[0].state != "delivered":
        yield f"its card is {current[0].state}: {current[0].error}"
    for card in cards:
        if card.message_id is not None:
            yield from _of_message(evidence, incident_id, card)


def _of_message(evidence: Evidence, incident_id: int, card: Any) -> Iterator[str]:
    """A message the router knows of shows the final state, or leads to one that does."""
    message = evidence.messages.get(card.message_id)
    if message is None:
        yield f"Discord has no message {card.message_id}"
        return
    shown = message_parser.of(message)
    firing = [one for one in evidence.alerts_of[incident_id] if _fires(evidence, one)]
    if shown.moved and _is_followed(evidence, incident_id, card):
        return
    if not evidence.alerts_of[incident_id]:
        yield f"all of it went on elsewhere, and its message says {shown.title!r}"
    yield from _of_state(shown, firing)


def _fires(evidence: Evidence, alert: Past) -> bool:
    return evidence.plan.truth[alert.key].ends_s is None


def _is_followed(evidence: Evidence, incident_id: int, card: Any) -> bool:
    """By a newer generation, or by the next incident of the group, that people were told of."""
    token = evidence.group_of(incident_id).token
    return any(
        _is_told(evidence, other)
        and (other.incident_id, other.generation) > (incident_id, card.generation)
        and evidence.group_of(other.incident_id).token == token
        for other in evidence.tables.cards
        if other.incident_id is not None
    )


def _is_told(evidence: Evidence, card: Any) -> bool:
    """By a message of its own or a digest's, which are examined for themselves."""
    digest = evidence.digests.get(card.folded_into)
    return card.message_id is not None or (digest is not None and digest.message_id is not None)


def _of_state(shown: Shown, firing: list[Past]) -> Iterator[str]:
    if not firing:
        if not shown.over or shown.color not in (None, GREEN):
            yield f"is over, and its message says {shown.title!r} in {shown.color}"
        return
    worst = min(firing, key=lambda alert: WEIGHT.index(alert.severity))
    if not shown.title.startswith(SIGNS[worst.severity]) or shown.firing != len(firing):
        yield f"{len(firing)} fire, {worst.severity} at worst, and its message says {shown.title!r}"
    if shown.color == GREEN:
        yield "fires, and its message is green"


def _of_digest(evidence: Evidence, digest_id: int, card: Any) -> Iterator[str]:
    message = evidence.messages.get(card.message_id or "")
    if card.state != "delivered" or message is None:
        yield f"its card is {card.state}: {card.error}"
        return
    shown = message_parser.of(message)
    if not shown.digest:
        yield f"its message says {shown.title!r}"
        return
    inside = {one.incident_id for one in evidence.tables.cards if one.folded_into == digest_id}
    alerts = [alert for incident_id in inside for alert in evidence.alerts_of[incident_id]]
    firing = [alert for alert in alerts if _fires(evidence, alert)]
    total = len(firing) or len(alerts)
    if shown.storm != (len(inside), len(firing)) or f" {total} " not in shown.title:
        yield f"{len(inside)} incidents, {len(firing)} of {len(alerts)} fire, and it says {shown.title!r}"
    yield from _of_counts(shown, alerts, firing)


def _of_counts(shown: Shown, alerts: list[Past], firing: list[Past]) -> Iterator[str]:
    every = Counter((alert.alertname, alert.severity) for alert in alerts)
    on = Counter((alert.alertname, alert.severity) for alert in firing)
    for kind, said in shown.counts.items():
        true = (on[kind], every[kind] - on[kind])
        if said != true:
            yield f"{kind} is {true} firing and over, and it says {said}"
