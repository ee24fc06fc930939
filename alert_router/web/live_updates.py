"""Tells open pages that something changed. What changed they fetch, as any page.

One query a second for all listeners together, and none while nobody looks.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime

import sqlalchemy as sa

from alert_router.store.engine import Store, Unavailable
from alert_router.store.tables import decisions, deliveries, quarantine, transitions

POLL_S = 1.0
HEARTBEAT_S = 15.0
"""Proxies close what is silent for long; and a reader who left is noticed."""
MAX_LISTENERS = 200
Version = tuple[int, ...]

_VERSION = sa.select(
    *(
        sa.func.coalesce(sa.select(sa.func.max(table.c.id)).scalar_subquery(), 0)
        for table in (transitions, deliveries, decisions, quarantine)
    )
)
"""Each of these tables only grows, and something is appended whenever a page changes."""


_LAST_CHANGES = tuple(
    sa.select(table.c.at).order_by(table.c.id.desc()).limit(1) for table in (transitions, deliveries)
)


class LiveUpdates:
    """The listeners of one process. All of it runs in the event loop, but for the queries."""

    def __init__(self, store: Store, *, max_listeners: int = MAX_LISTENERS, poll_s: float = POLL_S) -> None:
        self._store = store
        self._max_listeners = max_listeners
        self._poll_s = poll_s
        self._listeners: set[asyncio.Event] = set()
        self._poller: asyncio.Task[None] | None = None
        self._closed = False
        self.version: Version | None = None
        """As last read; None before that."""

    @property
    def is_polling(self) -> bool:
        return self._poller is not None

    @property
    def is_full(self) -> bool:
        return self._closed or len(self._listeners) >= self._max_listeners

    def close(self) -> None:
        """End all streams: a server that stops waits for its responses."""
        self._closed = True
        for listener in self._listeners:
            listener.set()

    async def stream(self, since: datetime | None) -> AsyncIterator[str]:
        """Server-sent events. since: the time of the page, so that nothing between it and now is missed."""
        listener = asyncio.Event()
        self._listeners.add(listener)
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())
        try:
            yield "retry: 3000\n\n"
            if since is not None and await asyncio.to_thread(self._changed_since, since):
                listener.set()
            while True:
                changed = await _is_set(listener)
                if self._closed:
                    return
                yield "event: change\ndata:\n\n" if changed else ": nothing\n\n"
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._poller is not None:
                self._poller.cancel()
                self._poller = None

    async def _poll(self) -> None:
        known: Version | None = None
        while True:
            with suppress(Unavailable):  # then nothing can be shown anyway
                self.version = await asyncio.to_thread(self._version)
                if known is not None and self.version != known:
                    for listener in self._listeners:
                        listener.set()
                known = self.version
            await asyncio.sleep(self._poll_s)

    def _version(self) -> Version:
        with self._store.read() as conn:
            return tuple(conn.execute(_VERSION).one())

    def _changed_since(self, moment: datetime) -> bool:
        with self._store.read() as conn:
            times: list[datetime | None] = [conn.scalar(query) for query in _LAST_CHANGES]
        return any(at is not None and at >= moment for at in times)


async def _is_set(listener: asyncio.Event) -> bool:
    """Whether it was, within HEARTBEAT_S."""
    try:
        async with asyncio.timeout(HEARTBEAT_S):
            await listener.wait()
    except TimeoutError:
        return False
    listener.clear()
    return True
