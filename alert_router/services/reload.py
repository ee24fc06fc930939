"""Puts a changed configuration in effect while the router runs; a bad one leaves the old one in effect."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from alert_router import config
from alert_router.config import ConfigError, Configuration
from alert_router.config.holder import ConfigurationHolder

log = logging.getLogger(__name__)
Listener = Callable[[Configuration, Configuration], Awaitable[object]]
"""Called with the configuration before and the new one, which is in effect already."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    changes: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    problems: tuple[str, ...]
    """Each with its file, line and column."""


@dataclass(slots=True)
class Reload:
    """Listeners are called at each reload of a valid configuration, in their order, even if nothing changed.

    So whoever could not follow the last one does at the next.
    """

    holder: ConfigurationHolder
    load: Callable[[], Configuration]
    """Reads files; raises ConfigError."""
    clock: Callable[[], datetime]
    listeners: list[Listener] = field(default_factory=list)
    problems: tuple[str, ...] = ()
    """Why the last reload failed; empty when it did not."""
    succeeded_at: datetime = field(init=False)
    """When the configuration in effect was loaded."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    def __post_init__(self) -> None:
        self.succeeded_at = self.clock()

    def request(self) -> None:
        """From a signal handler: reload soon."""
        if self._loop is None:
            self._wake.set()
        else:
            self._loop.call_soon_threadsafe(self._wake.set)

    async def serve_requests(self) -> NoReturn:
        self._loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.run_once()
            except Exception:  # the next request must find this loop alive
                log.exception("the reload of the configuration failed")

    async def run_once(self) -> Reloaded | Refused:
        """Raises what a listener raises: the new configuration is in effect then, but not everywhere."""
        async with self._lock:
            try:
                new = await asyncio.to_thread(self.load)
            except ConfigError as error:
                return self._refuse(error)
            before = self.holder.swap(new)
            self.problems = ("the new configuration is not in effect everywhere; see the log",)
            for listener in self.listeners:
                await listener(before, new)
            return self._succeed(before, new)

    def troubles(self) -> Mapping[str, str]:
        """For readiness: what needs a person's attention."""
        if not self.problems:
            return {}
        return {"configuration": f"the last reload failed: {'; '.join(self.problems)}"}

    def _refuse(self, error: ConfigError) -> Refused:
        self.problems = tuple(map(str, error.problems))
        log.error("the configuration stays as it was: %s", "; ".join(self.problems))
        return Refused(self.problems)

    def _succeed(self, before: Configuration, new: Configuration) -> Reloaded:
        self.problems, self.succeeded_at = (), self.clock()
        reloaded = Reloaded(config.diff(before, new), tuple(map(str, new.warnings)))
        log.info("configuration reloaded: %s", reloaded.changes)
        for warning in reloaded.warnings:
            log.warning("%s", warning)
        return reloaded
