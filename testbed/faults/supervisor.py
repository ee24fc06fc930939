"""The router as its supervisor sees it: started, killed, started again whenever it ends by itself."""

import asyncio
from dataclasses import dataclass, field

from testbed.fakes.discord import DiscordState
from testbed.faults.fake_clock import Clockwork
from testbed.processes import Process

LOOK_S = 0.2
AWAY = ("the database is away", "the database is not available", "not written down yet", "does not answer")
"""What the router's log says when it cannot write."""


@dataclass(slots=True)
class House:
    router: Process
    clockwork: Clockwork
    discord: DiscordState
    kills: list[float] = field(default_factory=list)
    """When, on Discord's clock."""
    ended_by_itself: int = 0
    """Ends that nobody ordered; the supervisor starts it again, as systemd and Docker do."""
    _hand: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        await asyncio.to_thread(self.router.start)

    async def kill(self, *, down_s: float = 0.0) -> None:
        async with self._hand:
            await asyncio.to_thread(self.router.kill)
            self.kills.append(self.discord.clock())
            self.clockwork.forget(self.router.pid)
            await asyncio.sleep(down_s)
            await self.start()

    async def supervise(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            async with self._hand:
                if not self.router.alive:
                    self.ended_by_itself += 1
                    self.clockwork.forget(self.router.pid)
                    await self.start()

    def stop(self) -> None:
        self.router.stop()
        self.clockwork.forget(self.router.pid)

    def times_away(self) -> int:
        """How often the log has said so."""
        text = self.log()
        return sum(text.count(words) for words in AWAY)

    def log(self) -> str:
        return self.router.log.read_text(errors="replace")
