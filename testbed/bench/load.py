"""Sends webhooks as fast as they are answered, from a process of its own.

Plain sockets and one selector: it must never be what is measured. Of a hundred webhooks fifty bring a new
group, thirty repeat one and twenty resolve one, each long after the webhook before it about the same group.
"""

import argparse
import json
import random
import selectors
import socket
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

from testbed import webhook_alerts

CONNECTIONS = 16
ALERTS = 5
APART = 8 * CONNECTIONS
"""Webhooks between two about the same group, so that none overtakes the one before it."""
WARM_UP = 300
"""Webhooks before the clock runs."""
REPEATS, RESOLVES = 0.3, 0.2
BEGAN = datetime.now(UTC).replace(microsecond=0)
END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length: "
CLOSED = 0


def bodies(prefix: str, seed: int = 1) -> Iterator[bytes]:
    """Without end."""
    dice = random.Random(seed)  # noqa: S311 - the same load for the same seed
    firing: list[tuple[int, int]] = []
    """Number of the group, and of the webhook that spoke of it last; the longest ago is taken first."""
    groups = 0
    for number in range(sys.maxsize):
        kind = dice.random()
        group, ends_at = groups, None
        if kind < REPEATS + RESOLVES and firing and number - firing[0][1] > APART:
            group, _ = firing.pop(0)
            ends_at = BEGAN + timedelta(minutes=5) if kind < RESOLVES else None
        else:
            groups += 1
        if ends_at is None:
            firing.append((group, number))
        yield body(f"{prefix}{group:06}", ends_at)


def body(group: str, ends_at: datetime | None) -> bytes:
    instances = [f"{group}-{number}.example.org:9100" for number in range(ALERTS)]
    webhook = webhook_alerts.webhook(group, instances, starts_at=BEGAN, ends_at=ends_at)
    for alert in webhook["alerts"]:  # as Alertmanager sends it
        alert["labels"] |= {"job": "node", "team": "platform", "cluster": "eu-1"}
        alert["annotations"]["runbook_url"] = f"https://runbooks.example.org/{group}"
        alert["fingerprint"] = f"{zlib.crc32(alert['labels']['instance'].encode()):016x}"
    return json.dumps(webhook).encode()


class Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self.answer = b""

    def send(self, request: bytes) -> None:
        self.answer, self.sent_at = b"", time.monotonic()
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """The status, once the answer is complete; CLOSED when none will come."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            return CLOSED
        self.answer += data
        head, separator, rest = self.answer.partition(END_OF_HEAD)
        if not separator:
            return None
        length = head.lower().partition(LENGTH)[2].partition(b"\r\n")[0]
        return int(head.split(b" ", 2)[1]) if len(rest) >= int(length) else None


@dataclass(slots=True)
class Result:
    took_s: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    took_ms: list[float] = field(default_factory=list)
    """Of each answer."""


def run(port: int, token: str, requests: Iterator[bytes]) -> Result:
    """Send them all over connections kept open, each as soon as the answer before it has come."""
    head = (
        f"POST /webhooks/alertmanager HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    ).encode()
    result, began = Result(), time.monotonic()
    with selectors.DefaultSelector() as selector:

        def send_next(connection: Connection) -> None:
            if request := next(requests, b""):
                selector.register(connection.socket, selectors.EVENT_READ, connection)
                connection.send(head % len(request) + request)
            else:
                connection.socket.close()

        for _ in range(CONNECTIONS):
            send_next(Connection(port))
        while selector.get_map():
            for key, _ in selector.select():
                connection = key.data
                status = connection.receive()
                if status is None:
                    continue
                result.statuses[status] += 1
                result.took_ms.append((time.monotonic() - connection.sent_at) * 1000)
                selector.unregister(connection.socket)
                send_next(connection if status != CLOSED else Connection(port))
    result.took_s = time.monotonic() - began
    return result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("token")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--most", type=int, default=30_000, help="webhooks")
    options = parser.parse_args()
    run(options.port, options.token, islice(bodies("Before"), WARM_UP))
    prepared = list(islice(bodies("Measured"), options.most))
    until = time.monotonic() + options.seconds

    def while_time_lasts() -> Iterator[bytes]:
        for request in prepared:
            if time.monotonic() > until:
                return
            yield request

    result = run(options.port, options.token, while_time_lasts())
    json.dump({"took_s": result.took_s, "statuses": result.statuses, "took_ms": result.took_ms}, sys.stdout)


if __name__ == "__main__":
    main()
