"""The storm through the router: a real process, a new SQLite file, the fake Discord with all its limits."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from testbed import stack
from testbed.fakes.discord import DiscordState, RunningDiscord, running
from testbed.ports import free_port
from testbed.processes import until
from testbed.running_router import RunningRouter
from testbed.storm.alerts import StormAlert, storm, webhooks
from testbed.storm.notifications import Notifications
from testbed.storm.sender import Sender

NOTIFIED_WITHIN_S = 300.0
ACCOUNTS = ("wanted", "delivered", "pending", "dead")


@dataclass(frozen=True, slots=True)
class StormBench:
    router: RunningRouter
    discord: RunningDiscord
    port: int

    def send(self, alerts: Sequence[StormAlert], *, ended: datetime | None = None, over_s: float) -> Sender:
        sender = Sender(self.port, stack.TOKEN, self.discord.state.clock)
        sender.send(list(webhooks(alerts, ended=ended)), over_s=over_s)
        return sender

    def notifications(self) -> Notifications:
        return Notifications.in_channel(self.discord.state)

    def wait_until(self, condition: Callable[[Notifications], bool], what: str) -> None:
        until(lambda: condition(self.notifications()), what, within_s=NOTIFIED_WITHIN_S)

    def history(self) -> Counter[str]:
        """How often each instance is in the history."""
        return Counter(alert["labels"]["instance"] for alert in self.router.alerts())

    def ledger(self) -> dict[str, int]:
        return {
            name: int(self.router.metric(f'alert_router_ledger{{account="{name}"}}')) for name in ACCOUNTS
        }


@contextmanager
def storm_bench(folder: Path, environment: Mapping[str, str] = MappingProxyType({})) -> Iterator[StormBench]:
    """A freshly started router with these settings besides, and its channel."""
    port = free_port()
    with running(DiscordState(auto_register=True, keep_files=False)) as discord:
        program = stack.router(folder, port, {"DISCORD_WEBHOOK_URL": discord.webhook_url(), **environment})
        program.start()
        try:
            program.wait_ready()
            with closing(RunningRouter(program, stack.local(port))) as router:
                yield StormBench(router, discord, port)
        finally:
            program.stop()


def report(folder: Path, *, size: int, over_s: float) -> Iterator[str]:
    """Sends the storm, resolves it, and reports the figures."""
    with storm_bench(folder) as bench:
        alerts = storm(size)
        sender = bench.send(alerts, over_s=over_s)
        yield _sent(sender)
        bench.wait_until(lambda shown: shown.total >= size, "every alert is notified")
        yield from _notified(bench, alerts, sender)
        ending = bench.discord.state.clock()
        bench.send(alerts, ended=datetime.now(UTC), over_s=over_s)
        bench.wait_until(lambda shown: shown.resolved, "every message shows that it is resolved")
        resolved_at = bench.notifications().resolved_at
        yield f"all resolved          every message green {_after(resolved_at, ending)} the first"
        until(lambda: bench.router.all_delivered, "no card is pending", within_s=NOTIFIED_WITHIN_S)
        yield from _counts(bench, size)


def _sent(sender: Sender) -> str:
    answers = sender.answers.values()
    took_s = max(answer.answered_at for answer in answers) - sender.answers[0].sent_at
    slowest_ms = max(answer.took_s for answer in answers) * 1000
    statuses = dict(Counter(answer.status for answer in answers))
    return (
        f"sent                  {len(answers)} alerts in {took_s:.1f} s, answers {statuses}, "
        f"the slowest after {slowest_ms:.0f} ms"
    )


def _notified(bench: StormBench, alerts: Sequence[StormAlert], sender: Sender) -> Iterator[str]:
    shown, sent = bench.notifications(), sender.answers
    critical_sent_at = next(sent[alert.number].sent_at for alert in alerts if alert.critical)
    yield f"first critical shown  {_after(shown.first_critical_at(alerts), critical_sent_at)} it was sent"
    yield f"last alert shown      {_after(shown.complete_at(len(alerts)), sent[0].sent_at)} the storm began"
    yield (
        f"cards of their own    {len(shown.singles)}, of them critical {shown.critical_singles(alerts)} "
        f"of {sum(alert.critical for alert in alerts)}"
    )
    yield f"in a digest           {shown.folded} in {len(shown.digests)}"


def _after(at: float | None, began: float) -> str:
    return "never after" if at is None else f"{at - began:.2f} s after"


def _counts(bench: StormBench, size: int) -> Iterator[str]:
    state, history = bench.discord.state, bench.history()
    requests = dict(Counter(record.operation for record in state.requests))
    repeated = sum(count > 1 for count in history.values())
    yield f"lost                  {size - len(history)}; more than once in the history {repeated}"
    yield f"ledger                {bench.ledger()}"
    yield f"requests              {requests}"
    yield f"429 answers           {state.limited}"
