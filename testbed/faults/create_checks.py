"""Checks that no message was created without need: each repeated create must have a cause of its own.

A create may be repeated when its answer was lost (the fault is recorded), when a person deleted its message,
or when the router was killed in between. Each kill explains one create in each channel, for the router sends
one at a time there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from testbed.fakes.discord import RequestRecord
from testbed.faults import channels, message_parser
from testbed.faults.records import Records

DIGEST = "digest"
ON_THE_WAY_S = 2.0
"""How long after the router was killed Discord may store what it had sent, on a machine under load."""


@dataclass(frozen=True, slots=True)
class Repeats:
    after_lost_answer: int
    after_deletion: int
    after_kill: int
    unexplained: Sequence[str]

    @property
    def total(self) -> int:
        return self.after_lost_answer + self.after_deletion + self.after_kill + len(self.unexplained)


@dataclass(frozen=True, slots=True)
class _Gap:
    """From one create of a group to the next; without end when a digest shows the group instead."""

    first: RequestRecord
    until: float


def counted(records: Records) -> Repeats:
    counts = [_counted_in_channel(records.in_channel(channel)) for channel in channels.CHANNELS]
    return Repeats(
        after_lost_answer=sum(count.after_lost_answer for count in counts),
        after_deletion=sum(count.after_deletion for count in counts),
        after_kill=sum(count.after_kill for count in counts),
        unexplained=[key for count in counts for key in count.unexplained],
    )


def _counted_in_channel(records: Records) -> Repeats:
    lost = deleted = 0
    repeated: list[tuple[str, int, list[_Gap]]] = []
    expected, folded = _expected(records), in_digests(records)
    for key, creates in creates_by_group(records).items():
        extra = len(creates) - expected.get(key, 0)
        open_gaps: list[_Gap] = []
        for gap in _gaps(creates, folded=key in folded):
            if extra > 0 and _answer_was_lost(gap.first):
                lost, extra = lost + 1, extra - 1
            elif extra > 0 and _deleted_before(records, gap):
                deleted, extra = deleted + 1, extra - 1
            else:
                open_gaps.append(gap)
        if extra > 0:
            repeated.append((key, extra, open_gaps))
    kills, unexplained = _explained_by_kills(repeated, sorted(records.kills))
    return Repeats(lost, deleted, kills, unexplained)


def findings(records: Records) -> Iterator[str]:
    for key in counted(records).unexplained:
        yield f"{key} was created once too often without a cause"


def creates_by_group(records: Records) -> Mapping[str, list[RequestRecord]]:
    """Creates that Discord stored, by the group they are about, oldest first."""
    creates: dict[str, list[RequestRecord]] = {}
    known = {card.message_id: card.incident_id for card in records.tables.cards if card.incident_id}
    for record in records.creates:
        shown = message_parser.parse_payload(record.payload)
        key = DIGEST if shown.digest else shown.token
        if key is None and record.stored in known:  # all of its alerts moved to later incidents
            key = records.group_of(known[record.stored]).token
        creates.setdefault(key or f"message {record.stored}", []).append(record)
    return creates


def _expected(records: Records) -> Mapping[str, int]:
    """The number of messages expected for each group and for digests: one a card."""
    counts: dict[str, int] = {}
    for card in records.tables.cards:
        if card.message_id is not None:
            key = DIGEST if card.incident_id is None else records.group_of(card.incident_id).token
            counts[key] = counts.get(key, 0) + 1
    return counts


def in_digests(records: Records) -> set[str]:
    """The groups that a digest shows, so that their own message can be one too many."""
    return {
        records.group_of(card.incident_id).token
        for card in records.tables.cards
        if card.folded_into is not None
    }


def _gaps(creates: Sequence[RequestRecord], *, folded: bool) -> Iterator[_Gap]:
    for first, second in pairwise(creates):
        yield _Gap(first, second.at)
    if folded:
        yield _Gap(creates[-1], inf)


def _answer_was_lost(record: RequestRecord) -> bool:
    """Discord stored the message, and the router could not read the answer."""
    fault = record.fault or ""
    return fault.endswith("after storing") and not fault.startswith(("slow", "hold"))


def _deleted_before(records: Records, gap: _Gap) -> bool:
    message = records.messages[gap.first.stored or ""]
    return message.deleted_at is not None and message.deleted_at <= gap.until


def _explained_by_kills(
    repeated: Sequence[tuple[str, int, Sequence[_Gap]]], kills: Sequence[float]
) -> tuple[int, list[str]]:
    """Each repeat takes the first unused kill within one of its gaps; the shortest gaps choose first."""
    free = list(kills)
    used, unexplained = 0, []
    for key, extra, gaps in sorted(repeated, key=_first_end):
        left = extra
        for gap in gaps:
            kill = next((at for at in free if gap.first.at - ON_THE_WAY_S < at < gap.until), None)
            if left and kill is not None:
                free.remove(kill)
                used, left = used + 1, left - 1
        unexplained += [key] * left
    return used, unexplained


def _first_end(repeats: tuple[str, int, Sequence[_Gap]]) -> float:
    return min((gap.until for gap in repeats[2]), default=inf)
