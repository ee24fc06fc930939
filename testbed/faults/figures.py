"""The numbers, printed at the end."""

from collections import Counter
from collections.abc import Iterator

from testbed.faults import cards_examined, creates_examined
from testbed.faults.checks import MAX_SHOWN, Case

WIDTH = 58


def lines(case: Case, *, took_s: float, struck: Counter[str], found: list[str]) -> Iterator[str]:
    plan, evidence = case.evidence.plan, case.evidence
    yield f"fault campaign: seed {plan.seed}, {case.hands.database.describes}, {took_s:.0f} s"
    yield _line("faults that struck", case.struck)
    yield from (f"    {count:5}  {name}" for name, count in sorted(struck.items()))
    if case.hands.missed:
        yield f"    struck nothing: {dict(case.hands.missed)}"
    yield _line("webhooks sent", sum(case.door.statuses.values()))
    yield f"    answers: {dict(sorted(case.door.statuses.items()))}"
    yield _line("alerts answered 2xx, each in the history once", len(case.door.accepted))
    yield _line("incidents", len(evidence.tables.incidents))
    singly = cards_examined.told_singly(evidence)
    digests = len(evidence.digests)
    yield _line(f"    told singly; the others in {digests} digest(s)", singly)
    yield _line("requests to Discord", len(evidence.discord.requests))
    repeats = creates_examined.counted(evidence)
    yield _line("creates", len(evidence.discord.creates))
    yield f"    repeated: {repeats.after_lost_answer} after a lost answer, {repeats.after_kill} after a kill,"
    yield f"    {repeats.after_deletion} deleted by a person, {len(repeats.unexcused)} for no reason"
    given = evidence.discord.rates.given
    own = {kind: count for kind, count in given.items() if not kind.startswith("fault:")}
    yield f"    429 given: {sum(given.values())}, ran into by itself: {own or 'none'}"
    yield _line("ledger balanced", f"{case.watch.samples} + {case.watch.commands} looks")
    most = case.watch.most
    yield f"    most pending {most['pending']}, most dead {most['dead']}, at the end {case.watch.newest}"
    yield _line("router restarted", len(evidence.kills) + case.hands.house.ended_by_itself)
    if case.hands.house.clockwork.library is None:
        yield "    the clock was not stepped: libfaketime is not installed"
    yield ""
    yield (
        f"{len(found)} findings"
        if found
        else "nothing lost, nothing told wrongly, nothing twice without a reason"
    )
    yield from (f"    {text}" for text in found[:MAX_SHOWN])
    if len(found) > MAX_SHOWN:
        yield f"    ... and {len(found) - MAX_SHOWN} more"


def _line(name: str, value: object) -> str:
    return f"{name:<{WIDTH}} {value:>8}"
