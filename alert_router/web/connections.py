"""The server's own limits on connections: no proxy before it is assumed.

Each connection has a time for its header, for its body and for reading the answer. When all places are taken,
the connection that has been without a request for the longest gives way.
"""

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

KEEP_ALIVE_S = 120
"""uvicorn's 5 s closes connections that Alertmanager keeps idle, and loses an alert sent just then."""
HEADER_S = 10.0
"""From the connection, or the first byte of the next request, to the end of the header."""
BODY_S = 60.0
"""From the end of the header to the end of the body: 16 MiB at 2.3 Mbit/s."""
READING_S = 60.0
"""A client that takes nothing of its answer for so long is gone."""
MAX_HEADER_BYTES = 32 * 1024
"""The address and all headers."""
MAX_HEADERS = 100
FILES_KEPT = 128
"""Of the process's open files, for the database, Discord and others."""
MAX_CONNECTIONS = 1024
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def max_connections() -> int:
    """As many as the process may open files for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(MAX_CONNECTIONS, max(soft - FILES_KEPT, FILES_KEPT))


class BoundedProtocol(HttpToolsProtocol):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._max_connections = max_connections()
        self._timer: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._in_body = False
        self._is_refused = False
        self.headers = []
        self.idle_since = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if len(self.connections) >= self._max_connections and not self._make_room():
            self._is_refused = True
            transport.write(FULL)
            transport.close()
            return
        super().connection_made(transport)
        self._expect_within(HEADER_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        if not self._is_refused:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused or self.transport.is_closing():
            return
        if self._timer is None and self.is_idle():
            self._expect_within(HEADER_S)
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._header_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        if len(self.headers) >= MAX_HEADERS:
            raise HeaderTooLarge
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_body = True
        self._expect_within(BODY_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self.idle_since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        if self._header_bytes > MAX_HEADER_BYTES or len(self.headers) >= MAX_HEADERS:
            self.transport.write(TOO_LARGE)
            self.transport.close()
        else:
            super().send_400_response(msg)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading = self.loop.call_later(READING_S, self._give_up)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES:
            raise HeaderTooLarge

    def is_idle(self) -> bool:
        """Between two requests, or before the first."""
        has_asked: bool = self.cycle is not None
        return not has_asked or (self.cycle.response_complete and not self._in_body)

    def _expect_within(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._time_out)

    def _time_out(self) -> None:
        if not self.transport.is_closing():
            if self.is_idle():
                self.transport.write(TIMED_OUT)
            self.transport.close()
            self._abort_later()

    def _give_up(self) -> None:
        self.transport.abort()

    def _abort_later(self) -> None:
        """A client that does not take the last bytes keeps the connection no longer either."""
        self._timer = self.loop.call_later(HEADER_S, self._give_up)

    def _make_room(self) -> bool:
        """Close the connection that has been idle for the longest."""
        idle = [one for one in self.connections if isinstance(one, BoundedProtocol) and one.is_idle()]
        if not idle:
            return False
        oldest = min(idle, key=lambda one: one.idle_since)
        oldest.transport.abort()
        self.connections.discard(oldest)
        return True

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_timers(self) -> None:
        self._stop_timer()
        if self._reading is not None:
            self._reading.cancel()


class HeaderTooLarge(Exception):
    """Ends the parsing of a header; the parser reports it as an invalid request."""
