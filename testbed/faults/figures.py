"""The numbers that are printed at the end."""

from collections import Counter
from collections.abc import Iterator

from testbed.faults import card_checks, create_checks, news_checks
from testbed.faults.checks import MAX_SHOWN, Case

WIDTH = 58


def lines(case: Case, *, took_s: float, hits: Counter[str], findings: list[str]) -> Iterator[str]:
    plan, records = case.records.plan, case.records
    yield f"fault campaign: seed {plan.seed}, {case.injector.database.describes}, {took_s:.0f} s"
    yield _line("faults that took effect", case.hits)
    yield from (f"    {count:5}  {name}" for name, count in sorted(hits.items()))
    if case.injector.misses:
        yield f"    without effect: {dict(case.injector.misses)}"
    yield _line("webhooks sent", sum(case.sender.statuses.values()))
    yield f"    answers: {dict(sorted(case.sender.statuses.items()))}"
    yield _line("alerts answered 2xx, each in the history once", len(case.sender.accepted))
    yield _line("incidents", len(records.tables.incidents))
    single = card_checks.with_own_card(records)
    digests = len(records.digests)
    yield _line(f"    with a card of their own; the others in {digests} digest(s)", single)
    yield _line("requests to Discord", len(records.discord.requests))
    repeats = create_checks.counted(records)
    yield _line("creates", len(records.discord.creates))
    yield f"    repeated: {repeats.after_lost_answer} after a lost answer, {repeats.after_kill} after a kill,"
    yield f"    {repeats.after_deletion} deleted by a person, {len(repeats.unexplained)} without a cause"
    required = news_checks.required(records, case.sender.sent)
    yield _line("alerts that began after their group's first message", required)
    sent_429 = records.discord.rates.sent_429
    own = {kind: count for kind, count in sent_429.items() if not kind.startswith("fault:")}
    yield f"    answers of 429: {sum(sent_429.values())}, of these no injected fault: {own or 'none'}"
    yield _line("ledger balanced", f"{case.probe.samples} + {case.probe.commands} readings")
    most, last = case.probe.most, case.probe.newest_total
    yield f"    most pending {most['pending']}, most dead {most['dead']}, at the end {last}"
    yield _line("router restarted", len(records.kills) + case.injector.supervisor.ended_by_itself)
    if case.injector.supervisor.clock.library is None:
        yield "    the clock was not stepped: libfaketime is not installed"
    yield ""
    yield (
        f"{len(findings)} findings"
        if findings
        else "no alert lost, no card wrong, no message repeated without a cause"
    )
    yield from (f"    {text}" for text in findings[:MAX_SHOWN])
    if len(findings) > MAX_SHOWN:
        yield f"    ... and {len(findings) - MAX_SHOWN} more"


def _line(name: str, value: object) -> str:
    return f"{name:<{WIDTH}} {value:>8}"
