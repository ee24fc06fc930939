"""The checks at the end of a campaign, over everything. Each finding is a sentence; no finding is a pass."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from testbed.faults import card_checks, channels, create_checks, news_checks
from testbed.faults.fault_plan import Kind
from testbed.faults.injector import FaultInjector
from testbed.faults.ledger_probe import LedgerProbe
from testbed.faults.records import Records
from testbed.faults.senders import WebhookSender

LEAST_INCIDENTS, LEAST_FAULTS = 2_000, 200
"""What the full form must reach."""
HITS_PER_CLOCK_STEP = 10
"""How often the channel's hidden limit may be hit after a restart with a stepped clock: the router then
cannot tell which requests were sent in the last minute, and each 429 makes room for one request."""
MAX_SHOWN = 12
TROUBLE = ("Traceback", " ERROR asyncio", "Task exception was never retrieved", "cannot be rendered")


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The groups of the dead letters, before they were replayed."""

    actual: Counter[str]
    expected: Counter[str]
    """The groups Discord refuses by plan, without those that a digest shows."""


@dataclass(frozen=True, slots=True)
class Case:
    """What the checks read."""

    records: Records
    sender: WebhookSender
    injector: FaultInjector
    probe: LedgerProbe
    log: str
    secrets: tuple[str, ...]
    hits: int
    dead_letters: DeadLetters


def findings(case: Case) -> list[str]:
    return [f"{name}: {text}" for name, check in CHECKS.items() for text in check(case)]


def _history(case: Case) -> Iterator[str]:
    """Every alert that was answered 2xx is in the history exactly once, with its final status."""
    truth = case.records.plan.truth
    times = Counter(alert.key for alert in case.records.history)
    for key in case.sender.accepted:
        if times[key] != 1:
            yield f"{key} was answered 2xx and is in the history {times[key]} times"
    for alert in case.records.history:
        if alert.key not in truth:
            yield f"{alert.key} was never sent"
        elif alert.status != ("firing" if truth[alert.key].ends_s is None else "resolved"):
            yield f"{alert.key} is {alert.status} at the end"


def _cards(case: Case) -> Iterator[str]:
    yield from card_checks.findings(case.records)


def _creates(case: Case) -> Iterator[str]:
    yield from create_checks.findings(case.records)


def _new_messages(case: Case) -> Iterator[str]:
    yield from news_checks.findings(case.records, case.sender.sent)
    if not news_checks.required(case.records, case.sender.sent):
        yield "no alert needed another message than its group's first"


def _ledger(case: Case) -> Iterator[str]:
    yield from case.probe.imbalances
    last = case.probe.newest_total
    balanced = {"wanted": len(case.records.tables.incidents), "pending": 0, "dead": 0}
    if not balanced.items() <= last.items():
        yield f"at the end {last}, with {len(case.records.tables.incidents)} incidents"
    if not case.probe.samples or not case.probe.commands:
        yield f"{case.probe.samples} readings of the metrics, {case.probe.commands} of the command"


def _dead_letters(case: Case) -> Iterator[str]:
    """The dead letters are the messages Discord refuses by plan, and no others."""
    letters = case.dead_letters
    if letters.actual != letters.expected:
        yield f"dead letters {dict(letters.actual)}, expected {dict(letters.expected)}"


def _answers(case: Case) -> Iterator[str]:
    yield from case.sender.refusals
    yield from case.injector.unexpected_answers


def _quarantine(case: Case) -> Iterator[str]:
    """Every body answered 422 is in the quarantine, byte for byte."""
    kept = Counter(case.records.tables.quarantined)
    for body in case.injector.rejected:
        if not kept[body]:
            yield f"not kept: {body!r}"
    parts = sum(count for body, count in kept.items() if b'"startsAt":"yesterday"' in body)
    if parts < case.sender.invalid_alerts:
        yield f"{case.sender.invalid_alerts} invalid alerts in webhooks answered 2xx, {parts} kept"


def _secrets(case: Case) -> Iterator[str]:
    for secret in case.secrets:
        if secret in case.log:
            yield "a token is in the router's log"
        if secret in case.records.tables.text:
            yield "a token is in the router's tables"


def _rate_limits(case: Case) -> Iterator[str]:
    """A restart forgets at most one wait of each channel; nothing else hits a limit."""
    discord, rates = case.records.discord, case.records.discord.rates
    restarts = len(case.records.kills) + case.injector.supervisor.ended_by_itself
    forgotten = restarts * len(channels.CHANNELS)
    if rates.impatient > forgotten:
        yield f"{rates.impatient} requests before a Retry-After was over, {restarts} restarts"
    own = sum(count for kind, count in rates.sent_429.items() if not kind.startswith("fault:"))
    allowed = forgotten + HITS_PER_CLOCK_STEP * case.injector.hits[Kind.CLOCK]
    if own > allowed:
        yield f"{own} times over a limit ({dict(rates.sent_429)}), {restarts} restarts"
    if discord.unknown_keys:
        yield f"keys Discord does not know: {discord.unknown_keys}"


def _log(case: Case) -> Iterator[str]:
    for words in TROUBLE:
        if words in case.log:
            yield f"the router's log has {words!r} {case.log.count(words)} times"


def _size(case: Case) -> Iterator[str]:
    if not case.records.plan.size.full:
        return
    if len(case.records.tables.incidents) < LEAST_INCIDENTS or case.hits < LEAST_FAULTS:
        yield f"{len(case.records.tables.incidents)} incidents and {case.hits} faults are too few"


CHECKS: dict[str, Callable[[Case], Iterator[str]]] = {
    "history": _history,
    "cards": _cards,
    "creates": _creates,
    "new messages": _new_messages,
    "ledger": _ledger,
    "dead letters": _dead_letters,
    "answers": _answers,
    "quarantine": _quarantine,
    "secrets": _secrets,
    "rate limits": _rate_limits,
    "log": _log,
    "size": _size,
}
