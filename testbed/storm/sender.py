"""Sends webhooks over open connections, as Alertmanager does, at little CPU: the router runs beside it."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    sent_at: float
    answered_at: float

    @property
    def took_s(self) -> float:
        return self.answered_at - self.sent_at


@dataclass(slots=True)
class Sender:
    """To one router on this machine."""

    port: int
    token: str
    clock: Callable[[], float] = time.monotonic
    answers: dict[int, Answer] = field(default_factory=dict)
    """By the index of the body."""

    def send(self, bodies: Sequence[Mapping[str, Any]], *, over_s: float = 0.0) -> None:
        """Spread evenly over `over_s`, or (0) as fast as they are answered."""
        asyncio.run(self._send([self._request(body) for body in bodies], over_s))

    def _request(self, body: Mapping[str, Any]) -> bytes:
        text = json.dumps(body).encode()
        head = (
            f"POST /webhooks/alertmanager HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\n\r\n"
        )
        return head.encode() + text

    async def _send(self, requests: Sequence[bytes], over_s: float) -> None:
        waiting = enumerate(requests)
        started, apart_s = self.clock(), over_s / len(requests)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(CONNECTIONS, len(requests))):
                group.create_task(self._connection(waiting, started, apart_s))

    async def _connection(self, waiting: Iterator[tuple[int, bytes]], started: float, apart_s: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for number, request in waiting:
            await asyncio.sleep(max(started + number * apart_s - self.clock(), 0.0))
            sent_at = self.clock()
            writer.write(request)
            status = await _status(reader)
            self.answers[number] = Answer(status, sent_at, self.clock())
        writer.close()
        await writer.wait_closed()


async def _status(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = head.split("\r\n")
    length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
    await reader.readexactly(length)
    return int(lines[0].split(" ")[1])
