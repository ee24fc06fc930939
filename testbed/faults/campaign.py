"""Runs a plan and checks the outcome."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from testbed import stack
from testbed.fakes.discord import DiscordState, RateLimits, RunningDiscord, faults, running
from testbed.faults import channels, checks, databases, fake_clock, figures, injector, news_checks, records
from testbed.faults.checks import Case, DeadLetters
from testbed.faults.databases import Database
from testbed.faults.injector import FaultInjector
from testbed.faults.ledger_probe import COMMAND_S, LedgerProbe
from testbed.faults.plan import Plan
from testbed.faults.records import HistoryAlert, Records
from testbed.faults.scenarios import HOLD_S, REFUSED_SUMMARY
from testbed.faults.senders import Stopwatch, WebhookSender, send_all
from testbed.faults.supervisor import Supervisor
from testbed.faults.waiting import until
from testbed.ports import free_port
from testbed.running_router import AUTH, RunningRouter

PER_MINUTE, PER_WINDOW = 30, 5
"""Discord's limits: per minute and channel, and per two seconds and webhook."""
ASKED_S = 10.0
"""From the end of the longest wait to the message, at most."""


@dataclass(frozen=True, slots=True)
class Outcome:
    case: Case
    findings: list[str]
    figures: list[str]


@dataclass(slots=True)
class Campaign:
    plan: Plan
    folder: Path
    database: Database
    discord: RunningDiscord
    supervisor: Supervisor
    url: str

    @classmethod
    @contextmanager
    def prepared(cls, plan: Plan, folder: Path) -> "Iterator[Campaign]":
        state = DiscordState(limits=_limits(plan), keep_files=False)
        channels.register(state)
        state.faults.next(faults.status(400, code=50035), times=None, containing=REFUSED_SUMMARY)
        clock = fake_clock.in_folder(folder)
        port = free_port()
        with databases.opened(plan.database, folder) as database, running(state) as discord:
            settings = {
                "ALERT_ROUTER_DATABASE_URL": database.url,
                "ALERT_ROUTER_CONFIG": str(channels.write_configuration(folder, discord)),
                "ALERT_ROUTER_CHANNEL_PER_MINUTE": str(PER_MINUTE * plan.size.faster),
                "ALERT_ROUTER_HOLD_SECONDS": str(HOLD_S),
                "ALERT_ROUTER_REMIND_EVERY": "none",
            }
            router = stack.router(folder, port, {**settings, **clock.environment})
            supervisor = Supervisor(router, clock, state)
            try:
                router.start()
                router.wait_ready()
                yield cls(plan, folder, database, discord, supervisor, stack.local(port))
            finally:
                supervisor.stop()

    async def run(self) -> Outcome:
        async with httpx.AsyncClient() as client, httpx.AsyncClient() as own_client:
            sender = WebhookSender(
                client, f"{self.url}/webhooks/alertmanager", AUTH, self.discord.state.clock
            )
            probe = LedgerProbe(self.url, self.supervisor.router, own_client)
            stopwatch = Stopwatch()
            injecting = FaultInjector(
                self.plan, self.supervisor, self.database, self.discord.state, sender, stopwatch
            )
            async with _probing(probe), _supervised(self.supervisor):
                await asyncio.gather(send_all(self.plan, sender, stopwatch), injecting.run())
                self._clear_passing_faults()
                await self._all_delivered(probe)
                dead_letters = await self._replay(own_client)
                await self._all_announced(sender)
                await self._all_delivered(probe)
            await self._nothing_pending(probe)
        return self._outcome(injecting, probe, dead_letters, stopwatch.now_s)

    def _clear_passing_faults(self) -> None:
        """Permanent refusals stay: `_replay` clears them."""
        rules = self.discord.state.faults.rules
        rules[:] = [rule for rule in rules if rule.containing]
        self.discord.state.faults.release()

    async def _all_delivered(self, probe: LedgerProbe) -> None:
        """Wait until no card is pending. After the time limit go on: the checks report what is missing."""
        await until(probe.read_metrics)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.plan.size.settles_s):
                await until(lambda: probe.all_delivered)

    async def _nothing_pending(self, probe: LedgerProbe) -> None:
        """By the command. A digest is edited once more when its storm has been over for a minute."""

        async def nothing_pending() -> bool:
            return await probe.run_command() and probe.newest_total["pending"] == 0

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COMMAND_S):
                await until(nothing_pending)

    async def _all_announced(self, sender: WebhookSender) -> None:
        """Wait until the last waits of the notify rule are over; the checks report what is missing then."""

        def all_announced() -> bool:
            return not list(news_checks.unannounced(self._records(()), sender.sent))

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(channels.LONGEST_WAIT_S + ASKED_S):
                await until(lambda: asyncio.to_thread(all_announced), every_s=1.0)

    def _records(self, history: Sequence[HistoryAlert]) -> Records:
        tables = records.tables_of(self.database.url)
        return Records(self.plan, history, tables, self.discord.state, self.supervisor.kills)

    async def _replay(self, client: httpx.AsyncClient) -> DeadLetters:
        """Clear what made Discord refuse, replay the dead letters, and return which those were."""
        letters = (await client.get(f"{self.url}/dead-letters", headers=AUTH, timeout=20)).json()
        self.discord.state.faults.clear()
        alerts = await asyncio.to_thread(self._history)
        token_of = {alert.incident_id: alert.token for alert in alerts}
        cards = {card.id: card for card in records.tables_of(self.database.url).cards}
        dead_letters = DeadLetters(
            actual=Counter(
                token_of.get(cards[letter["card_id"]].incident_id, "digest") for letter in letters
            ),
            expected=Counter(
                token_of[card.incident_id]
                for card in cards.values()
                if token_of.get(card.incident_id) in self.plan.refused and card.folded_into is None
            ),
        )
        await client.post(f"{self.url}/dead-letters/replay", headers=AUTH, timeout=20)
        return dead_letters

    def _history(self) -> list[records.HistoryAlert]:
        with contextlib.closing(RunningRouter(self.supervisor.router, self.url)) as router:
            return records.history_alerts(router.alerts())

    def _outcome(
        self, injected: FaultInjector, probe: LedgerProbe, dead_letters: DeadLetters, took_s: float
    ) -> Outcome:
        state = self.discord.state
        hits = injected.hits + injector.discord_hits(state, injected.hits)
        case = Case(
            records=self._records(self._history()),
            sender=injected.sender,
            injector=injected,
            probe=probe,
            log=self.supervisor.log(),
            secrets=(*(channel.token for channel in channels.CHANNELS), stack.TOKEN),
            hits=hits.total(),
            dead_letters=dead_letters,
        )
        findings = checks.findings(case)
        lines = list(figures.lines(case, took_s=took_s, hits=hits, findings=findings))
        return Outcome(case, findings, lines)


def _limits(plan: Plan) -> RateLimits:
    """Discord's limits multiplied by the plan's factor, as the router's own limit is."""
    return RateLimits(
        webhook_requests=PER_WINDOW * plan.size.faster, channel_requests=PER_MINUTE * plan.size.faster
    )


@asynccontextmanager
async def _probing(probe: LedgerProbe) -> AsyncIterator[None]:
    async with _task(asyncio.create_task(probe.run())):
        yield


@asynccontextmanager
async def _supervised(supervisor: Supervisor) -> AsyncIterator[None]:
    async with _task(asyncio.create_task(supervisor.supervise())):
        yield


@asynccontextmanager
async def _task(task: "asyncio.Task[None]") -> AsyncIterator[None]:
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def run(plan: Plan, folder: Path) -> Outcome:
    """The folder keeps the router's log; SQLite's file is gone with its disk."""
    folder.mkdir(parents=True, exist_ok=True)
    with Campaign.prepared(plan, folder) as campaign:
        return asyncio.run(campaign.run())
