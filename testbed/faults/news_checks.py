"""Checks for whoever reads only new messages, because an edit notifies nobody.

Times are the fake Discord's, those of the webhooks too; the router's clock is stepped by the campaign.
"""

from collections.abc import Iterator, Sequence

from alert_router.domain import notify_timing
from testbed.faults import channels, create_checks
from testbed.faults.channels import Channel
from testbed.faults.create_checks import DIGEST
from testbed.faults.records import Records
from testbed.faults.scenarios import Episode, Group
from testbed.faults.senders import Sent, SentTimes

HOUR_S = 3600.0
GRACE_S = 40.0
"""How late the rule is asked at most: the database is locked, the router down, the clock set back."""


def findings(records: Records, sent: Sent) -> Iterator[str]:
    yield from misrouted(records)
    yield from unannounced(records, sent)
    yield from over_hourly_limit(records)


def misrouted(records: Records) -> Iterator[str]:
    """Every card and every message is in its route's channel and in no other."""
    for card in records.tables.cards:
        if card.incident_id is not None:
            group = records.group_of(card.incident_id)
            channel = channels.BY_TEAM[group.team]
            if card.channel != channel.name:
                yield f"the route of {group.token} names {channel.name}, its card is in {card.channel}"
    for channel in channels.CHANNELS:
        for token in create_checks.creates_by_group(records.in_channel(channel)):
            routed = records.plan.by_token.get(token)
            if routed is not None and routed.team != channel.team:
                yield f"{token} of team {routed.team} has a message in {channel.name}"


def unannounced(records: Records, sent: Sent) -> Iterator[str]:
    """A create came after the alert began to fire, unless it ended before its wait was over."""
    for channel in channels.CHANNELS:
        own = records.in_channel(channel)
        creates = {
            key: [record.at for record in group] for key, group in create_checks.creates_by_group(own).items()
        }
        in_digests = create_checks.in_digests(own) if DIGEST in creates else set()
        for episode, group, times in _renotified(records, sent, channel):
            if group.token in in_digests:  # it joins a digest by an edit: the digest's create announced it
                continue
            if _is_missed(episode, times, creates.get(group.token, ())):
                yield f"{episode.key} fired in {channel.name} and no new message showed it"


def required(records: Records, sent: Sent) -> int:
    """How many alerts needed another message than their group's first."""
    return sum(
        times.sent_at > first
        for channel in channels.CHANNELS
        for first, times in _with_first_create(records, sent, channel)
    )


def over_hourly_limit(records: Records) -> Iterator[str]:
    """A repeated create has no card: it is not counted."""
    created: dict[tuple[int, str], list[float]] = {}
    for card in records.tables.cards:
        message = records.messages.get(card.message_id or "")
        if card.incident_id is not None and message is not None:
            created.setdefault((card.incident_id, card.channel), []).append(message.created_at)
    limit = notify_timing.HOURLY_LIMIT
    for (incident_id, channel), times in created.items():
        ordered = sorted(times)
        if any(last - first < HOUR_S for first, last in zip(ordered, ordered[limit:], strict=False)):
            yield f"incident {incident_id} has more than {limit} messages within an hour in {channel}"


def _renotified(records: Records, sent: Sent, channel: Channel) -> Iterator[tuple[Episode, Group, SentTimes]]:
    """The alerts of the channel's route that fired, in severities that get a new message."""
    for key, times in sent.items():
        episode = records.plan.truth[key]
        group = records.plan.by_token[episode.instance.partition("-")[0]]
        fired = times.accepted_at is not None and episode.severity in channels.RENOTIFY_AFTER_S
        if fired and group.team == channel.team:
            yield episode, group, times


def _with_first_create(records: Records, sent: Sent, channel: Channel) -> Iterator[tuple[float, SentTimes]]:
    creates = create_checks.creates_by_group(records.in_channel(channel))
    for _, group, times in _renotified(records, sent, channel):
        if group.token in creates:
            yield creates[group.token][0].at, times


def _is_missed(episode: Episode, times: SentTimes, creates: Sequence[float]) -> bool:
    if any(at >= times.sent_at for at in creates):
        return False
    if not creates or times.ended_at is None or times.accepted_at is None:
        return True
    wait_over_at = creates[-1] + channels.wait_s(episode.severity, len(creates))
    return times.ended_at > max(wait_over_at, times.accepted_at) + GRACE_S
