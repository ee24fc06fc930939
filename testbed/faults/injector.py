"""Makes the planned mishaps happen, and notes which of them struck: a fault nobody met is none."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from testbed.fakes.discord import DiscordState, Fault, faults
from testbed.fakes.discord.faults import Rule
from testbed.faults import message_parser
from testbed.faults.databases import Database
from testbed.faults.fault_plan import Kind, Mishap
from testbed.faults.plan import Plan
from testbed.faults.senders import Door, Stopwatch
from testbed.faults.supervisor import House
from testbed.faults.waiting import until

WEBHOOK = "1"
CATCH_S = 15.0
"""How long to wait for a create under way, or for a request to the deleted webhook."""
AGAIN_S = 1.0
UNKNOWN_WEBHOOK = "10015"
_HELD = faults.hold(stored=True, seconds=2 * CATCH_S)
_LOST = faults.timeout(seconds=2 * CATCH_S)


@dataclass(slots=True)
class Hands:
    plan: Plan
    house: House
    database: Database
    discord: DiscordState
    door: Door
    watch: Stopwatch
    struck: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    """What found nobody to strike."""
    unreadable: list[bytes] = field(default_factory=list)
    """Bodies answered 422."""
    wrongly_answered: list[str] = field(default_factory=list)
    _one_trouble: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for mishap in self.plan.mishaps:
                tasks.create_task(self._when_it_is_time(mishap))

    async def _when_it_is_time(self, mishap: Mishap) -> None:
        await self.watch.reach(mishap.at_s)
        struck = await self._doings[mishap.kind](mishap)
        if mishap.kind is not Kind.DISCORD:  # those are counted from the stand-in's log
            (self.struck if struck else self.missed)[mishap.name] += 1

    @property
    def _doings(self) -> Mapping[Kind, Callable[[Mishap], Awaitable[bool]]]:
        return {
            Kind.DISCORD: self._discord,
            Kind.CHANNEL_DELETED: self._channel_deleted,
            Kind.MESSAGE_DELETED: self._message_deleted,
            Kind.KILLED: self._killed,
            Kind.KILLED_STORED: self._killed_stored,
            Kind.KILLED_UNSTORED: self._killed_unstored,
            Kind.LOCKED: self._locked,
            Kind.DISK_FULL: self._disk_full,
            Kind.CLOCK: self._clock,
            Kind.CUT_OFF: self._cut_off,
            Kind.DATABASE_CRASHED: self._database_crashed,
            Kind.UNREADABLE: self._unreadable,
        }

    async def _discord(self, mishap: Mishap) -> bool:
        assert mishap.fault is not None
        self.discord.faults.next(mishap.fault, operation=mishap.operation)
        return True

    async def _channel_deleted(self, mishap: Mishap) -> bool:
        before = self._refused_as_gone()
        self.discord.delete_webhook(WEBHOOK)
        await asyncio.sleep(mishap.seconds)
        struck = await self._comes_true(lambda: self._refused_as_gone() > before)
        self.discord.revive_webhook(WEBHOOK)
        return struck

    def _refused_as_gone(self) -> int:
        return sum(UNKNOWN_WEBHOOK in (record.error or "") for record in self.discord.requests)

    async def _message_deleted(self, mishap: Mishap) -> bool:
        shown = [message for message in self.discord.messages() if message_parser.of(message).fires]
        if not shown:
            return False
        self.discord.delete_message(shown[int(mishap.choice * len(shown))].id)
        return True

    async def _killed(self, mishap: Mishap) -> bool:
        await self.house.kill(down_s=mishap.seconds)
        return True

    async def _killed_stored(self, _: Mishap) -> bool:
        return await self._killed_during(_HELD)

    async def _killed_unstored(self, _: Mishap) -> bool:
        return await self._killed_during(_LOST)

    async def _killed_during(self, fault: Fault) -> bool:
        """At the worst of moments: a create has left the router, and its answer has not come."""
        rule = Rule(fault, operation="create")
        self.discord.faults.rules.insert(0, rule)
        caught = await self._comes_true(lambda: rule.left == 0)
        if caught:
            await self.house.kill()
        self.discord.faults.rules.remove(rule)
        self.discord.faults.release()
        return caught

    async def _comes_true(self, condition: Callable[[], bool]) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCH_S):
                await until(condition)
        return condition()

    async def _locked(self, mishap: Mishap) -> bool:
        return await self._while_away(self.database.locked(), mishap)

    async def _disk_full(self, mishap: Mishap) -> bool:
        return await self._while_away(self.database.full(self.house.router), mishap)

    async def _cut_off(self, _: Mishap) -> bool:
        await asyncio.to_thread(self.database.cut_off)
        return True

    async def _database_crashed(self, _: Mishap) -> bool:
        await asyncio.to_thread(self.database.crash)
        return True

    async def _while_away(self, trouble: AbstractContextManager[None], mishap: Mishap) -> bool:
        """It struck when the router could not write: it said so to a sender, or in its log.

        A full disk is noticed late: what SQLite has room for in its files it still writes.
        """
        async with self._one_trouble:
            before = self._away()
            await asyncio.to_thread(trouble.__enter__)
            try:
                await asyncio.sleep(mishap.seconds)
                return await self._comes_true(lambda: self._away() > before)
            finally:
                await asyncio.to_thread(trouble.__exit__, None, None, None)

    def _away(self) -> int:
        return self.door.away + self.house.times_away()

    async def _clock(self, mishap: Mishap) -> bool:
        return self.house.clockwork.step(mishap.seconds)

    async def _unreadable(self, mishap: Mishap) -> bool:
        status = 0

        async def answered() -> bool:
            nonlocal status
            response = await self.door.post(mishap.body)
            status = 0 if response is None else response.status_code
            return 0 < status < 500

        await until(answered, every_s=AGAIN_S)
        if status == 422:
            self.unreadable.append(mishap.body)
        else:
            self.wrongly_answered.append(f"{status} to {mishap.body!r}")
        return True


def struck_by_discord(discord: DiscordState, killed: Counter[str]) -> Counter[str]:
    """The faults that the stand-in's log shows; what only held a create for a kill is that kill's."""
    found = Counter(f"Discord: {record.fault}" for record in discord.requests if record.fault)
    mine = {str(_HELD): killed[Kind.KILLED_STORED], str(_LOST): killed[Kind.KILLED_UNSTORED]}
    return found - Counter({f"Discord: {name}": count for name, count in mine.items()})
