"""Clients that keep a server busy: silent, slow, greedy. Bounded, and for a server on this machine only."""

import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
TIMEOUT_S = 30.0
FILES = 4096


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))


@dataclass(frozen=True, slots=True)
class Target:
    port: int

    @classmethod
    def of(cls, url: str) -> "Target":
        _allow_files()
        parts = urlsplit(url)
        assert parts.hostname == LOOPBACK, "hostile clients stay on this machine"
        assert parts.port is not None
        return cls(parts.port)

    def connect(self) -> socket.socket:
        return socket.create_connection((LOOPBACK, self.port), timeout=TIMEOUT_S)

    @contextmanager
    def silent(self, number: int) -> Iterator[None]:
        """Connections that never send a byte."""
        with ExitStack() as opened:
            for _ in range(number):
                opened.enter_context(self.connect())
            yield

    @contextmanager
    def dripping(self, number: int, header: bytes) -> Iterator[list[socket.socket]]:
        """Connections that send the start of a request, then a byte every half second."""
        stop = threading.Event()
        with ExitStack() as opened:
            clients = [opened.enter_context(self.connect()) for _ in range(number)]
            for client in clients:
                client.sendall(header)
            thread = threading.Thread(target=_drip, args=(clients, stop), daemon=True)
            thread.start()
            opened.callback(thread.join)
            opened.callback(stop.set)
            yield clients

    @contextmanager
    def asking(self, path: str, number: int) -> Iterator[None]:
        """Connections that ask for a page and never read it."""
        request = f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nAccept: text/html\r\n\r\n".encode()
        with ExitStack() as opened:
            for _ in range(number):
                opened.enter_context(self.connect()).sendall(request)
            yield

    def answer(self, request: bytes) -> bytes:
        """All that the server sends until it closes."""
        with self.connect() as client:
            client.sendall(request)
            return b"".join(iter(lambda: _received(client), b""))


def _drip(clients: list[socket.socket], stop: threading.Event) -> None:
    while not stop.wait(0.5):
        for client in clients:
            try:
                client.sendall(b"x")
            except OSError:
                continue


def _received(client: socket.socket) -> bytes:
    try:
        return client.recv(65536)
    except ConnectionResetError:
        return b""
