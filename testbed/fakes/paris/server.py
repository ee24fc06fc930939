"""Runs a fake as a real HTTP server in a thread, on a free port."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from testbed.fakes.paris.app import DATASET, create_app
from testbed.fakes.paris.state import ParisState

START_DEADLINE_S = 10.0


class ThreadServer(uvicorn.Server):
    """Says when it is ready, and stops at once: uvicorn's own loop looks every 0.1 s."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def main_loop(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        self.ready.set()
        await self._stopped.wait()

    def stop(self) -> None:
        self.should_exit = self.force_exit = True
        self._loop.call_soon_threadsafe(self._stopped.set)


def config(app: ASGIApp, **changes: Any) -> uvicorn.Config:
    quiet: dict[str, Any] = {
        "loop": "asyncio",
        "lifespan": "off",
        "access_log": False,
        "log_level": "critical",
    }
    return uvicorn.Config(app, **{**quiet, "timeout_graceful_shutdown": 1, **changes})


@contextmanager
def serving(app: ASGIApp, *, port: int = 0) -> Iterator[str]:
    """The root URL, without a trailing slash."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        # asyncio does this only for sockets that name their protocol; an answer takes 40 ms longer without.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = ThreadServer(config(app))
        thread = threading.Thread(target=server.run, args=([listener],), name="fake", daemon=True)
        thread.start()
        try:
            assert server.ready.wait(START_DEADLINE_S), "the fake did not start"
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop()
            thread.join(START_DEADLINE_S)


@contextmanager
def running(state: ParisState) -> Iterator[str]:
    """The data set's URL, without a trailing slash."""
    with serving(create_app(state)) as url:
        yield f"{url}{DATASET}"
