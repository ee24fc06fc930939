"""Starts and kills the router, and starts it again whenever it ends by itself."""

import asyncio
from dataclasses import dataclass, field

from testbed.fakes.discord import DiscordState
from testbed.faults.fake_clock import FakeClock
from testbed.processes import Process

LOOK_S = 0.2
OUTAGE_TEXTS = (
    "the database is away",
    "the database is not available",
    "is not stored yet",
    "does not answer",
)
"""In the router's log when it cannot write."""


@dataclass(slots=True)
class Supervisor:
    router: Process
    clock: FakeClock
    discord: DiscordState
    kills: list[float] = field(default_factory=list)
    """Their times, on Discord's clock."""
    ended_by_itself: int = 0
    """Unplanned exits; it is started again, as by systemd and Docker."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        await asyncio.to_thread(self.router.start)

    async def kill(self, *, down_s: float = 0.0) -> None:
        async with self._lock:
            await asyncio.to_thread(self.router.kill)
            self.kills.append(self.discord.clock())
            self.clock.remove_shared_memory(self.router.pid)
            await asyncio.sleep(down_s)
            await self.start()

    async def supervise(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            async with self._lock:
                if not self.router.alive:
                    self.ended_by_itself += 1
                    self.clock.remove_shared_memory(self.router.pid)
                    await self.start()

    def stop(self) -> None:
        self.router.stop()
        self.clock.remove_shared_memory(self.router.pid)

    def reported_outages(self) -> int:
        """How often the log reports that the router cannot write."""
        text = self.log()
        return sum(text.count(words) for words in OUTAGE_TEXTS)

    def log(self) -> str:
        return self.router.log.read_text(errors="replace")
