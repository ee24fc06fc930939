"""Runs the fake as a real HTTP server in a thread: resets, time-outs and slow answers are real ones."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from testbed.fakes.discord.app import create_app
from testbed.fakes.discord.state import DEFAULT_TOKEN, DiscordState

START_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class RunningDiscord:
    state: DiscordState
    url: str
    """Without a trailing slash: http://127.0.0.1:PORT"""

    def webhook_url(self, webhook_id: str = "1", token: str = DEFAULT_TOKEN) -> str:
        return f"{self.url}/api/webhooks/{webhook_id}/{token}"


class OpenHandedProtocol(H11Protocol):
    """Hands the connection to the application, which ASGI does not: needed to reset it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as its parent
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class AnnouncedServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def config(state: DiscordState, **changes: Any) -> uvicorn.Config:
    settings: dict[str, Any] = {
        "http": OpenHandedProtocol,
        "loop": "asyncio",
        "lifespan": "off",
        "access_log": False,
        "log_level": "critical",
        "server_header": False,
        "timeout_keep_alive": 75,
        "timeout_graceful_shutdown": 1,
    }
    return uvicorn.Config(create_app(state), **{**settings, **changes})


@contextmanager
def running(state: DiscordState | None = None, *, port: int = 0) -> Iterator[RunningDiscord]:
    """The fake on loopback, on a free port by default; held requests are released at the end."""
    state = state or DiscordState()
    with socket.create_server(("127.0.0.1", port)) as listener:
        # asyncio does this only for sockets that name their protocol; an answer takes 40 ms longer without.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = AnnouncedServer(config(state))
        thread = threading.Thread(target=server.run, args=([listener],), name="fake Discord", daemon=True)
        thread.start()
        try:
            assert server.ready.wait(START_DEADLINE_S), "the fake Discord did not start"
            yield RunningDiscord(state, f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            state.faults.clear()
            thread.join(START_DEADLINE_S)


def transport(state: DiscordState) -> httpx.ASGITransport:
    """For httpx.AsyncClient(transport=...): no socket; time-outs and resets are raised as by httpx."""
    return httpx.ASGITransport(create_app(state))
