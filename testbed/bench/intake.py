"""How many alerts a second the router takes in and keeps: python -m testbed.bench.intake.

Webhooks of five alerts over sixteen connections kept open: each group fires, is repeated, and resolves.
What is counted was answered 200, so it is on the disk (SQLite, synchronous=FULL). Cards go to the preview.
"""

import statistics
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from testbed import stack, webhook_alerts
from testbed.ports import free_port
from testbed.processes import Process
from testbed.storm.sender import CONNECTIONS, Sender

GROUPS = 1600
INSTANCES = 5
BEGAN = datetime(2026, 11, 22, 10, tzinfo=UTC)
WARM_UP = 150
"""Requests before the clock runs."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="intake-") as name:
        folder = Path(name)
        for what, make in (("the router", _router), ("an application that only answers", _ceiling)):
            with _running(make(folder, port := free_port())):
                sys.stdout.write(f"{what:34}{_measured(port)}\n")
                sys.stdout.flush()


def _router(folder: Path, port: int) -> Process:
    return stack.router(folder, port, {})


def _ceiling(folder: Path, port: int) -> Process:
    command = [sys.executable, "-m", "testbed.bench.ceiling", str(port)]
    return Process("ceiling", command, stack.local(port), folder / "ceiling.log", folder=stack.ROOT)


@contextmanager
def _running(program: Process) -> Iterator[None]:
    program.start()
    try:
        program.wait_ready()
        yield
    finally:
        program.stop()


def _measured(port: int) -> str:
    Sender(port, stack.TOKEN).send(list(_bodies("Before", WARM_UP // 3)))
    sender = Sender(port, stack.TOKEN)
    began = time.monotonic()
    sender.send(list(_bodies("Measured", GROUPS)))
    answers = list(sender.answers.values())
    took_s = max(answer.answered_at for answer in answers) - began
    kept = sum(answer.status == 200 for answer in answers) * INSTANCES
    percentiles = statistics.quantiles((answer.took_s * 1000 for answer in answers), n=100)
    return (
        f"{kept / took_s:7,.0f} alerts/s ({kept:,} in {took_s:.1f} s, {CONNECTIONS} connections, "
        f"{INSTANCES} alerts a webhook), answers {dict(Counter(answer.status for answer in answers))}, "
        f"p50 {percentiles[49]:.0f} ms, p99 {percentiles[98]:.0f} ms"
    )


def _bodies(prefix: str, groups: int) -> Iterator[dict[str, Any]]:
    """Firing, repeated and resolved: each of a group's three webhooks long after the one before it."""
    for first in range(0, groups, 2 * CONNECTIONS):
        numbers = range(first, min(first + 2 * CONNECTIONS, groups))
        for ends_at in (None, None, BEGAN + timedelta(minutes=5)):
            for number in numbers:
                instances = [f"{prefix}-{number}-{instance}" for instance in range(INSTANCES)]
                body = webhook_alerts.webhook(
                    f"{prefix}{number:05}", instances, starts_at=BEGAN, ends_at=ends_at
                )
                yield {**body, "alerts": [_fingerprinted(alert) for alert in body["alerts"]]}


def _fingerprinted(alert: dict[str, Any]) -> dict[str, Any]:
    """As Alertmanager sends it."""
    return {**alert, "fingerprint": f"{zlib.crc32(alert['labels']['instance'].encode()):016x}"}


if __name__ == "__main__":
    main()
