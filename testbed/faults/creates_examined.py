"""Was anything told more often than it had to be? Each repeated create needs an excuse of its own.

A create may come again when its answer was lost (the fault says so), when its message was deleted by a
person, or when the router was killed in between: each kill excuses one create, for the router sends one
at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from testbed.fakes.discord import RequestRecord
from testbed.faults import message_parser
from testbed.faults.records import Evidence

DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Repeats:
    after_lost_answer: int
    after_deletion: int
    after_kill: int
    unexcused: Sequence[str]

    @property
    def total(self) -> int:
        return self.after_lost_answer + self.after_deletion + self.after_kill + len(self.unexcused)


@dataclass(frozen=True, slots=True)
class _Gap:
    """From one create of a group to the next; to the end of time when a digest tells it instead."""

    first: RequestRecord
    until: float


def counted(evidence: Evidence) -> Repeats:
    lost = deleted = 0
    asked: list[tuple[str, int, list[_Gap]]] = []
    wanted, in_digests = _wanted(evidence), _in_digests(evidence)
    for key, creates in _creates(evidence).items():
        extra = len(creates) - wanted.get(key, 0)
        open_gaps: list[_Gap] = []
        for gap in _gaps(creates, folded=key in in_digests):
            if extra > 0 and _answer_was_lost(gap.first):
                lost, extra = lost + 1, extra - 1
            elif extra > 0 and _deleted_before(evidence, gap):
                deleted, extra = deleted + 1, extra - 1
            else:
                open_gaps.append(gap)
        if extra > 0:
            asked.append((key, extra, open_gaps))
    kills, unexcused = _excused_by_kills(asked, sorted(evidence.kills))
    return Repeats(lost, deleted, kills, unexcused)


def findings(evidence: Evidence) -> Iterator[str]:
    for key in counted(evidence).unexcused:
        yield f"{key} was created once too often, and nothing excuses it"


def _creates(evidence: Evidence) -> Mapping[str, list[RequestRecord]]:
    """Creates that Discord kept, by what they tell of, oldest first."""
    found: dict[str, list[RequestRecord]] = {}
    known = {card.message_id: card.incident_id for card in evidence.tables.cards if card.incident_id}
    for record in evidence.discord.creates:
        shown = message_parser.of_payload(record.payload)
        key = DIGEST if shown.digest else shown.token
        if key is None and record.stored in known:  # all of its alerts had gone on elsewhere
            key = evidence.group_of(known[record.stored]).token
        found.setdefault(key or f"message {record.stored}", []).append(record)
    return found


def _wanted(evidence: Evidence) -> Mapping[str, int]:
    """How many messages there are for each group and for digests: a card each."""
    found: dict[str, int] = {}
    for card in evidence.tables.cards:
        if card.message_id is not None:
            key = DIGEST if card.incident_id is None else evidence.group_of(card.incident_id).token
            found[key] = found.get(key, 0) + 1
    return found


def _in_digests(evidence: Evidence) -> set[str]:
    """The groups that a digest tells, so that a message of their own can be one too many."""
    return {
        evidence.group_of(card.incident_id).token
        for card in evidence.tables.cards
        if card.folded_into is not None
    }


def _gaps(creates: Sequence[RequestRecord], *, folded: bool) -> Iterator[_Gap]:
    for first, second in pairwise(creates):
        yield _Gap(first, second.at)
    if folded:
        yield _Gap(creates[-1], inf)


def _answer_was_lost(record: RequestRecord) -> bool:
    """Discord kept it, and said so in no way that the router could read."""
    fault = record.fault or ""
    return fault.endswith("after storing") and not fault.startswith(("slow", "hold"))


def _deleted_before(evidence: Evidence, gap: _Gap) -> bool:
    message = evidence.messages[gap.first.stored or ""]
    return message.deleted_at is not None and message.deleted_at <= gap.until


def _excused_by_kills(
    asked: Sequence[tuple[str, int, Sequence[_Gap]]], kills: Sequence[float]
) -> tuple[int, list[str]]:
    """Each repeat takes the first free kill within one of its gaps; the tightest gaps choose first."""
    free = list(kills)
    used, unexcused = 0, []
    for key, extra, gaps in sorted(asked, key=lambda one: min((gap.until for gap in one[2]), default=inf)):
        left = extra
        for gap in gaps:
            kill = next((at for at in free if gap.first.at < at < gap.until), None)
            if left and kill is not None:
                free.remove(kill)
                used, left = used + 1, left - 1
        unexcused += [key] * left
    return used, unexcused
