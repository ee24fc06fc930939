"""Checks that every incident's card and every digest shows the final state."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from testbed.faults import message_parser
from testbed.faults.message_parser import ParsedMessage
from testbed.faults.records import HistoryAlert, Records

GREEN = 0x30A46C
SIGNS = {"critical": "🔴", "warning": "🟡", "info": "🔵"}
WEIGHT = tuple(SIGNS)
REPLACED = "⤴️"


def findings(records: Records) -> Iterator[str]:
    for incident_id in records.tables.incidents:
        yield from (f"incident {incident_id}: {text}" for text in _of_incident(records, incident_id))
    for digest_id, card in records.digests.items():
        yield from (f"digest {digest_id}: {text}" for text in _of_digest(records, digest_id, card))


def with_own_card(records: Records) -> int:
    return sum(cards[-1].folded_into is None for cards in records.cards_of.values())


def _of_incident(records: Records, incident_id: int) -> Iterator[str]:
    cards = records.cards_of.get(incident_id, ())
    if not cards:
        yield "no card"
    newest = {card.channel: card for card in cards}
    for card in newest.values():
        if card.folded_into is not None:
            if card.folded_into not in records.digests:
                yield "folded into a digest that is not there"
        elif card.state != "delivered":
            yield f"its card is {card.state}: {card.error}"
    for card in cards:
        if card.message_id is not None:
            yield from _of_message(records, incident_id, card)


def _of_message(records: Records, incident_id: int, card: Any) -> Iterator[str]:
    """A message the router knows of shows the final state, or links to one that does."""
    message = records.messages.get(card.message_id)
    if message is None:
        yield f"Discord has no message {card.message_id}"
        return
    shown = message_parser.parse(message)
    firing = [alert for alert in records.alerts_of[incident_id] if _fires(records, alert)]
    if shown.moved and _is_superseded(records, incident_id, card):
        return
    if not records.alerts_of[incident_id]:
        yield f"all of its alerts moved to later incidents, and its message says {shown.title!r}"
    yield from _of_state(shown, firing)


def _fires(records: Records, alert: HistoryAlert) -> bool:
    return records.plan.truth[alert.key].ends_s is None


def _is_superseded(records: Records, incident_id: int, card: Any) -> bool:
    """By a newer generation, or by the group's next incident, that has a message."""
    token = records.group_of(incident_id).token
    return any(
        _has_message(records, other)
        and (other.incident_id, other.generation) > (incident_id, card.generation)
        and records.group_of(other.incident_id).token == token
        for other in records.tables.cards
        if other.incident_id is not None
    )


def _has_message(records: Records, card: Any) -> bool:
    """Its own or a digest's; either is checked by itself."""
    digest = records.digests.get(card.folded_into)
    return card.message_id is not None or (digest is not None and digest.message_id is not None)


def _of_state(shown: ParsedMessage, firing: list[HistoryAlert]) -> Iterator[str]:
    if not firing:
        if not shown.resolved or shown.color not in (None, GREEN):
            yield f"is resolved, and its message says {shown.title!r} in {shown.color}"
        return
    worst = min(firing, key=lambda alert: WEIGHT.index(alert.severity))
    if not shown.title.startswith(SIGNS[worst.severity]) or shown.firing != len(firing):
        yield f"{len(firing)} fire, the worst {worst.severity}, and its message says {shown.title!r}"
    if shown.color == GREEN:
        yield "fires, and its message is green"


def _of_digest(records: Records, digest_id: int, card: Any) -> Iterator[str]:
    message = records.messages.get(card.message_id or "")
    # One that ended a moment ago may be pending: what its message says must be right all the same.
    if card.state not in ("delivered", "pending") or message is None:
        yield f"its card is {card.state}: {card.error}"
        return
    shown = message_parser.parse(message)
    incidents = {card.incident_id for card in records.tables.cards if card.folded_into == digest_id}
    alerts = [alert for incident_id in incidents for alert in records.alerts_of[incident_id]]
    firing = [alert for alert in alerts if _fires(records, alert)]
    newest = max(other_id for other_id, other in records.digests.items() if other.channel == card.channel)
    if shown.title.startswith(REPLACED) and newest > digest_id and not firing:
        return  # a newer digest of the channel has taken over what fired
    if not shown.digest:
        yield f"its message says {shown.title!r}"
        return
    total = len(firing) or len(alerts)
    if shown.storm != (len(incidents), len(firing)) or f" {total} " not in shown.title:
        yield f"{len(incidents)} incidents, {len(firing)} of {len(alerts)} fire, and it says {shown.title!r}"
    yield from _of_counts(shown, alerts, firing)


def _of_counts(shown: ParsedMessage, alerts: list[HistoryAlert], firing: list[HistoryAlert]) -> Iterator[str]:
    all_alerts = Counter((alert.alertname, alert.severity) for alert in alerts)
    firing_alerts = Counter((alert.alertname, alert.severity) for alert in firing)
    for kind, shown_counts in shown.counts.items():
        actual = (firing_alerts[kind], all_alerts[kind] - firing_alerts[kind])
        if shown_counts != actual:
            yield f"{kind}: {actual} firing and resolved, and it says {shown_counts}"
