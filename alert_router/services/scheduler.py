"""Runs tasks again and again, each at its own interval."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

from alert_router.store.engine import Unavailable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    name: str
    every_s: float
    run: Callable[[], Awaitable[object]]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it to run the task at once instead of at the end of the interval."""


async def repeat(task: PeriodicTask) -> NoReturn:
    while True:
        task.wake.clear()
        try:
            await task.run()
        except Unavailable as error:
            log.warning("%s: the database is not available: %s", task.name, error)
        except Exception:  # one run's fault must not end all that follow
            log.exception("%s failed", task.name)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(task.wake.wait(), task.every_s)
