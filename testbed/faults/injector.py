"""Injects the planned faults and counts those that took effect."""

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
from testbed.faults.fault_plan import Kind, PlannedFault
from testbed.faults.plan import Plan
from testbed.faults.senders import Stopwatch, WebhookSender
from testbed.faults.supervisor import Supervisor
from testbed.faults.waiting import until

WEBHOOK = "1"
CATCH_S = 15.0
"""How long to wait for the create to catch, or for a request to the deleted webhook."""
AGAIN_S = 1.0
UNKNOWN_WEBHOOK = "10015"
_HELD = faults.hold(stored=True, seconds=2 * CATCH_S)
_LOST = faults.timeout(seconds=2 * CATCH_S)


@dataclass(slots=True)
class FaultInjector:
    plan: Plan
    supervisor: Supervisor
    database: Database
    discord: DiscordState
    sender: WebhookSender
    stopwatch: Stopwatch
    hits: Counter[str] = field(default_factory=Counter)
    """Faults that took effect, by name."""
    misses: Counter[str] = field(default_factory=Counter)
    rejected: list[bytes] = field(default_factory=list)
    """Bodies answered 422."""
    unexpected_answers: list[str] = field(default_factory=list)
    _one_outage: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for fault in self.plan.faults:
                tasks.create_task(self._inject_when_due(fault))

    async def _inject_when_due(self, fault: PlannedFault) -> None:
        await self.stopwatch.reach(fault.at_s)
        took_effect = await self._injections[fault.kind](fault)
        if fault.kind is not Kind.DISCORD:  # those are counted from the log of the fake Discord
            (self.hits if took_effect else self.misses)[fault.name] += 1

    @property
    def _injections(self) -> Mapping[Kind, Callable[[PlannedFault], Awaitable[bool]]]:
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
            Kind.INVALID_WEBHOOK: self._invalid_webhook,
        }

    async def _discord(self, fault: PlannedFault) -> bool:
        assert fault.discord_fault is not None
        self.discord.faults.next(fault.discord_fault, operation=fault.operation)
        return True

    async def _channel_deleted(self, fault: PlannedFault) -> bool:
        before = self._refused_as_gone()
        self.discord.delete_webhook(WEBHOOK)
        await asyncio.sleep(fault.seconds)
        hit = await self._becomes_true(lambda: self._refused_as_gone() > before)
        self.discord.revive_webhook(WEBHOOK)
        return hit

    def _refused_as_gone(self) -> int:
        return sum(UNKNOWN_WEBHOOK in (record.error or "") for record in self.discord.requests)

    async def _message_deleted(self, fault: PlannedFault) -> bool:
        shown = [message for message in self.discord.messages() if message_parser.parse(message).fires]
        if not shown:
            return False
        self.discord.delete_message(shown[int(fault.choice * len(shown))].id)
        return True

    async def _killed(self, fault: PlannedFault) -> bool:
        await self.supervisor.kill(down_s=fault.seconds)
        return True

    async def _killed_stored(self, _: PlannedFault) -> bool:
        return await self._killed_during(_HELD)

    async def _killed_unstored(self, _: PlannedFault) -> bool:
        return await self._killed_during(_LOST)

    async def _killed_during(self, fault: Fault) -> bool:
        """Kill the router between sending a create and receiving the answer."""
        rule = Rule(fault, operation="create")
        self.discord.faults.rules.insert(0, rule)
        caught = await self._becomes_true(lambda: rule.left == 0)
        if caught:
            await self.supervisor.kill()
        self.discord.faults.rules.remove(rule)
        self.discord.faults.release()
        return caught

    async def _becomes_true(self, condition: Callable[[], bool]) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCH_S):
                await until(condition)
        return condition()

    async def _locked(self, fault: PlannedFault) -> bool:
        return await self._while_unavailable(self.database.locked(), fault)

    async def _disk_full(self, fault: PlannedFault) -> bool:
        return await self._while_unavailable(self.database.full(self.supervisor.router), fault)

    async def _cut_off(self, _: PlannedFault) -> bool:
        await asyncio.to_thread(self.database.cut_off)
        return True

    async def _database_crashed(self, _: PlannedFault) -> bool:
        await asyncio.to_thread(self.database.crash)
        return True

    async def _while_unavailable(self, outage: AbstractContextManager[None], fault: PlannedFault) -> bool:
        """It took effect when the router reported that it cannot write: by a 503, or in its log.

        A full disk takes effect late: SQLite still writes into the free pages of its files.
        """
        async with self._one_outage:
            before = self._failed_writes()
            await asyncio.to_thread(outage.__enter__)
            try:
                await asyncio.sleep(fault.seconds)
                return await self._becomes_true(lambda: self._failed_writes() > before)
            finally:
                await asyncio.to_thread(outage.__exit__, None, None, None)

    def _failed_writes(self) -> int:
        return self.sender.unavailable + self.supervisor.reported_outages()

    async def _clock(self, fault: PlannedFault) -> bool:
        return self.supervisor.clock.step(fault.seconds)

    async def _invalid_webhook(self, fault: PlannedFault) -> bool:
        status = 0

        async def is_answered() -> bool:
            nonlocal status
            response = await self.sender.post(fault.body)
            status = 0 if response is None else response.status_code
            return 0 < status < 500

        await until(is_answered, every_s=AGAIN_S)
        if status == 422:
            self.rejected.append(fault.body)
        else:
            self.unexpected_answers.append(f"{status} to {fault.body!r}")
        return True


def discord_hits(discord: DiscordState, kills: Counter[str]) -> Counter[str]:
    """The faults in the fake's log, without those that only held a create for a kill."""
    logged = Counter(f"Discord: {record.fault}" for record in discord.requests if record.fault)
    for_kills = {str(_HELD): kills[Kind.KILLED_STORED], str(_LOST): kills[Kind.KILLED_UNSTORED]}
    return logged - Counter({f"Discord: {name}": count for name, count in for_kills.items()})
