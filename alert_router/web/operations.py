"""Health and metrics for machines: in threads of their own, one computation for all who ask at once."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from prometheus_client import CollectorRegistry, generate_latest

from alert_router.services.health import Health

T = TypeVar("T")


class Operations:
    def __init__(self, check_health: Callable[[], Health], registry: CollectorRegistry) -> None:
        self._check_health = check_health
        self._registry = registry
        self._threads = ThreadPoolExecutor(2, "operations")
        self._running: dict[str, asyncio.Future[Any]] = {}

    async def health(self) -> Health:
        return await self._shared("health", self._check_health)

    async def metrics(self) -> bytes:
        return await self._shared("metrics", lambda: generate_latest(self._registry))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _shared(self, name: str, compute: Callable[[], T]) -> T:
        running = self._running.get(name)
        if running is None or running.done():
            running = asyncio.get_running_loop().run_in_executor(self._threads, compute)
            self._running[name] = running
        # Whoever hangs up takes the answer from nobody else.
        return cast("T", await asyncio.shield(running))
