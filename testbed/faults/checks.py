"""What must be true when all is over. Everything is looked at; each finding is a sentence, none is a pass."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from testbed.faults import cards_examined, creates_examined
from testbed.faults.fault_plan import Kind
from testbed.faults.injector import Hands
from testbed.faults.ledger_probe import Watch
from testbed.faults.records import Evidence
from testbed.faults.senders import Door

LEAST_INCIDENTS, LEAST_FAULTS = 2_000, 200
"""Of the full form."""
FORGOTTEN = 10
"""So often the channel's hidden limit may be met after a restart whose clock was stepped: what was sent in
the last minute is then not known to be of the last minute, and each refusal makes room for one."""
MAX_SHOWN = 12
TROUBLE = ("Traceback", " ERROR asyncio", "Task exception was never retrieved", "cannot be rendered")


@dataclass(frozen=True, slots=True)
class Dead:
    """Dead letters before they were told again: what they told of."""

    found: Counter[str]
    planned: Counter[str]
    """What Discord was told to refuse; what a digest told was not refused."""


@dataclass(frozen=True, slots=True)
class Case:
    """All there is to judge by."""

    evidence: Evidence
    door: Door
    hands: Hands
    watch: Watch
    log: str
    secrets: tuple[str, ...]
    struck: int
    dead: Dead


def findings(case: Case) -> list[str]:
    return [f"{name}: {text}" for name, look in LOOKS.items() for text in look(case)]


def _history(case: Case) -> Iterator[str]:
    """Every alert that was answered 2xx is there exactly once, and as it ended."""
    truth = case.evidence.plan.truth
    times = Counter(past.key for past in case.evidence.history)
    for key in case.door.accepted:
        if times[key] != 1:
            yield f"{key} was answered 2xx and is there {times[key]} times"
    for past in case.evidence.history:
        if past.key not in truth:
            yield f"{past.key} was never sent"
        elif past.status != ("firing" if truth[past.key].ends_s is None else "resolved"):
            yield f"{past.key} is {past.status} in the end"


def _cards(case: Case) -> Iterator[str]:
    yield from cards_examined.findings(case.evidence)


def _creates(case: Case) -> Iterator[str]:
    yield from creates_examined.findings(case.evidence)


def _ledger(case: Case) -> Iterator[str]:
    yield from case.watch.imbalances
    last = case.watch.newest
    if last["pending"] or last["dead"] or last["wanted"] != len(case.evidence.tables.incidents):
        yield f"at the end {last}, with {len(case.evidence.tables.incidents)} incidents"
    if not case.watch.samples or not case.watch.commands:
        yield f"{case.watch.samples} looks at the metrics, {case.watch.commands} at the command"


def _dead_letters(case: Case) -> Iterator[str]:
    """Dead was what Discord was told to refuse, and nothing else."""
    if case.dead.found != case.dead.planned:
        yield f"dead were {dict(case.dead.found)}, planned {dict(case.dead.planned)}"


def _doors(case: Case) -> Iterator[str]:
    yield from case.door.refusals
    yield from case.hands.wrongly_answered


def _quarantine(case: Case) -> Iterator[str]:
    """What was answered 422 is kept as it came."""
    kept = Counter(case.evidence.tables.quarantined)
    for body in case.hands.unreadable:
        if not kept[body]:
            yield f"not kept: {body!r}"
    parts = sum(count for body, count in kept.items() if b'"startsAt":"yesterday"' in body)
    if parts < case.door.spoilt:
        yield f"{case.door.spoilt} unreadable alerts in webhooks answered 2xx, {parts} kept"


def _secrets(case: Case) -> Iterator[str]:
    for secret in case.secrets:
        if secret in case.log:
            yield "a token is in the router's log"
        if secret in case.evidence.tables.text:
            yield "a token is in the router's tables"


def _manners(case: Case) -> Iterator[str]:
    """A restart forgets at most what it was told to wait for; nothing else runs into a limit."""
    discord, rates = case.evidence.discord, case.evidence.discord.rates
    restarts = len(case.evidence.kills) + case.hands.house.ended_by_itself
    if rates.impatient > restarts:
        yield f"{rates.impatient} requests before the told wait was over, {restarts} restarts"
    own = sum(count for kind, count in rates.given.items() if not kind.startswith("fault:"))
    excused = restarts + FORGOTTEN * case.hands.struck[Kind.CLOCK]
    if own > excused:
        yield f"{own} times over a limit ({dict(rates.given)}), {restarts} restarts"
    if discord.unknown_keys:
        yield f"keys Discord does not know: {discord.unknown_keys}"


def _log(case: Case) -> Iterator[str]:
    for words in TROUBLE:
        if words in case.log:
            yield f"the router's log says {words!r} {case.log.count(words)} times"


def _enough(case: Case) -> Iterator[str]:
    if not case.evidence.plan.size.full:
        return
    if len(case.evidence.tables.incidents) < LEAST_INCIDENTS or case.struck < LEAST_FAULTS:
        yield f"{len(case.evidence.tables.incidents)} incidents and {case.struck} faults are too few"


LOOKS: dict[str, Callable[[Case], Iterator[str]]] = {
    "history": _history,
    "cards": _cards,
    "creates": _creates,
    "ledger": _ledger,
    "dead letters": _dead_letters,
    "doors": _doors,
    "quarantine": _quarantine,
    "secrets": _secrets,
    "manners": _manners,
    "log": _log,
    "enough": _enough,
}
