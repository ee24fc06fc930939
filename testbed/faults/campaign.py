"""Puts a plan into practice and judges what came of it."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from testbed import stack
from testbed.fakes.discord import DiscordState, RateLimits, RunningDiscord, faults, running
from testbed.faults import checks, databases, fake_clock, figures, injector, records
from testbed.faults.checks import Case, Dead
from testbed.faults.databases import Database
from testbed.faults.injector import Hands
from testbed.faults.ledger_probe import Watch
from testbed.faults.plan import Plan
from testbed.faults.records import Evidence
from testbed.faults.scenarios import HOLD_S, UNSPEAKABLE
from testbed.faults.senders import Door, Stopwatch, tell_all
from testbed.faults.supervisor import House
from testbed.faults.waiting import until
from testbed.ports import free_port
from testbed.running_router import AUTH, RunningRouter

PER_MINUTE, PER_WINDOW = 30, 5
"""Discord's, for a channel and for a webhook in two seconds."""
WEBHOOK_TOKEN = "w3bh00k-t0ken_of-the-campaign"


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
    house: House
    url: str

    @classmethod
    @contextmanager
    def prepared(cls, plan: Plan, folder: Path) -> "Iterator[Campaign]":
        state = DiscordState(limits=_limits(plan), keep_files=False)
        state.webhook("1", WEBHOOK_TOKEN, "100")
        state.faults.next(faults.status(400, code=50035), times=None, containing=UNSPEAKABLE)
        clock = fake_clock.found(folder)
        port = free_port()
        with databases.opened(plan.database, folder) as database, running(state) as discord:
            settings = {
                "ALERT_ROUTER_DATABASE_URL": database.url,
                "DISCORD_WEBHOOK_URL": discord.webhook_url("1", WEBHOOK_TOKEN),
                "ALERT_ROUTER_CHANNEL_PER_MINUTE": str(PER_MINUTE * plan.size.faster),
                "ALERT_ROUTER_HOLD_SECONDS": str(HOLD_S),
                "ALERT_ROUTER_REMIND_EVERY": "none",
            }
            router = stack.router(folder, port, {**settings, **clock.environment})
            house = House(router, clock, state)
            try:
                router.start()
                router.wait_ready()
                yield cls(plan, folder, database, discord, house, stack.local(port))
            finally:
                house.stop()

    async def run(self) -> Outcome:
        async with httpx.AsyncClient() as client, httpx.AsyncClient() as own_client:
            door = Door(client, f"{self.url}/webhooks/alertmanager", AUTH)
            watch = Watch(self.url, self.house.router, own_client)
            stopwatch = Stopwatch()
            crew = Hands(self.plan, self.house, self.database, self.discord.state, door, stopwatch)
            async with _beside(watch), _supervised(self.house):
                await asyncio.gather(tell_all(self.plan, door, stopwatch), crew.run())
                self._stop_misbehaving()
                await self._told(watch)
                dead = await self._replay(own_client)
                await self._told(watch)
            await watch.ask_command()
        return self._judged(crew, watch, dead, stopwatch.now_s)

    def _stop_misbehaving(self) -> None:
        """The refusals for good stay until a person mends them."""
        rules = self.discord.state.faults.rules
        rules[:] = [rule for rule in rules if rule.containing]
        self.discord.state.faults.release()

    async def _told(self, watch: Watch) -> None:
        """All cards are where they will be; in vain: the examination says what is missing."""
        await until(watch.look)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.plan.size.settles_s):
                await until(lambda: watch.all_told)

    async def _replay(self, client: httpx.AsyncClient) -> Dead:
        """A person mends what made Discord refuse, and has the dead letters told again; which those were."""
        letters = (await client.get(f"{self.url}/dead-letters", headers=AUTH, timeout=20)).json()
        self.discord.state.faults.clear()
        alerts = await asyncio.to_thread(self._history)
        token_of = {past.incident_id: past.token for past in alerts}
        cards = {card.id: card for card in records.tables_of(self.database.url).cards}
        dead = Dead(
            found=Counter(token_of.get(cards[one["card_id"]].incident_id, "digest") for one in letters),
            planned=Counter(
                token_of[card.incident_id]
                for card in cards.values()
                if token_of.get(card.incident_id) in self.plan.refused and card.folded_into is None
            ),
        )
        await client.post(f"{self.url}/dead-letters/replay", headers=AUTH, timeout=20)
        return dead

    def _history(self) -> list[records.Past]:
        with contextlib.closing(RunningRouter(self.house.router, self.url)) as asked:
            return records.past(asked.alerts())

    def _judged(self, crew: Hands, watch: Watch, dead: Dead, took_s: float) -> Outcome:
        state = self.discord.state
        struck = crew.struck + injector.struck_by_discord(state, crew.struck)
        case = Case(
            evidence=Evidence(
                self.plan, self._history(), records.tables_of(self.database.url), state, self.house.kills
            ),
            door=crew.door,
            hands=crew,
            watch=watch,
            log=self.house.log(),
            secrets=(WEBHOOK_TOKEN, stack.TOKEN),
            struck=struck.total(),
            dead=dead,
        )
        found = checks.findings(case)
        return Outcome(case, found, list(figures.lines(case, took_s=took_s, struck=struck, found=found)))


def _limits(plan: Plan) -> RateLimits:
    """As strict as Discord, so many times faster: the router's own pace is set to the same."""
    return RateLimits(
        webhook_requests=PER_WINDOW * plan.size.faster, channel_requests=PER_MINUTE * plan.size.faster
    )


@asynccontextmanager
async def _beside(watch: Watch) -> AsyncIterator[None]:
    async with _task(asyncio.create_task(watch.run())):
        yield


@asynccontextmanager
async def _supervised(house: House) -> AsyncIterator[None]:
    async with _task(asyncio.create_task(house.supervise())):
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
