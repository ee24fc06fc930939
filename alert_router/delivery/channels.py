"""The workers of all channels, which follow the configuration while the router runs."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

from alert_router.config import Channel, Configuration
from alert_router.delivery.rate_limiter import RateLimiter
from alert_router.delivery.worker import DeliveryWorker
from alert_router.domain.model import ChannelName
from alert_router.store import rate_limits
from alert_router.store.engine import Unavailable
from alert_router.store.writer import Writer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Running:
    channel: Channel
    worker: DeliveryWorker
    task: asyncio.Task[None]


class ChannelWorkers:
    """One worker for each channel of the configuration."""

    def __init__(
        self, build: Callable[[Channel], DeliveryWorker], rate_limiter: RateLimiter, writer: Writer
    ) -> None:
        """build: makes a channel's worker, with a connection of its own."""
        self._build = build
        self._rate_limiter = rate_limiter
        self._writer = writer
        self._running: dict[ChannelName, _Running] = {}

    @property
    def workers(self) -> tuple[DeliveryWorker, ...]:
        return tuple(running.worker for running in self._running.values())

    @property
    def troubles(self) -> Mapping[str, str]:
        """By channel, why it delivers nothing."""
        troubles = {}
        for name, running in self._running.items():
            if running.task.done():
                troubles[f"channel {name}"] = "its delivery has ended"
            elif running.worker.stopped is not None:
                troubles[f"channel {name}"] = f"accepts nothing: {running.worker.stopped}"
        return troubles

    def is_up(self, name: ChannelName) -> bool:
        """Whether the channel accepts messages, as far as is known."""
        running = self._running.get(name)
        return running is None or (running.worker.stopped is None and not running.task.done())

    def wake(self, names: Collection[ChannelName] | None = None) -> None:
        """Let these channels look for work at once; all of them if None."""
        for name, running in self._running.items():
            if names is None or name in names:
                running.worker.wake()

    async def follow(self, configuration: Configuration) -> None:
        """Start, replace and end workers; one whose channel is unchanged goes on.

        The cards of a channel that is gone stay as they are.
        """
        channels = configuration.channels
        changed = [
            name
            for name, running in self._running.items()
            if name not in channels or _connection_of(channels[name]) != _connection_of(running.channel)
        ]
        await asyncio.gather(*map(self._end, changed))
        for name, channel in channels.items():
            if name not in self._running:
                worker = self._build(channel)
                task = asyncio.create_task(worker.run(), name=f"delivery to {name}")
                self._running[name] = _Running(channel, worker, task)

    async def reload(self, _before: Configuration, new: Configuration) -> None:
        await self.follow(new)

    async def stop(self) -> None:
        """Let the requests under way end and their outcomes be stored."""
        await asyncio.gather(*(_finish(running) for running in self._running.values()))
        self._running.clear()

    async def _end(self, name: ChannelName) -> None:
        await _finish(self._running.pop(name))
        self._rate_limiter.forget(name)
        log.info("channel %s: ended, or connected anew", name)
        with contextlib.suppress(Unavailable):  # it expires by itself
            await self._writer.run(partial(rate_limits.forget, channel=name))


async def _finish(running: _Running) -> None:
    await running.worker.stop()
    running.task.cancel()
    await asyncio.gather(running.task, return_exceptions=True)


def _connection_of(channel: Channel) -> Channel:
    """What a connection depends on."""
    return replace(channel, fallback=None, webhook_url_file=None, from_environment=False)
