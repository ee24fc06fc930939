"""Runs the real promtool, amtool and Alertmanager. Where one is missing: a failure in CI, else a skip."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import httpx
import pytest

from testbed import real_parts
from testbed.ports import free_port


def need(program: str) -> str:
    return real_parts.program(program, package="prometheus, prometheus-alertmanager")


def run(program: str, *arguments: str | Path) -> str:
    """Returns the program's output; its failure fails the test with that output."""
    command = [need(program), *map(str, arguments)]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    return output


def wait_until(condition: Callable[[], bool], *, within_s: float, otherwise: str) -> None:
    pause = Event()
    for _ in range(int(within_s / 0.05)):
        if condition():
            return
        pause.wait(0.05)
    pytest.fail(otherwise)


@contextmanager
def alertmanager(config: Path, folder: Path) -> Iterator[httpx.Client]:
    """A single Alertmanager on a free port; the client is for its API v2."""
    address = f"127.0.0.1:{free_port()}"
    command = [
        need("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    log = folder / "alertmanager.log"
    with (
        log.open("w") as out,
        subprocess.Popen(command, stdout=out, stderr=out) as process,
        httpx.Client(base_url=f"http://{address}", trust_env=False) as client,
    ):
        try:
            wait_until(lambda: _is_ready(client), within_s=20, otherwise=f"not ready: {log.read_text()}")
            yield client
        finally:
            process.terminate()


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/-/ready").is_success
    except httpx.TransportError:
        return False
