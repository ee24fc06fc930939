"""The storm through the router: a real process, a new SQLite file, the stand-in with every limit on."""

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
from testbed.storm.cast import Blow, storm, webhooks
from testbed.storm.sender import Sender
from testbed.storm.told import Told

TOLD_WITHIN_S = 300.0
ACCOUNTS = ("wanted", "delivered", "pending", "dead")


@dataclass(frozen=True, slots=True)
class House:
    router: RunningRouter
    discord: RunningDiscord
    port: int

    def pour(self, blows: Sequence[Blow], *, ended: datetime | None = None, over_s: float) -> Sender:
        sender = Sender(self.port, stack.TOKEN, self.discord.state.clock)
        sender.send(list(webhooks(blows, ended=ended)), over_s=over_s)
        return sender

    def told(self) -> Told:
        return Told.by(self.discord.state)

    def when(self, condition: Callable[[Told], bool], what: str) -> None:
        until(lambda: condition(self.told()), what, within_s=TOLD_WITHIN_S)

    def history(self) -> Counter[str]:
        """How often each instance is in the history."""
        return Counter(alert["labels"]["instance"] for alert in self.router.alerts())

    def ledger(self) -> dict[str, int]:
        return {
            name: int(self.router.metric(f'alert_router_ledger{{account="{name}"}}')) for name in ACCOUNTS
        }


@contextmanager
def housed(folder: Path, environment: Mapping[str, str] = MappingProxyType({})) -> Iterator[House]:
    """A router that has just started, with more settings, and its channel."""
    port = free_port()
    with running(DiscordState(auto_register=True, keep_files=False)) as discord:
        program = stack.router(folder, port, {"DISCORD_WEBHOOK_URL": discord.webhook_url(), **environment})
        program.start()
        try:
            program.wait_ready()
            with closing(RunningRouter(program, stack.local(port))) as router:
                yield House(router, discord, port)
        finally:
            program.stop()


def report(folder: Path, *, size: int, over_s: float) -> Iterator[str]:
    """Pours the storm, lets it pass, and tells how it went."""
    with housed(folder) as house:
        blows = storm(size)
        sender = house.pour(blows, over_s=over_s)
        yield _sent(sender)
        house.when(lambda told: told.total >= size, "every alert is told")
        yield from _told(house, blows, sender)
        ending = house.discord.state.clock()
        house.pour(blows, ended=datetime.now(UTC), over_s=over_s)
        house.when(lambda told: told.over, "every message says that it is over")
        yield f"all resolved          every message green {_after(house.told().over_at, ending)} the first"
        until(lambda: house.router.all_told, "no card waits", within_s=TOLD_WITHIN_S)
        yield from _books(house, size)


def _sent(sender: Sender) -> str:
    answers = sender.answers.values()
    took_s = max(one.answered_at for one in answers) - sender.answers[0].asked_at
    slowest_ms = max(one.took_s for one in answers) * 1000
    statuses = dict(Counter(one.status for one in answers))
    return (
        f"sent                  {len(answers)} alerts in {took_s:.1f} s, answers {statuses}, "
        f"the slowest after {slowest_ms:.0f} ms"
    )


def _told(house: House, blows: Sequence[Blow], sender: Sender) -> Iterator[str]:
    told, sent = house.told(), sender.answers
    critical_sent_at = next(sent[blow.number].asked_at for blow in blows if blow.critical)
    yield f"first critical told   {_after(told.first_critical_at(blows), critical_sent_at)} it was sent"
    yield f"last alert told       {_after(told.all_told_at(len(blows)), sent[0].asked_at)} the storm began"
    yield (
        f"singly                {len(told.singles)}, of them critical {told.critical_singles(blows)} "
        f"of {sum(blow.critical for blow in blows)}"
    )
    yield f"in a digest           {told.folded} in {len(told.digests)}"


def _after(at: float | None, began: float) -> str:
    return "never since" if at is None else f"{at - began:.2f} s after"


def _books(house: House, size: int) -> Iterator[str]:
    state, history = house.discord.state, house.history()
    requests = dict(Counter(record.operation for record in state.requests))
    repeated = sum(count > 1 for count in history.values())
    yield f"lost                  {size - len(history)}; more than once in the history {repeated}"
    yield f"ledger                {house.ledger()}"
    yield f"requests              {requests}"
    yield f"429 answers           {state.limited}"
